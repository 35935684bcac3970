// The agent's unit, as text: what the service manager runs, and how far it is confined.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { shellWord } from '../../../shared/errors/entry.ts';
import { UNIT_DIRECTORY } from '../../../shared/node/service/manager.ts';
import { quote } from '../../../shared/node/service/unit.ts';
import { LAST_END_FILE } from './watchdog.ts';

export const AGENT_UNIT = 'fairlead-agent.service';

export interface AgentUnitOptions {
  /** The program and the words before `agent run`; its path is absolute. */
  readonly program: readonly string[];
  readonly stateDir: string;
}

/**
 * Services of the `process` driver live in the agent's control group: they outlive its end and its restart, and one
 * that runs out of memory or starts many tasks neither takes the agent down nor runs into the agent's limits. One arena of
 * malloc for all threads: what one of them frees, another uses (3 MB). Services do not inherit the environment.
 */
export function renderAgentUnit({ program, stateDir }: AgentUnitOptions): string {
  const command = [...program, '--state-dir', stateDir, 'agent', 'run'].map(quote).join(' ');
  return `# Written by fairlead agent install, which replaces it. To add to it: systemctl edit ${AGENT_UNIT}
[Unit]
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

/** The command that starts the agent of this state directory. */
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
