// The compose driver: a service is a project of containers whose every image came with the release.
import { join } from 'node:path';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ComposeUnit, Driver, ServiceStatus, StopOutcome } from '../../ports/driver.ts';
import { prepareDirectories } from '../service-directories.ts';
import { type ComposeRecord, createComposeRecords } from './compose-record.ts';
import { type Container, compose, containersOf, docker, hasImage } from './docker.ts';

export interface ComposeDriverOptions {
  readonly stateDir: string;
  readonly clock: Clock;
}

const WATCH_MS = 500;
/** Beyond the time the containers are given, for the engine's own work. */
const ENGINE_MS = 30_000;
const LOAD_MS = 10 * 60_000;
const LOG_LINES = 200;
const KILLED = 137;

export function createComposeDriver({ stateDir, clock }: ComposeDriverOptions): Driver<ComposeUnit> {
  const records = createComposeRecords(join(stateDir, 'run'));
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

  async function start(unit: ComposeUnit): Promise<void> {
    const { component } = unit;
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
    const images = unit.images.map((image) => image.digest);
    const record = { identity: unit.identity, images };
    // Written first: a start that is interrupted can be stopped.
    await records.write(component, { ...record, state: 'starting' });
    await up(unit);
    restarts.set(component, restartsOf(await containersOf(component)));
    await records.write(component, { ...record, state: 'started' });
    // A rollback loads them again from its own tree. One that something else uses stays: the engine sees to that.
    for (const image of before?.images ?? [])
      if (!images.includes(image)) await docker(['image', 'rm', image]);
  }

  async function stop(component: ComponentKey, timeoutMs: number): Promise<StopOutcome> {
    const record = await readActive(component);
    if (record === null) return 'stopped';
    const seconds = String(Math.ceil(timeoutMs / 1000));
    const running = (await containersOf(component)).some(isRunning);
    await compose(component, ['stop', '--timeout', seconds], timeoutMs + ENGINE_MS);
    const left = await containersOf(component);
    if (left.some(isRunning)) return 'stuck';
    const removed = await compose(component, ['down', '--timeout', '0'], ENGINE_MS);
    if (removed.status !== 0) {
      throw new FairleadError('service/manager-failed', { manager: 'docker', problem: removed.detail });
    }
    restarts.delete(component);
    await records.write(component, { ...record, state: 'stopped' });
    return running && left.some((container) => container.exitStatus === KILLED) ? 'killed' : 'stopped';
  }

  async function exited(component: ComponentKey, signal: AbortSignal): Promise<void> {
    if ((await readActive(component)) === null) return;
    while (!signal.aborted) {
      const containers = await containersOf(component);
      const now = restartsOf(containers);
      const before = restarts.get(component) ?? now;
      restarts.set(component, now);
      if (statusOf(containers).kind !== 'running' || now > before) return;
      await clock.sleep(WATCH_MS, signal);
    }
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

async function loadImages({ component, images }: ComposeUnit): Promise<void> {
  for (const { archive, digest } of images) {
    if (await hasImage(digest)) continue;
    const loaded = await docker(['load', '--input', archive], LOAD_MS);
    if (await hasImage(digest)) continue;
    const problem =
      loaded.status === 0 ? `${archive} does not hold the image ${digest}` : `${archive}: ${loaded.detail}`;
    throw new FairleadError('service/start-failed', { component, problem });
  }
}

/** An image by name would be whatever a registry or an earlier `docker tag` says: nothing verified may run it. */
async function refuseForeignImages(unit: ComposeUnit): Promise<void> {
  const { component } = unit;
  const named = await compose(component, ['--file', unit.file, 'config', '--images'], ENGINE_MS, unit);
  const own = new Set(unit.images.map((image) => image.digest));
  const foreign = named.stdout.split('\n').find((image) => image !== '' && !own.has(image));
  if (named.status === 0 && foreign === undefined) return;
  const problem =
    named.status === 0
      ? `its compose file uses the image "${foreign}", which is none of the release's`
      : named.detail;
  throw new FairleadError('service/start-failed', { component, problem });
}

async function up(unit: ComposeUnit): Promise<void> {
  const { component } = unit;
  const words = ['up', '--detach', '--no-build', '--pull', 'never', '--remove-orphans'];
  const result = await compose(component, ['--file', unit.file, ...words], unit.startTimeoutMs, unit);
  if (result.status === 0) return;
  throw new FairleadError('service/start-failed', { component, problem: result.detail });
}
