// The process driver: each service is a session of its own that outlives the agent and is found again by the next one.
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FairleadError, isShortage, systemCode } from '../../../../shared/errors/error.ts';
import { makeDirectory } from '../../../../shared/node/durable-file.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { Driver, ProgramUnit, ServiceStatus, StopOutcome } from '../../../ports/deploy.ts';
import type { Clock } from '../../../ports/machine.ts';
import { environmentFor, recallAccount, resolveAccount, uidOf } from '../../machine/account.ts';
import { asAccount, type Spawned, withServiceUmask } from '../../machine/as-account.ts';
import { type ProcessEntry, signalProcess } from '../../machine/process-table.ts';
import { systemClock } from '../../machine/surroundings.ts';
import { findServiceProgram, prepareDirectories } from '../service-directories.ts';
import { keepLog, openForStart, readServiceLog } from '../service-log.ts';
import { createServiceProcesses } from '../service-processes.ts';

export interface ProcessDriverOptions {
  readonly stateDir: string;
  /** The machine's own unless given. */
  readonly clock?: Clock;
}

const POLL_MS = 50;
const ADOPTED_POLL_MS = 500;
const KILL_PATIENCE_MS = 5_000;
const UNSEEN_END = 'it exited while no agent watched';

/** What this agent process saw of a service it started itself. */
interface Watched {
  readonly child: ChildProcess;
  /** Resolves to how it ended: `exit status 1`. */
  readonly exit: Promise<string>;
  /** Aborts with that: whoever looks again and again leaves nothing behind on it, as on a promise. */
  readonly ended: AbortSignal;
}

export function createProcessDriver({
  stateDir,
  clock = systemClock,
}: ProcessDriverOptions): Driver<ProgramUnit> {
  const runDirectory = join(stateDir, 'run');
  const processes = createServiceProcesses(runDirectory, stateDir);
  const watched = new Map<ComponentKey, Watched>();
  const logPath = (component: ComponentKey) => join(stateDir, 'logs', `${component.replace('/', '.')}.log`);

  async function status(component: ComponentKey): Promise<ServiceStatus> {
    const leader = await processes.leader(component);
    if (leader !== null) return { kind: 'running', pid: leader.pid };
    const seen = watched.get(component);
    // The kernel shows the end a moment before it tells the parent how it came about.
    if (seen !== undefined) return { kind: 'exited', detail: await Promise.race([seen.exit, unknownEnd()]) };
    return (await processes.isNoted(component)) ? { kind: 'exited', detail: UNSEEN_END } : { kind: 'absent' };
  }

  async function launch(unit: ProgramUnit): Promise<void> {
    const { component } = unit;
    const account = await resolveAccount(unit.user, component);
    await prepareDirectories(stateDir, unit, account);
    await makeDirectory(dirname(logPath(component)));
    await makeDirectory(runDirectory);
    const log = await openForStart(logPath(component), account, clock);
    try {
      const { identity } = unit;
      const uid = uidOf(account);
      const marker = await processes.markerFor(component, identity, uid);
      const own = { ...environmentFor(unit.dataDirectory, unit.env), ...marker };
      // A shell that runs as the account would only find out later.
      await findServiceProgram(unit, own);
      const spawned = await asAccount(unit.exec, own, account);
      const child = await spawnDetached(unit, spawned, log.fd);
      watched.set(component, watchChild(child));
      // The marker finds the service without the file: a full disk does not keep it from starting.
      await processes.note(component, { pid: child.pid ?? 0, identity, uid }).catch(() => undefined);
    } finally {
      await log.close();
    }
  }

  return {
    async prepare(unit) {
      await recallAccount(unit.user, unit.component);
      await findServiceProgram(unit, environmentFor(unit.dataDirectory, unit.env));
    },
    keepOnly: async () => undefined,
    async start(unit) {
      const { component } = unit;
      const leader = await processes.leader(component);
      if (leader?.identity === unit.identity) return;
      if (leader !== null) {
        const problem = `another version of it still runs as process ${leader.pid}`;
        throw new FairleadError('service/start-failed', { component, problem });
      }
      await launch(unit);
    },
    async stop(component, timeoutMs) {
      const look = () => processes.members(component);
      const outcome = await endAll({ look, clock, ended: watched.get(component)?.ended }, timeoutMs);
      if (outcome === 'stuck') return outcome;
      watched.delete(component);
      await processes.forget(component);
      return outcome;
    },
    status,
    runs: async (unit) => (await processes.leader(unit.component))?.identity === unit.identity,
    async exited(component, signal) {
      for (;;) {
        const leader = await processes.leader(component);
        if (leader === null || signal.aborted) return;
        const seen = watched.get(component);
        // A service of an earlier agent is nobody's child: it can only be looked at.
        const own = seen?.child.pid === leader.pid && !seen.ended.aborted ? [seen.ended] : [];
        await pause(ADOPTED_POLL_MS, AbortSignal.any([signal, ...own]));
      }
    },
    logs: (component, maxBytes, since) => readServiceLog(logPath(component), maxBytes, since),
    ranOnce: async () => [],
    maintain: (component) => keepLog(logPath(component), clock),
  };
}

