// fairlead agent install and uninstall: the agent as a service of this machine.

import { resolve } from 'node:path';
import { z } from 'zod';
import { shellWord } from '../../../shared/errors/entry.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { ownProgram } from '../../../shared/node/own-parts.ts';
import {
  AGENT_UNIT,
  installAgent,
  UNIT_DIRECTORY,
  uninstallAgent,
} from '../../adapters/machine/agent-unit.ts';
import { readEnrolment } from '../../adapters/server/enrolment-file.ts';
import { type CliContext, show } from '../context.ts';

const unit = { unit: z.string() };
export const installAnswer = z.strictObject({ schema: z.literal('fairlead/agent-installed@1'), ...unit });
export const uninstallAnswer = z.strictObject({ schema: z.literal('fairlead/agent-uninstalled@1'), ...unit });

/** Errors: enrolment/missing, service/manager-failed, disk/*. */
export async function install(context: CliContext): Promise<number> {
  const stateDir = resolve(context.stateDir);
  if ((await readEnrolment(stateDir)) === null) throw new FairleadError('enrolment/missing', { stateDir });
  await installAgent(UNIT_DIRECTORY, { program: ownProgram('agent/cli/main.ts'), stateDir });
  show(context, { schema: 'fairlead/agent-installed@1', unit: AGENT_UNIT }, () => [
    `${AGENT_UNIT} runs now and at every boot`,
    `next: fairlead status --state-dir ${shellWord(stateDir)}`,
  ]);
  return 0;
}

/** Errors: service/manager-failed, disk/*. */
export async function uninstall(context: CliContext): Promise<number> {
  await uninstallAgent(UNIT_DIRECTORY);
  show(context, { schema: 'fairlead/agent-uninstalled@1', unit: AGENT_UNIT }, () => [
    `${AGENT_UNIT} is removed; its state in ${resolve(context.stateDir)} and the services it started stay`,
  ]);
  return 0;
}
