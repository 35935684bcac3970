// Signs of life: whatever the engine begins says how long it may take, and who is heard of no more is named.

import { VOLUME_MS } from '../../../shared/schema/drivers/volumes.ts';
import type { ServiceUnit, UnitOf } from '../../core/deploy/render.ts';
import type { Clock, Part, Pulse } from '../../ports/machine.ts';
import type { DeployerParts } from './options.ts';

/**
 * Beyond what a step grants itself. Hashing a tree, unpacking it and loading its images have no limit of their own: this is
 * far more than the slowest disk needs. A fetch, which may take days, gives a sign with every piece that arrives.
 */
export const LONGEST_STEP_MS = 2 * 3_600_000;

/** The same ports, giving a sign at each call. The supervisor's looks read the journal: silence means that nothing gets on. */
export function withSigns(options: DeployerParts, pulse: Pulse): DeployerParts {
  const { journal, driver, prober, trees, volumes, clock } = options;
  const heard = <Port>(port: Port, ownMs = 0): Port => {
    pulse.promise('services', ownMs + LONGEST_STEP_MS);
    return port;
  };
  return {
    ...options,
    journal: {
      ...journal,
      read: () => heard(journal).read(),
      append: (entry) => heard(journal).append(entry),
    },
    driver: {
      ...driver,
      prepare: (unit, again, signal) => heard(driver).prepare(unit, again, signal),
      start: (unit) => heard(driver, startMs(unit)).start(unit),
      stop: (component, timeoutMs) => heard(driver, timeoutMs).stop(component, timeoutMs),
    },
    prober: { probe: (probe, signal) => heard(prober, probe.timeoutMs).probe(probe, signal) },
    volumes: {
      ...volumes,
      verifyCopyable: (unit) => heard(volumes).verifyCopyable(unit),
      verifyRoom: (units) => heard(volumes).verifyRoom(units),
      save: (unit, of) => heard(volumes, volumesMs(unit)).save(unit, of),
      restore: (unit, of) => heard(volumes, volumesMs(unit)).restore(unit, of),
    },
    trees: {
      ...trees,
      add: (tree, signal) => heard(trees).add(tree, signal),
      verify: (files, which) => heard(trees).verify(files, which),
      async readAhead(all) {
        const ahead = await heard(trees).readAhead(all);
        return { ...ahead, damages: (files) => heard(ahead).damages(files) };
      },
      repair: (files, how, signal) => heard(trees).repair(files, how, signal),
      hand: (tree, accounts) => heard(trees).hand(tree, accounts),
    },
    clock: { ...clock, sleep: (ms, signal) => heard(clock, ms).sleep(ms, signal) },
  };
}

/** What a release grants the start of its service. */
function startMs(unit: ServiceUnit): number {
  const once = unit.kind === 'compose' ? Object.values(unit.once ?? {}) : [];
  return once.reduce((sum, ms) => sum + ms, 'startTimeoutMs' in unit ? unit.startTimeoutMs : 0);
}

function volumesMs({ snapshot = [] }: UnitOf<'compose'>): number {
  return snapshot.length * VOLUME_MS;
}

export interface LivingPulse extends Pulse {
  /** A part that has broken its promise; null while all keep theirs. */
  silent(): Part | null;
}

export function createPulse(clock: Pick<Clock, 'monotonic'>): LivingPulse {
  const promised = new Map<Part, number>();
  return {
    promise(part, ms) {
      promised.set(part, Math.max(promised.get(part) ?? 0, clock.monotonic() + ms));
    },
    silent() {
      const now = clock.monotonic();
      for (const [part, until] of promised) if (now > until) return part;
      return null;
    },
  };
}
