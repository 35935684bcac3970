// How the agent of a state directory is started on this machine: by its unit where one is installed, else by hand.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { shellWord } from '../../../shared/errors/entry.ts';
import { AGENT_UNIT } from '../machine/agent-unit.ts';
import { quote } from './systemd/unit-syntax.ts';

export const UNIT_DIRECTORY = '/etc/systemd/system';

export function startCommand(stateDir: string, unitDirectory = UNIT_DIRECTORY): string {
  const byHand = `fairlead agent run --state-dir ${shellWord(stateDir)}`;
  try {
    const unit = readFileSync(join(unitDirectory, AGENT_UNIT), 'utf8');
    const isOurs = unit.includes(` ${quote('--state-dir')} ${quote(resolve(stateDir))} `);
    return isOurs ? `systemctl start ${AGENT_UNIT}` : byHand;
  } catch {
    return byHand;
  }
}
