// The systemd driver: a service is a unit of the machine's own service manager and outlives the agent with it.
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import type { EpochMs } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { twinOf } from '../../../core/deploy/blue-green.ts';
import type { Driver, ProgramUnit, ServiceStatus, StopOutcome } from '../../../ports/deploy.ts';
import type { Clock } from '../../../ports/machine.ts';
import { environmentFor, recallAccount, resolveAccount } from '../../machine/account.ts';

import { findServiceProgram, prepareDirectories } from '../service-directories.ts';
import {
  isGroupPopulated,
  readJournal,
  settleJournal,
  showUnit,
  systemctl,
  type UnitState,
} from './systemctl.ts';
import {
  forgetShared,
  identityIn,
  renderEnvironmentFile,
  renderUnitFile,
  shareAdditions,
  unitNameOf,
} from './unit-file.ts';

export interface SystemdDriverOptions {
  readonly stateDir: string;
  /** Where units are written: one of the directories systemd reads them from. */
  readonly unitDirectory: string;
  /** Where their environments are written, secrets included: best in memory. Every start writes them anew. */
  readonly environmentDirectory: string;
  readonly clock: Clock;
}

const POLL_MS = 200;
/** A process id may be given to a stranger: this often the manager is asked again whose it is. */
const POLLS_PER_ANSWER = 50;
const KILL_MS = 10_000;
const LOG_LINES = 20_000;
/** Among so many of a start that failed, systemd's own word is. */
const START_LINES = 500;
const START_BYTES = 64 * 1024;

