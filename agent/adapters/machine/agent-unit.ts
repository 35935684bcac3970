// The agent as a service of the machine: its unit file, installed and removed.

import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { shellWord } from '../../../shared/errors/entry.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { systemctl } from '../drivers/systemd/systemctl.ts';
import { quote } from '../drivers/systemd/unit-file.ts';
import { LAST_END_FILE } from './watchdog.ts';

export const AGENT_UNIT = 'fairlead-agent.service';

export interface AgentUnitOptions {
  /** The program and the words before `agent run`; its path is absolute. */
  readonly program: readonly string[];
  readonly stateDir: string;
}

/**
 * Services of the `process` driver live in the agent's control group: they outlive its end and its restart, and one
 * that runs out of memory or starts many tasks neither takes the agent down nor runs into the agent's limits. Nothing
 * is confined here, for whatever confines the agent would confine them. One arena of malloc for all threads: what one
 * of them frees, another uses (3 MB). Services do not inherit the environment.
 */
export function renderAgentUnit({ program, stateDir }: AgentUnitOptions): string {
  const command = [...program, '--state-dir', stateDir, 'agent', 'run'].map(quote).join(' ');
  return `[Unit]
Description=Fairlead agent
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=:${command}
Restart=always
RestartSec=1
TimeoutStartSec=10min
WatchdogSec=3min
WatchdogSignal=SIGKILL
KillMode=process
OOMPolicy=continue
TasksMax=infinity
UMask=0077
Environment=MALLOC_ARENA_MAX=1
RuntimeDirectory=fairlead
RuntimeDirectoryMode=0755
RuntimeDirectoryPreserve=restart
ExecStopPost=-:/bin/sh -c 'echo "$SERVICE_RESULT" > "$RUNTIME_DIRECTORY/${LAST_END_FILE}"'

[Install]
WantedBy=multi-user.target
`;
}

/** Starts the agent now and at every boot. Idempotent. Errors: service/manager-failed, disk/*. */
export async function installAgent(unitDirectory: string, options: AgentUnitOptions): Promise<void> {
  await writeDurably(join(unitDirectory, AGENT_UNIT), utf8(renderAgentUnit(options)), 0o644);
  await ask('daemon-reload');
  await ask('enable', AGENT_UNIT);
  await ask('restart', AGENT_UNIT);
}

/** Stops the agent and forgets its unit; its state and the services it started stay. Idempotent. Errors as above. */
export async function uninstallAgent(unitDirectory: string): Promise<void> {
  if ((await systemctl(['cat', AGENT_UNIT])).status === 0) await ask('disable', '--now', AGENT_UNIT);
  await rm(join(unitDirectory, AGENT_UNIT), { force: true });
  await syncDirectory(unitDirectory);
  await ask('daemon-reload');
}

async function ask(...words: readonly string[]): Promise<void> {
  const answer = await systemctl(words);
  if (answer.status === 0) return;
  throw new FairleadError('service/manager-failed', { manager: 'systemd', problem: answer.detail });
}

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
