// The slot beside a running blue-green component: emptied once its connections have ended, or had their time to.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Generation } from '../../ports/deployer.ts';
import type { DeployerOptions } from './options.ts';
import type { Beside, PreparedComponent } from './prepare.ts';
import type { Run } from './run.ts';

export interface Drains {
  /** Stops what stands beside when its time has come, and notes in the record how many connections that cut. */
  attend(generation: Generation, one: PreparedComponent): Promise<void>;
}

interface Drain {
  readonly generation: number;
  /** Monotonic milliseconds. */
  readonly since: number;
}

const ROLLBACK_DRAIN_MS = 10_000;
const LOOK_AGAIN_MS = 200;
const LOOK_AFTER_PORTS_MS = 2_000;

/** The time counts from the first look after the commit: an agent that restarts lets it begin anew. */
export function createDrains(options: DeployerOptions): Drains {
  const { driver, traffic, clock } = options;
  const drains = new Map<ComponentKey, Drain>();

  function sinceWhen(generation: number, service: ComponentKey): number {
    const known = drains.get(service);
    if (known?.generation === generation) return known.since;
    const since = clock.monotonic();
    drains.set(service, { generation, since });
    return since;
  }

  return {
    async attend({ number }, one) {
      if (one.beside === null) return;
      const { service, port, drainMs } = one.beside;
      if ((await driver.status(service)).kind !== 'absent') {
        const isOver = clock.monotonic() - sinceWhen(number, service) >= drainMs;
        if (!isOver && (await traffic.connectionsTo(port)) > 0) return;
        await noteCut(options, number, await stopBeside(options, one));
      }
      drains.delete(service);
    },
  };
}

/** What a rollback leaves must not run for long beside what it returns to. Error: service/stuck. */
export async function drainAndStop(options: DeployerOptions, one: PreparedComponent): Promise<void> {
  const { traffic, clock } = options;
  if (one.beside === null) return;
  const { port, drainMs } = one.beside;
  const end = clock.monotonic() + Math.min(drainMs, ROLLBACK_DRAIN_MS);
  while (clock.monotonic() < end && (await traffic.connectionsTo(port)) > 0) await clock.sleep(LOOK_AGAIN_MS);
  await stopBeside(options, one);
}

function stopBeside(
  options: DeployerOptions,
  { beside, component, unit }: PreparedComponent,
): Promise<number> {
  return beside === null ? Promise.resolve(0) : emptySlot(options, component, beside, unit.stopTimeoutMs);
}

/** Answers with the connections that were still open when it was asked to stop. Error: service/stuck. */
export async function emptySlot(
  { driver, traffic, onWarning }: DeployerOptions,
  component: ComponentKey,
  { service, port }: Pick<Beside, 'service' | 'port'>,
  stopTimeoutMs: number,
): Promise<number> {
  if ((await driver.status(service)).kind === 'absent') return 0;
  const connections = await traffic.connectionsTo(port);
  const outcome = await driver.stop(service, stopTimeoutMs);
  if (outcome === 'stuck') throw new FairleadError('service/stuck', { component });
  if (connections > 0) onWarning(new FairleadError('deploy/connections-cut', { component, connections }));
  return connections;
}

/** In the record of the deployment that made the generation: it is what ended them. */
export async function noteCut(
  { store }: DeployerOptions,
  generation: number,
  connections: number,
): Promise<void> {
  if (connections === 0) return;
  const ofGeneration = (await store.records()).filter((record) => record.generation === generation);
  const record = ofGeneration.findLast(({ state }) => state === 'committed');
  if (record === undefined) return;
  const cutConnections = (record.cutConnections ?? 0) + connections;
  await store.writeRecord({ ...record, cutConnections });
}

/**
 * While a deployment is judged, supervision waits for its turn: whoever keeps a public port and dies meanwhile is started
 * again here. Ends with the work, and answers what it does.
 */
export async function withOpenPorts<T>(
  { options, left }: Run,
  serving: readonly PreparedComponent[],
  work: () => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, left]);
  const keeping = keepOpen(options, serving, signal).catch(options.onWarning);
  try {
    return await work();
  } finally {
    ended.abort();
    await keeping;
  }
}

async function keepOpen(
  { driver, traffic, clock, onWarning }: DeployerOptions,
  serving: readonly PreparedComponent[],
  signal: AbortSignal,
): Promise<void> {
  const behind = serving.filter((one) => one.route !== null);
  while (behind.length > 0 && !signal.aborted) {
    await clock.sleep(LOOK_AFTER_PORTS_MS, signal);
    for (const { unit, route } of behind) {
      if (signal.aborted || route === null || !(await driver.runs(unit))) continue;
      await traffic.direct(route).catch(onWarning);
    }
  }
}
