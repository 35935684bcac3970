// The compose driver: a service is a project of containers whose every image came with the release.
import { join } from 'node:path';
import { FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ComposeUnit, Driver, ServiceStatus, StopOutcome } from '../../../ports/driver.ts';
import { uidOf } from '../../machine/account.ts';
import { signalProcess } from '../../machine/process-table.ts';
import type { ToolResult } from '../../machine/run-tool.ts';
import { prepareDirectories } from '../service-directories.ts';
import { createServiceProcesses } from '../service-processes.ts';
import { type ComposeRecord, createComposeRecords } from './compose-record.ts';
import { type Container, compose, containersOf, docker, NOWHERE } from './docker.ts';
import { failureOf } from './failure.ts';
import { loadImages, refuseForeignImages } from './images.ts';

export interface ComposeDriverOptions {
  readonly stateDir: string;
  readonly clock: Clock;
}

const WATCH_MS = 500;
/** For the engine's own work, and for its own restart, as an upgrade or a boot brings it. */
const ENGINE_MS = 30_000;
/** Beyond the time that is left to the containers. */
const STOP_GRACE_MS = 3_000;
const UP = ['up', '--detach', '--no-build', '--pull', 'never', '--remove-orphans'];
const LOG_LINES = 200;
const KILLED = 137;

export function createComposeDriver({ stateDir, clock }: ComposeDriverOptions): Driver<ComposeUnit> {
  const records = createComposeRecords(join(stateDir, 'run'));
  const ownDirectory = join(stateDir, 'run', 'compose');
  const commands = createServiceProcesses(ownDirectory, ownDirectory);
  /** Restarts by the engine when the project was last looked at: one more is an exit. */
  const restarts = new Map<ComponentKey, number>();

  async function readActive(component: ComponentKey): Promise<ComposeRecord | null> {
    const record = await records.read(component);
    return record?.state === 'stopped' ? null : record;
  }

  async function status(component: ComponentKey): Promise<ServiceStatus> {
    return (await readActive(component)) === null
      ? { kind: 'absent' }
      : statusOf(await containersOf(component));
  }

  async function runs(unit: ComposeUnit): Promise<boolean> {
    const record = await readActive(unit.component);
    if (record?.state !== 'started' || record.identity !== unit.identity) return false;
    return statusOf(await containersOf(unit.component)).kind === 'running';
  }

  /** A command on the project that says whose it is. */
  async function change(
    component: ComponentKey,
    words: readonly string[],
    timeoutMs: number,
    place = NOWHERE,
  ): Promise<ToolResult> {
    const env = { ...place.env, ...(await commands.markerFor(component, 'compose', uidOf({}))) };
    return compose(component, words, timeoutMs, { ...place, env });
  }

  /** The engine answers, and nothing of an agent that was killed still works on the project. Error: service/manager-failed. */
  async function takeOver(component: ComponentKey): Promise<void> {
    for (const entry of await commands.members(component)) signalProcess(entry, 'SIGKILL');
    await untilEngineAnswers(clock);
  }

  async function start(unit: ComposeUnit): Promise<void> {
    const { component } = unit;
    await takeOver(component);
    if (await runs(unit)) return;
    const before = await records.read(component);
    if (before?.identity !== unit.identity && (await status(component)).kind === 'running') {
      throw new FairleadError('service/start-failed', {
        component,
        problem: 'another version of it still runs',
      });
    }
    await prepareDirectories(stateDir, unit, {});
    await loadImages(unit);
    await refuseForeignImages(unit);
    const { identity } = unit;
    const images = unit.images.map((image) => image.digest);
    const old = (before?.images ?? []).filter((image) => !images.includes(image));
    // Written first: a start that is interrupted can be stopped, and knows what is left to remove.
    await records.write(component, { state: 'starting', identity, images: [...images, ...old] });
    await up(unit);
    restarts.set(component, restartsOf(await containersOf(component)));
    // A rollback loads them again from its own tree. One that something else uses stays: the engine sees to that.
    for (const image of old) await docker(['image', 'rm', image]);
    await records.write(component, { state: 'started', identity, images });
  }

  async function stop(component: ComponentKey, timeoutMs: number): Promise<StopOutcome> {
    const record = await readActive(component);
    if (record === null) return 'stopped';
    await takeOver(component);
    const seconds = String(Math.ceil(timeoutMs / 1000));
    const running = (await containersOf(component)).some(isRunning);
    await change(component, ['stop', '--timeout', seconds], timeoutMs + STOP_GRACE_MS);
    const left = await killRunning(component);
    if (left.some(isRunning)) return 'stuck';
    const removed = await change(component, ['down', '--timeout', '0'], ENGINE_MS);
    if (removed.status !== 0) {
      throw new FairleadError('service/manager-failed', { manager: 'docker', problem: removed.detail });
    }
    restarts.delete(component);
    await records.write(component, { ...record, state: 'stopped' });
    return running && left.some((container) => container.exitStatus === KILLED) ? 'killed' : 'stopped';
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

  async function up(unit: ComposeUnit): Promise<void> {
    const result = await change(unit.component, ['--file', unit.file, ...UP], unit.startTimeoutMs, unit);
    if (result.status !== 0) throw await failureOf(unit, result, result.detail);
  }

  return {
    start,
    stop,
    status,
    runs,
    exited,
    async logs(component, maxBytes) {
      const words = ['logs', '--no-color', '--tail', String(LOG_LINES)];
      const { stdout } = await compose(component, words);
      return Buffer.from(stdout).subarray(-maxBytes).toString('utf8');
    },
    // The engine keeps the logs, bounded as the compose file's `logging` says.
    maintain: async () => undefined,
  };
}

/** Something runs and nothing failed. A container that ended with 0 did its work, such as a migration. */
function statusOf(containers: readonly Container[]): ServiceStatus {
  const failed = containers.find(hasFailed);
  if (failed !== undefined) return { kind: 'exited', detail: describe(failed) };
  if (containers.some(isRunning)) return { kind: 'running', pid: null };
  const [first] = containers;
  return { kind: 'exited', detail: first === undefined ? 'it has no container' : describe(first) };
}

function hasFailed({ state, exitStatus }: Container): boolean {
  return (
    state === 'restarting' ||
    state === 'dead' ||
    state === 'paused' ||
    (state === 'exited' && exitStatus !== 0)
  );
}

function isRunning({ state }: Container): boolean {
  return state === 'running' || state === 'restarting' || state === 'paused';
}

function describe({ service, state, exitStatus }: Container): string {
  return state === 'exited' ? `${service}: exit status ${exitStatus}` : `${service}: ${state}`;
}

function restartsOf(containers: readonly Container[]): number {
  return containers.reduce((sum, container) => sum + container.restarts, 0);
}

/** Services stop one after the other, each with the whole time: what the time for all of them leaves over is killed. */
async function killRunning(component: ComponentKey): Promise<readonly Container[]> {
  const left = await containersOf(component);
  const running = left.filter(isRunning).map(({ id }) => id);
  if (running.length === 0) return left;
  await docker(['kill', ...running]);
  return containersOf(component);
}

/** Error: service/manager-failed. */
async function untilEngineAnswers(clock: Clock): Promise<void> {
  const end = clock.monotonic() + ENGINE_MS;
  for (;;) {
    const { status, detail } = await docker(['version']);
    if (status === 0) return;
    // A program that cannot even be run will not come back.
    if (status === null || clock.monotonic() >= end)
      throw new FairleadError('service/manager-failed', { manager: 'docker', problem: detail });
    await clock.sleep(WATCH_MS);
  }
}
