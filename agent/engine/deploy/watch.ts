// Watching what is committed: every component is probed now and then, and failures in a row are a degradation.
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { selectUndoable } from '../../core/deploy/records.ts';
import type { Degradation } from '../../ports/deploy.ts';
import type { StoredGeneration } from '../../ports/state.ts';
import { look } from './health.ts';
import type { DeployerOptions } from './options.ts';
import { componentsOf, prepare } from './prepare.ts';

export interface Watch {
  /** Probes when it is time again; answers with the deployment to undo, if there is one. */
  look(generation: StoredGeneration): Promise<Undoing | null>;
  degradations(): readonly Degradation[];
}

export interface Undoing {
  readonly record: DeploymentRecord;
  readonly because: Degradation;
}

interface Failing {
  readonly failures: number;
  readonly since: string;
  readonly detail: string;
}

const INTERVAL_MS = 30_000;
const FEWEST_FAILURES = 3;

export function createWatch(options: DeployerOptions): Watch {
  const { clock, store } = options;
  let failing = new Map<ComponentKey, Failing>();
  let degraded: readonly Degradation[] = [];
  let watched: number | null = null;
  let lastLook = clock.monotonic();

  async function probe(generation: StoredGeneration, component: ComponentKey): Promise<Degradation | null> {
    // Settings that cannot be read say nothing about the service that runs.
    const prepared = await prepare(options, generation, component).catch(() => null);
    if (prepared === null) return null;
    const { healthy, detail } = await look(options, prepared, 1);
    const before = failing.get(component);
    if (healthy) {
      failing.delete(component);
      return null;
    }
    const failures = (before?.failures ?? 0) + 1;
    const since = before?.since ?? formatInstantMs(clock.now());
    failing.set(component, { failures, since, detail });
    const most = Math.max(FEWEST_FAILURES, ...prepared.health.map(({ rule }) => rule.failures));
    return failures < most ? null : { component, since, detail };
  }

  return {
    async look(generation) {
      if (watched !== generation.number) {
        watched = generation.number;
        failing = new Map();
        degraded = [];
      }
      if (clock.monotonic() - lastLook < INTERVAL_MS) return null;
      lastLook = clock.monotonic();
      const found = await Promise.all(componentsOf(generation).map((one) => probe(generation, one)));
      degraded = found.filter((one) => one !== null);
      if (degraded.length === 0) return null;
      const records = await store.records();
      const probationMs = await options.probationMs();
      const facts = { records, current: generation, now: clock.now(), probationMs };
      for (const because of degraded) {
        const record = selectUndoable(facts, because.component);
        if (record !== null) return { record, because };
      }
      return null;
    },
    degradations: () => degraded,
  };
}