export function createSystemdDriver(options: SystemdDriverOptions): Driver<ProgramUnit> {
  /** The invocation last known to run, so that an exit counts even when systemd was quick to start it again. */
  const watched = new Map<ComponentKey, string>();
  /** When its unit was written last, which every start does: also where the unit is gone since. */
  const started = new Map<ComponentKey, EpochMs>();
  const unitFileOf = (component: ComponentKey) => join(options.unitDirectory, unitNameOf(component));
  const additionsOf = (component: ComponentKey) => `${unitFileOf(component)}.d`;
  const environmentFileOf = (component: ComponentKey) =>
    join(options.environmentDirectory, `${component.replace('/', '.')}.env`);

  const writtenAt = async (component: ComponentKey) =>
    Math.floor((await stat(unitFileOf(component))).mtimeMs);

  /** Who asks for it wants the last words of what has just ended. */
  async function startOf(component: ComponentKey): Promise<EpochMs | null> {
    await settleJournal();
    return started.get(component) ?? (await writtenAt(component).catch(() => null));
  }

  async function readUnitFile(component: ComponentKey): Promise<string | null> {
    const bytes = await readIfPresent(unitFileOf(component));
    return bytes === null ? null : Buffer.from(bytes).toString('utf8');
  }

  async function runs(unit: ProgramUnit): Promise<boolean> {
    const text = await readUnitFile(unit.component);
    if (text === null || identityIn(text) !== unit.identity) return false;
    return isRunning(await showUnit(unitNameOf(unit.component)));
  }

  async function install(unit: ProgramUnit): Promise<void> {
    const environmentFile = environmentFileOf(unit.component);
    const env = environmentFor(unit.dataDirectory, unit.env);
    const text = renderUnitFile(unit, await findServiceProgram(unit, env), environmentFile);
    const account = await resolveAccount(unit.user, unit.component);
    await prepareDirectories(options.stateDir, unit, account);
    await makeDirectory(options.environmentDirectory);
    await writeDurably(environmentFile, utf8(renderEnvironmentFile(env)));
    await shareAdditions(additionsOf(twinOf(unit.component)), additionsOf(unit.component));
    await writeDurably(unitFileOf(unit.component), utf8(text), 0o644);
    started.set(unit.component, await writtenAt(unit.component));
  }

  async function start(unit: ProgramUnit): Promise<void> {
    const { component } = unit;
    if (await runs(unit)) return;
    const before = await status(component);
    if (before.kind === 'running') {
      const problem = `another version of it still runs as process ${before.pid}`;
      throw new FairleadError('service/start-failed', { component, problem });
    }
    await install(unit);
    const name = unitNameOf(component);
    const reload = await systemctl(['daemon-reload']);
    const started = reload.status === 0 ? await systemctl(['start', name]) : reload;
    watched.set(component, (await showUnit(name)).invocation);
    if (started.status === 0) return;
    const problem =
      failedStepIn(
        await readJournal(name, {
          lines: START_LINES,
          keepBytes: START_BYTES,
          since: await startOf(component),
        }),
      ) ?? started.detail;
    await stop(component, unit.stopTimeoutMs); // or systemd would start it again in a while
    throw new FairleadError('service/start-failed', { component, problem });
  }

  async function stop(component: ComponentKey, timeoutMs: number): Promise<StopOutcome> {
    if ((await readUnitFile(component)) === null) return 'stopped';
    const name = unitNameOf(component);
    const { controlGroup } = await showUnit(name);
    watched.delete(component);
    const outcome = await stopUnit(name, timeoutMs);
    if (outcome === 'stuck' || (controlGroup !== '' && (await isGroupPopulated(controlGroup))))
      return 'stuck';
    await systemctl(['reset-failed', name]);
    await rm(unitFileOf(component), { force: true });
    await rm(environmentFileOf(component), { force: true });
    await forgetShared(additionsOf(component));
    await syncDirectory(options.unitDirectory);
    return outcome;
  }

  async function status(component: ComponentKey): Promise<ServiceStatus> {
    if ((await readUnitFile(component)) === null) return { kind: 'absent' };
    const state = await showUnit(unitNameOf(component));
    if (isRunning(state)) return { kind: 'running', pid: state.mainPid };
    return { kind: 'exited', detail: describeExit(state) };
  }

  async function exited(component: ComponentKey, signal: AbortSignal): Promise<void> {
    if ((await readUnitFile(component)) === null) return;
    for (;;) {
      const state = await showUnit(unitNameOf(component));
      const expected = watched.get(component) ?? state.invocation;
      watched.set(component, state.invocation);
      if (!isRunning(state) || state.invocation !== expected) return;
      await untilGone(state.mainPid, options.clock, signal);
      if (signal.aborted) return;
    }
  }

  return {
    async prepare(unit) {
      await recallAccount(unit.user, unit.component);
      const program = await findServiceProgram(unit, environmentFor(unit.dataDirectory, unit.env));
      renderUnitFile(unit, program, environmentFileOf(unit.component));
      await showUnit(unitNameOf(unit.component));
    },
    keepOnly: async () => undefined,
    start,
    stop,
    status,
    runs,
    exited,
    async logs(component, keepBytes, since) {
      const from = since === 'start' ? await startOf(component) : (since ?? null);
      return readJournal(unitNameOf(component), { lines: LOG_LINES, keepBytes, since: from });
    },
    // The journal bounds itself.
    ranOnce: async () => [],
    maintain: async () => undefined,
  };
}

function isRunning(state: UnitState): boolean {
  return state.active === 'active' && state.mainPid !== 0;
}

function describeExit({ result, exitCode, exitStatus }: UnitState): string {
  switch (exitCode) {
    case '1':
      return `exit status ${exitStatus}`;
    case '2':
    case '3':
      return `killed by signal ${exitStatus}`;
    default:
      return result === 'success' ? 'it does not run' : result;
  }
}

/** systemd's own words for what kept a program from starting, such as its account or its directory. */
function failedStepIn(journal: string): string | undefined {
  return /Failed at step .*/.exec(journal.split('\n').reverse().join('\n'))?.[0];
}

/** TERM by the manager; KILL when it waits longer than asked, or gave up waiting itself. */
async function stopUnit(name: string, timeoutMs: number): Promise<StopOutcome> {
  const asked = await systemctl(['stop', name], timeoutMs);
  if (asked.status === 0) return (await showUnit(name)).result === 'timeout' ? 'killed' : 'stopped';
  await systemctl(['kill', '--kill-who=all', '--signal=KILL', name]);
  return (await systemctl(['stop', name], KILL_MS)).status === 0 ? 'killed' : 'stuck';
}

async function untilGone(pid: number, clock: Clock, signal: AbortSignal): Promise<void> {
  for (let poll = 0; poll < POLLS_PER_ANSWER && !signal.aborted && exists(pid); poll++) {
    await clock.sleep(POLL_MS, signal);
  }
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