interface Ending {
  readonly look: () => Promise<readonly ProcessEntry[]>;
  readonly clock: Clock;
  /** Of the child of this process, if there is one. */
  readonly ended: AbortSignal | undefined;
}

/** TERM, patience, then KILL again and again: a process that forks faster than it is found ends all the same. */
async function endAll(ending: Ending, timeoutMs: number): Promise<StopOutcome> {
  const found = await ending.look();
  for (const entry of found) signalProcess(entry, 'SIGTERM');
  if (found.length === 0 || (await areGone(ending, timeoutMs, () => {}))) return 'stopped';
  const kill = (entry: ProcessEntry) => signalProcess(entry, 'SIGKILL');
  return (await areGone(ending, KILL_PATIENCE_MS, kill)) ? 'killed' : 'stuck';
}

async function areGone(
  { look, clock, ended }: Ending,
  withinMs: number,
  each: (entry: ProcessEntry) => void,
): Promise<boolean> {
  const end = clock.monotonic() + withinMs;
  for (;;) {
    const hasEnded = ended?.aborted === true;
    const left = await look();
    if (left.length === 0) return true;
    if (clock.monotonic() >= end) return false;
    for (const entry of left) each(entry);
    // Nobody is served meanwhile, and the end of a child is heard of before it would be seen.
    await clock.sleep(POLL_MS, hasEnded ? undefined : ended);
  }
}

function spawnDetached(unit: ProgramUnit, { argv, env, ids }: Spawned, log: number): Promise<ChildProcess> {
  const [program = '', ...args] = argv;
  const child = withServiceUmask(() =>
    spawn(program, args, {
      ...ids,
      cwd: unit.workingDirectory,
      env: { ...env },
      detached: true,
      stdio: ['ignore', log, log],
    }),
  );
  return new Promise((fulfil, reject) => {
    child.once('spawn', () => {
      child.unref();
      fulfil(child);
    });
    child.once('error', (cause) => {
      const problem = `${systemCode(cause)} for "${program}" in ${unit.workingDirectory}`;
      const code = isShortage(cause) ? 'service/no-room' : 'service/start-failed';
      reject(new FairleadError(code, { component: unit.component, problem }, { cause }));
    });
  });
}

function watchChild(child: ChildProcess): Watched {
  const ended = new AbortController();
  const exit = new Promise<string>((fulfil) => {
    child.once('exit', (code, signal) => {
      fulfil(signal === null ? `exit status ${code}` : `killed by ${signal}`);
      ended.abort();
    });
  });
  return { child, exit, ended: ended.signal };
}

async function unknownEnd(): Promise<string> {
  await delay(1_000, undefined, { ref: false });
  return UNSEEN_END;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
