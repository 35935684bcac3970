// The command driver: the vendor's own commands start and stop the service and say whether it runs.
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { makeDirectory } from '../../../../shared/node/durable-file.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { Driver, ServiceStatus, StopOutcome, UnitOf } from '../../../ports/deploy.ts';
import type { Clock } from '../../../ports/machine.ts';
import { type Account, environmentFor, recallAccount, resolveAccount, uidOf } from '../../machine/account.ts';
import { type ProcessEntry, signalProcess } from '../../machine/process-table.ts';
import { runTool, type ToolResult, type ToolSpec } from '../../machine/run-tool.ts';
import { prepareDirectories } from '../service-directories.ts';
import { keepLog, openForStart, openLog, readServiceLog } from '../service-log.ts';
import { createServiceProcesses } from '../service-processes.ts';
import { type CommandRecord, createCommandRecords } from './command-record.ts';

export interface CommandDriverOptions {
  readonly stateDir: string;
  /** Where the driver remembers what it started, secrets included: best in memory. */
  readonly runtimeDirectory: string;
  readonly clock: Clock;
}

/** `unknown`: the command did not answer, or not with one of the statuses that mean something. */
interface Answer {
  readonly kind: 'runs' | 'ended' | 'unknown';
  readonly detail: string;
}

const POLL_MS = 100;
/** The vendor's command is asked this often while somebody waits for the service's end. */
const WATCH_MS = 500;
const KILL_PATIENCE_MS = 5_000;

export function createCommandDriver(options: CommandDriverOptions): Driver<UnitOf<'command'>> {
  const { stateDir, clock } = options;
  const records = createCommandRecords(options.runtimeDirectory);
  // A mark of its own, or the process driver would take these services for its own.
  const ownDirectory = join(stateDir, 'run', 'command');
  const processes = createServiceProcesses(ownDirectory, ownDirectory);
  const logPath = (component: ComponentKey) => join(stateDir, 'logs', `${component.replace('/', '.')}.log`);

  async function status(component: ComponentKey): Promise<ServiceStatus> {
    const record = await records.read(component);
    if (record === null) return { kind: 'absent' };
    const { kind, detail } = await ask(record);
    return kind === 'runs' ? { kind: 'running', pid: null } : { kind: 'exited', detail };
  }

  async function runs(unit: UnitOf<'command'>): Promise<boolean> {
    const record = await records.read(unit.component);
    if (record === null || !record.started || record.identity !== unit.identity) return false;
    return (await ask(record)).kind === 'runs';
  }

  const openNew = (path: string, account: Account) => openForStart(path, account, clock);

  /** The output goes to the log, for a start command may leave a process behind that goes on writing. */
  async function runLogged(
    openIt: (path: string, account: Account) => Promise<FileHandle>,
    component: ComponentKey,
    spec: Omit<ToolSpec, 'outputTo'>,
  ): Promise<ToolResult> {
    await makeDirectory(join(stateDir, 'logs'));
    const log = await openIt(logPath(component), spec.account ?? {});
    try {
      return await runTool({ ...spec, outputTo: log.fd });
    } finally {
      await log.close();
    }
  }

  async function start(unit: UnitOf<'command'>): Promise<void> {
    const { component } = unit;
    if (await runs(unit)) return;
    const before = await records.read(component);
    if (before !== null && before.identity !== unit.identity && (await ask(before)).kind !== 'ended') {
      throw new FairleadError('service/start-failed', {
        component,
        problem: 'another version of it still runs',
      });
    }
    const account = await resolveAccount(unit.user, component);
    await prepareDirectories(stateDir, unit, account);
    const marker = await processes.markerFor(component, unit.identity, uidOf(account));
    const record = recordOf(unit, account, marker);
    // Written first: a start that is interrupted can be stopped.
    await records.write(component, record);
    const { start: argv, startTimeoutMs: timeoutMs } = unit;
    const result = await runLogged(openNew, component, { ...placeOf(record), argv, timeoutMs });
    if (result.status !== 0) {
      const problem = `${result.detail}: ${await lastLogLine(logPath(component))}`;
      throw new FairleadError('service/start-failed', { component, problem });
    }
    await records.write(component, { ...record, started: true });
  }

  async function stop(component: ComponentKey, timeoutMs: number): Promise<StopOutcome> {
    const record = await records.read(component);
    if (record === null) return 'stopped';
    const end = clock.monotonic() + timeoutMs;
    await runLogged(openLog, component, { ...placeOf(record), argv: record.stop, timeoutMs });
    const service = { record, members: () => processes.members(component), clock };
    const outcome = await settle(service, end - clock.monotonic());
    if (outcome !== 'stuck') await records.remove(component);
    return outcome;
  }

  return {
    async prepare({ user, component }) {
      await recallAccount(user, component);
    },
    keepOnly: async () => undefined,
    start,
    stop,
    status,
    runs,
    async exited(component, signal) {
      while (!signal.aborted && (await status(component)).kind === 'running') {
        await clock.sleep(WATCH_MS, signal);
      }
    },
    logs: (component, maxBytes, since) => readServiceLog(logPath(component), maxBytes, since),
    ranOnce: async () => [],
    maintain: (component) => keepLog(logPath(component), clock),
  };
}

