// Drains: what stands beside a component serves until its connections have ended, or had their time to.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Generation, PlacedComponent } from '../../ports/deploy.ts';
import type { DeployerOptions } from './options.ts';
import type { Run } from './run.ts';

export interface Drains {
  /** Stops what stands beside when its time has come, and notes in the record how many connections that cut. */
  attend(generation: Generation, one: PlacedComponent): Promise<void>;
}

interface Drain {
  readonly generation: number;
  /** Monotonic milliseconds. */
  readonly since: number;
}

const ROLLBACK_DRAIN_MS = 10_000;
const LOOK_AGAIN_MS = 200;

/** The time counts from the first look after the commit: an agent that restarts lets it begin anew. */
export function createDrains(options: Pick<DeployerOptions, 'clock' | 'store'>): Drains {
  const { clock } = options;
  const drains = new Map<ComponentKey, Drain>();

  function sinceWhen(generation: number, service: ComponentKey): number {
    const known = drains.get(service);
    if (known?.generation === generation) return known.since;
    const since = clock.monotonic();
    drains.set(service, { generation, since });
    return since;
  }

  return {
    async attend({ number }, { place: { neighbour } }) {
      if (await neighbour.isThere()) {
        const isOver = clock.monotonic() - sinceWhen(number, neighbour.service) >= neighbour.drainMs;
        if (!isOver && (await neighbour.connections()) > 0) return;
        await noteCut(options, number, await neighbour.stop());
      }
      drains.delete(neighbour.service);
    },
  };
}

/** What a rollback leaves must not run for long beside what it returns to. Error: service/stuck. */
export async function drainAndStop(
  { clock }: Pick<DeployerOptions, 'clock'>,
  { place: { neighbour } }: PlacedComponent,
): Promise<void> {
  const end = clock.monotonic() + Math.min(neighbour.drainMs, ROLLBACK_DRAIN_MS);
  while (clock.monotonic() < end && (await neighbour.connections()) > 0) await clock.sleep(LOOK_AGAIN_MS);
  await neighbour.stop();
}

/** In the record of the deployment that made the generation: it is what ended them. */
export async function noteCut(
  { store }: Pick<DeployerOptions, 'store'>,
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
 * While a deployment is judged, supervision waits for its turn: what clients connect to is looked after here. Ends with the
 * work, and answers what it does.
 */
export async function withOpenPorts<T>(
  { options, left }: Run,
  serving: readonly PlacedComponent[],
  work: () => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, left]);
  const keeping = serving.map(({ place }) => place.keepOpen(signal).catch(options.onWarning));
  try {
    return await work();
  } finally {
    ended.abort();
    await Promise.all(keeping);
  }
}
