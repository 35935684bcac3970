// The agent's unit, as text: what the service manager runs, and how far it is confined.
import { readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { shellWord } from '../../../shared/errors/entry.ts';
import { UNIT_DIRECTORY } from '../../../shared/node/service/manager.ts';
import { confine, quote } from '../../../shared/node/service/unit.ts';
import { DRIVER_NAMES } from '../../../shared/schema/drivers/drivers.ts';
import type { DriverName } from '../../ports/deploy.ts';
import { currentExecutable, slotsDirectoryOf, WAY_BACK } from './agent-slots.ts';
import { SUPERVISOR_VARIABLE, SUPERVISOR_VERSION } from './own-process.ts';
import { LAST_END_FILE } from './watchdog.ts';

export const AGENT_UNIT = 'fairlead-agent.service';

export interface AgentUnitOptions {
  /** The program and the words before `agent run`, as a person would type them; its path is absolute. */
  readonly program: readonly string[];
  /** The unit starts the executable in the current slot, and goes back to the other; absent where it starts the program itself. */
  readonly slots?: boolean;
  readonly stateDir: string;
  /** What may run services here; every driver where it is null. */
  readonly drivers: readonly DriverName[] | null;
}

/** Their services are started by others: nothing that confines the agent confines them. */
const ELSEWHERE: readonly DriverName[] = ['systemd', 'compose'];

/**
 * Services of the `process` driver live in the agent's control group: they outlive its end and its restart, and one
 * that runs out of memory or starts many tasks neither takes the agent down nor runs into the agent's limits. One arena of
 * malloc for all threads: what one of them frees, another uses (3 MB). Services do not inherit the environment.
 */
export function renderAgentUnit({ program, stateDir, drivers, slots = false }: AgentUnitOptions): string {
  const enabled = drivers === null ? [] : [DRIVERS_FLAG, drivers.join(',')];
  const started = slots ? [currentExecutable(stateDir)] : program;
  const words = [...started, '--state-dir', stateDir, 'agent', 'run', ...enabled];
  const confinement = drivers?.every((name) => ELSEWHERE.includes(name)) === true;
  return `# Written by fairlead agent install, which replaces it. To add to it: systemctl edit ${AGENT_UNIT}
[Unit]
Description=Fairlead agent
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
${slots ? renderSupervisor(stateDir) : ''}ExecStart=:${words.map(quote).join(' ')}
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
${confinement ? confineAgent(started, stateDir) : ''}
[Install]
WantedBy=multi-user.target
`;
}

/**
 * The supervisor of a trial, which no update of the agent changes: at every start the link that leads back counts down by one, and
 * the start after the last becomes the one before. A start counts however it ends: by an exit, a hang until TimeoutStartSec, the watchdog,
 * a power cut. Nothing here is a shell, and nothing says a word where no link stands.
 */
export function supervisorCommands(stateDir: string): readonly (readonly string[])[] {
  const directory = slotsDirectoryOf(stateDir);
  const at = (name: string) => join(directory, name);
  const move = (from: string, to: string) => [
    ...['/usr/bin/find', directory, '-maxdepth', '1', '-name', from],
    ...['-exec', 'mv', '-T', '{}', at(to), ';'],
  ];
  const steps = WAY_BACK.map((name, left) => move(name, WAY_BACK[left - 1] ?? 'current'));
  return [...steps, ['/bin/sync', directory]];
}

function renderSupervisor(stateDir: string): string {
  const lines = supervisorCommands(stateDir).map((words) => `ExecStartPre=-:${words.map(quote).join(' ')}\n`);
  return `Environment=${SUPERVISOR_VARIABLE}=${SUPERVISOR_VERSION}\n${lines.join('')}`;
}

const DRIVERS_FLAG = '--drivers';

/** The drivers that a unit was written for; null where it names none. */
export function driversIn(unit: string): readonly DriverName[] | null {
  const named = new RegExp(` ${quote(DRIVERS_FLAG)} "([a-z,]+)"`).exec(unit)?.[1]?.split(',');
  return named === undefined ? null : DRIVER_NAMES.filter((name) => named.includes(name));
}

/**
 * What is left to it: files of other accounts (services' data), programs run as them (hooks, smoke tests) and ended, the
 * units of services. Its word to the manager comes from a tool of the manager's, which without CAP_SYS_ADMIN speaks in its own name.
 */
function confineAgent(program: readonly string[], stateDir: string): string {
  const lines = confine({ writable: [stateDir, '/run', UNIT_DIRECTORY], reads: program.filter(isAbsolute) });
  return `NotifyAccess=all
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_SETGID CAP_SETUID
${lines}`;
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