/** Marked is whatever its commands leave: `stop` and `status` too may begin what would outlive the service. */
function recordOf(
  unit: UnitOf<'command'>,
  { uid, gid, groups = [] }: Account,
  marker: Readonly<Record<string, string>>,
): CommandRecord {
  return {
    identity: unit.identity,
    started: false,
    stop: [...unit.stop],
    status: [...unit.status],
    statusTimeoutMs: unit.statusTimeoutMs,
    workingDirectory: unit.workingDirectory,
    env: { ...environmentFor(unit.dataDirectory, unit.env), ...marker },
    account: uid === undefined || gid === undefined ? null : { uid, gid, groups: [...groups] },
  };
}

interface Service {
  readonly record: CommandRecord;
  /** Every process its commands left. */
  readonly members: () => Promise<readonly ProcessEntry[]>;
  readonly clock: Clock;
}

/** What the stop command left gets the time that is left, then KILL: as far as we know its processes. */
async function settle(service: Service, withinMs: number): Promise<StopOutcome> {
  if (await becomesGone(service, withinMs, () => {})) return 'stopped';
  const kill = (entry: ProcessEntry) => signalProcess(entry, 'SIGKILL');
  return (await becomesGone(service, KILL_PATIENCE_MS, kill)) ? 'killed' : 'stuck';
}

/** Gone: its status says so, and no process is left. */
async function becomesGone(
  service: Service,
  withinMs: number,
  each: (entry: ProcessEntry) => void,
): Promise<boolean> {
  const { record, members, clock } = service;
  const end = clock.monotonic() + withinMs;
  let hasEnded = false;
  for (;;) {
    // Asked only until it says so, and before the look: the question itself may leave a process behind.
    hasEnded ||= (await ask(record)).kind === 'ended';
    const left = await members();
    if (left.length === 0 && hasEnded) return true;
    if (clock.monotonic() >= end) return false;
    for (const entry of left) each(entry);
    await clock.sleep(POLL_MS);
  }
}

/** The statuses of an init script's `status` (LSB 3.1, chapter 20.2): 0 runs; 1 dead, 2 dead, 3 stopped; else unknown. */
async function ask(record: CommandRecord): Promise<Answer> {
  const { status: argv, statusTimeoutMs: timeoutMs } = record;
  const { status, detail } = await runTool({ ...placeOf(record), argv, timeoutMs });
  if (status === 0) return { kind: 'runs', detail };
  const ended = status === 1 || status === 2 || status === 3;
  return ended ? { kind: 'ended', detail } : { kind: 'unknown', detail: `its state is unknown: ${detail}` };
}

function placeOf({ workingDirectory, env, account }: CommandRecord) {
  return { workingDirectory, env, account: account ?? {} };
}

async function lastLogLine(path: string): Promise<string> {
  return (await readServiceLog(path, 1024, 'start')).trimEnd().split('\n').at(-1) ?? '';
}
