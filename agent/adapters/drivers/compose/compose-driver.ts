// The compose driver: a service is a project of containers whose every image came with the release.
import { join } from 'node:path';
import { FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { CONFINEMENT_RULES, type ComposeProject } from '../../../../shared/schema/drivers/confinement.ts';
import type { Driver, ServiceStatus, StopOutcome, UnitOf } from '../../../ports/deploy.ts';
import type { Clock } from '../../../ports/machine.ts';
import { prepareDirectories } from '../service-directories.ts';
import { verifyAdmissible, verifyNoLinks } from './admissible.ts';
import { type ComposeRecord, createAdmissions, createComposeRecords } from './compose-record.ts';
import {
  isRunning,
  killRunning,
  readLogs,
  removeStuck,
  restartsOf,
  stateOf,
  statusOf,
  untilDecided,
} from './containers.ts';
import { containersOf, docker, failureOf, KILLED, verifyDone } from './docker.ts';
import type { Waiting } from './fetch-referred.ts';
import { createImages } from './images.ts';
import { createNextContainers, giveNames, wordsToStart } from './next-containers.ts';
import { limitsFor, onceRuns, servicesLeft, untilStarted } from './once.ts';
import { createProjectCommands } from './project-commands.ts';
import { createProjectFiles } from './project-file.ts';
import { verifyPortsFree } from './published-ports.ts';
import { createPulledImages, hearing, imagesIn } from './pulled-images.ts';
import { verifyHere } from './slot.ts';
import { removeTrial, tryOnEngine, verifyNetworks } from './trial.ts';

export interface ComposeDriverOptions {
  readonly stateDir: string;
  /** Where the resolved project is written, secrets included: best in memory. Every start writes it anew. */
  readonly runtimeDirectory: string;
  readonly clock: Clock;
}

const WATCH_MS = 500;
/** For the engine's own work. */
const ENGINE_MS = 30_000;
/** Beyond the time that is left to the containers. */
const STOP_GRACE_MS = 3_000;
const UP = ['up', '--detach', '--no-build', '--pull', 'never', '--remove-orphans'];

export function createComposeDriver(options: ComposeDriverOptions): Driver<UnitOf<'compose'>> {
  const { stateDir, clock } = options;
  const records = createComposeRecords(join(stateDir, 'run'));
  const admissions = createAdmissions(join(stateDir, 'run'), CONFINEMENT_RULES);
  const images = createImages(join(stateDir, 'run'), createPulledImages(imagesIn(stateDir)));
  const files = createProjectFiles(stateDir, options.runtimeDirectory);
  const { change, engine, markerOf, endCommands, takeOver } = createProjectCommands(stateDir, clock);
  const next = createNextContainers(files, change);
  /** Restarts by the engine when the project was last looked at: one more is an exit. */
  const restarts = new Map<ComponentKey, number>();
  /** Which service the last start has ended because it took too long. */
  const late = new Map<ComponentKey, string>();

  async function readActive(component: ComponentKey): Promise<ComposeRecord | null> {
    const record = await records.read(component);
    return record?.state === 'stopped' ? null : record;
  }

  async function status(component: ComponentKey): Promise<ServiceStatus> {
    return (await readActive(component)) === null
      ? { kind: 'absent' }
      : statusOf(await containersOf(component));
  }

  async function runs(unit: UnitOf<'compose'>): Promise<boolean> {
    const record = await readActive(unit.component);
    if (record?.state !== 'started' || record.identity !== unit.identity) return false;
    return stateOf(await containersOf(unit.component)).kind === 'running';
  }

  async function ranOnce(unit: UnitOf<'compose'>) {
    const project = await files.written(unit.component);
    return project === null ? [] : onceRuns(unit, limitsFor(unit, project), late.get(unit.component));
  }

  async function start(unit: UnitOf<'compose'>): Promise<void> {
    const { component, identity } = unit;
    const made = await next.take(unit);
    // What waits was made by this process, which has stopped the version before: nobody else is at work on the project.
    if (made === null) await takeOver(component);
    if (await runs(unit)) return;
    const before = await records.read(component);
    if (before?.identity !== identity && (await status(component)).kind === 'running') {
      throw new FairleadError('service/start-failed', {
        component,
        problem: 'another version of it still runs',
      });
    }
    await prepareDirectories(stateDir, unit, {});
    const whole = made === null ? await resolveWhole(unit) : await adopt(unit, made.project);
    const project = await (made === null ? writeProject(unit, whole) : files.adoptNext(unit));
    const limits = limitsFor(unit, whole);
    const again = before?.state === 'started' && before.identity === identity;
    if (again) await removeStuck(component);
    const only = again ? await servicesLeft(component, limits, whole) : [];
    const given = before?.images ?? [];
    // Written first: a start that is interrupted can be stopped.
    await records.write(component, { state: 'starting', identity, images: given });
    const longestMs = [...limits.values()].reduce((sum, ms) => sum + ms, unit.startTimeoutMs);
    const words = made === null ? null : wordsToStart(made);
    const up =
      words === null
        ? change(component, [...project, ...UP, ...only], longestMs)
        : engine(component, words, longestMs);
    const endUp = () => endCommands(component);
    late.delete(component);
    const onLate = (service: string) => void late.set(component, service);
    const { result, restMs } = await untilStarted({ unit, limits, clock, up, endUp, onLate });
    if (result.status !== 0) throw await failureOf(unit, result, result.detail, await images.bytesOf(unit));
    const containers = await untilDecided(unit, clock, clock.monotonic() + unit.startTimeoutMs - restMs);
    restarts.set(component, restartsOf(containers));
    if (made !== null) await giveNames(made);
    await records.write(component, { state: 'started', identity, images: given });
  }

  async function resolveWhole(unit: UnitOf<'compose'>): Promise<ComposeProject> {
    return files.overridden(unit, await resolveAdmitted(unit));
  }

  /** Nothing is loaded here that was prepared, unless the engine keeps its images somewhere else by now. */
  async function writeProject(unit: UnitOf<'compose'>, project: ComposeProject): Promise<readonly string[]> {
    return files.write(unit, project, await images.provide(unit));
  }

  /** What waits was made of what was admitted, and only its links can have changed since. */
  async function adopt(unit: UnitOf<'compose'>, project: ComposeProject): Promise<ComposeProject> {
    await verifyNoLinks(unit, project);
    return project;
  }

  /** What was admitted once, judged as its start would. */
  async function resolveAdmitted(unit: UnitOf<'compose'>): Promise<ComposeProject> {
    const resolved = await files.resolveAdmitted(unit);
    const rules = await admissions.rulesFor(unit);
    // In another slot than the one it was admitted in, its port alone may have made another project of it.
    const isNewHere = unit.slot !== undefined && rules === null;
    if (isNewHere || rules === 'these') await verifyAdmissible(unit, resolved);
    else await verifyNoLinks(unit, resolved);
    if (isNewHere) await admissions.add(unit);
    return resolved;
  }

  /** Everything that takes long, or that can be known to go wrong, while the version before goes on running. */
  async function prepare(unit: UnitOf<'compose'>, again: boolean, waiting: Waiting): Promise<void> {
    await takeOver(unit.component);
    if (again) {
      await files.overridden(unit, await resolveAdmitted(unit));
      await images.provide(unit, 'way-back', waiting);
      return;
    }
    verifyHere(unit);
    await next.end(unit.component, false);
    const resolved = await files.resolve(unit);
    await verifyAdmissible(unit, resolved);
    const project = await files.overridden(unit, resolved);
    await admissions.add(unit);
    const ids = await images.provide(unit, 'way-forward', waiting);
    if (await runs(unit)) return;
    // Where another driver runs the version before, its ports are not to be told from a stranger's.
    if ((await readActive(unit.component)) !== null) await verifyPortsFree(unit.component, project);
    await verifyNetworks(project);
    if ((await readActive(unit.component)) !== null && (await next.make(unit, project, ids))) return;
    await next.end(unit.component, false);
    const words = await files.writeTrial(unit, project, ids);
    await tryOnEngine(unit, words, await markerOf(unit.component)).finally(() => endTrial(unit.component));
  }

  /** Also of an agent that was killed in it. */
  async function endTrial(component: ComponentKey): Promise<void> {
    if (!(await files.hasTrial(component))) return;
    await takeOver(component);
    await removeTrial(component);
    await files.removeTrial(component);
  }

  async function keepOnly(component: ComponentKey, unit: UnitOf<'compose'> | null): Promise<void> {
    await endTrial(component);
    await next.end(component, (await readActive(component)) === null);
    await images.keepOnly(component, unit?.images.map((image) => image.digest) ?? []);
    const record = await records.read(component);
    if (record === null || unit === null || record.identity !== unit.identity) return;
    // What an earlier agent loaded stands in no other record.
    const own = new Set((await images.provide(unit)).values());
    for (const id of record.images) if (!own.has(id)) await docker(['image', 'rm', id]);
    await records.write(component, { ...record, images: record.images.filter((id) => own.has(id)) });
  }

  async function stop(component: ComponentKey, timeoutMs: number): Promise<StopOutcome> {
    const record = await readActive(component);
    if (record === null) return 'stopped';
    await takeOver(component);
    const seconds = String(Math.ceil(timeoutMs / 1000));
    const before = await containersOf(component);
    const stopped = await change(component, ['stop', '--timeout', seconds], timeoutMs + STOP_GRACE_MS);
    // Where others wait for their place, nothing else is asked: only what has stopped can be removed.
    const isGone = stopped.status === 0 && (await next.removeBefore(component, before));
    const left = isGone ? [] : await killRunning(component);
    if (left.some(isRunning)) return 'stuck';
    if (!isGone) await removeAll(component);
    restarts.delete(component);
    await records.write(component, { ...record, state: 'stopped' });
    return before.some(isRunning) && left.some((container) => container.exitStatus === KILLED)
      ? 'killed'
      : 'stopped';
  }

  async function removeAll(component: ComponentKey): Promise<void> {
    verifyDone(await change(component, ['down', '--timeout', '0'], ENGINE_MS));
  }

  async function hasExited(component: ComponentKey): Promise<boolean> {
    const containers = await containersOf(component);
    const now = restartsOf(containers);
    const before = restarts.get(component) ?? now;
    restarts.set(component, now);
    return statusOf(containers).kind !== 'running' || now > before;
  }

  async function exited(component: ComponentKey, signal: AbortSignal): Promise<void> {
    if ((await readActive(component)) === null) return;
    while (!signal.aborted) {
      try {
        if (await hasExited(component)) return;
      } catch (error) {
        // An engine that is restarted says nothing of the containers; the probes go on asking them.
        if (!isFairleadError(error, 'service/manager-failed')) throw error;
      }
      await clock.sleep(WATCH_MS, signal);
    }
  }

  return {
    prepare: (unit, again = false, signal) => hearing(signal, (waiting) => prepare(unit, again, waiting)),
    ...{ keepOnly, start, stop, status, runs, exited, logs: readLogs, ranOnce, maintain },
  };
}

/** The engine keeps the logs, bounded as the compose file's `logging` says. */
async function maintain(): Promise<void> {}
