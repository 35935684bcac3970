// What became of a simulated fleet, in the few numbers that its goals are about.
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { type Fleet, START } from './fleet.ts';
import type { InstallFacts } from './ports.ts';
import type { SimulatedRelease } from './vendor.ts';

/** What a scenario is watched for. */
export interface Watched {
  /** Counts against the fleet wherever it is started. */
  readonly bad?: SimulatedRelease;
  /** Should be everywhere, by the deadline where there is one. */
  readonly good?: {
    readonly release: SimulatedRelease;
    readonly deadline?: EpochMs;
    /** All installs, where it is not given. */
    readonly among?: (facts: InstallFacts) => boolean;
  };
}

export interface Outcome {
  readonly installs: number;
  /** Ever started what is bad. */
  readonly took: number;
  /** From the beginning until the server halted it; null where it never did. */
  readonly haltedMs: number | null;
  /** From the beginning until the last install took it; null where none did. */
  readonly lastTookMs: number | null;
  /** By what is bad, or otherwise. */
  readonly harmed: number;
  readonly healed: number;
  /** From the beginning until the last of them was well again; null where somebody is not, or nobody was harmed. */
  readonly allHealedMs: number | null;
  /** Installs that a person must mend. */
  readonly persons: number;
  /** Share of all installs that committed what is good in time; null where nothing is. */
  readonly reached: number | null;
}

export function outcomeOf({ installs, witness, server }: Fleet, { bad, good }: Watched): Outcome {
  const { took, harmed, healed, reached } = witness;
  const latest = (moments: Iterable<EpochMs>) => Math.max(...moments) - START;
  const { deadline = Number.POSITIVE_INFINITY, among = () => true } = good ?? {};
  const meant = installs.filter(({ facts }) => among(facts));
  const inTime = meant.filter((install) => (reached.get(install) ?? Number.POSITIVE_INFINITY) <= deadline);
  const judged = bad ?? good?.release;
  const haltedAt = judged === undefined ? null : server.haltedAt(judged);
  return {
    installs: installs.length,
    took: took.size,
    haltedMs: haltedAt === null ? null : haltedAt - START,
    lastTookMs: took.size === 0 ? null : latest(took.values()),
    harmed: harmed.size,
    healed: healed.size,
    allHealedMs: harmed.size === 0 || healed.size < harmed.size ? null : latest(healed.values()),
    persons: installs.filter((one) => isStuck(one.disk.records) || (harmed.has(one) && !healed.has(one)))
      .length,
    reached: good === undefined ? null : inTime.length / meant.length,
  };
}

function isStuck(records: Fleet['installs'][number]['disk']['records']): boolean {
  return [...records.values()].at(-1)?.state === 'inconsistent';
}

/** A promise of the product's, which a scenario must keep. */
export interface Goal {
  readonly name: string;
  readonly holds: (outcome: Outcome) => boolean;
}

/** As many as the first wave is meant for: what is drawn by lot may be one more than a hundredth of a small fleet. */
export const FEW_TOOK_IT: Goal = {
  name: 'at most 1 % ever took it',
  holds: ({ took, installs }) => took <= Math.max(1, installs * 0.01),
};
export const FEW_AND_EARLY_TOOK_IT: Goal = {
  name: 'at most 1 % ever took it, and a quarter of the wrong clocks: those for which the next wave has come',
  holds: ({ took, installs }) => took <= Math.max(1, installs * 0.01) + installs * 0.02 * 0.25,
};
export const TENTH_TOOK_IT: Goal = {
  name: 'at most the tenth took it that the waves had reached',
  holds: ({ took, installs }) => took <= installs * 0.1,
};
export const TWELFTH_TOOK_IT: Goal = {
  name: 'at most a twelfth took it: of those who do not see the halt, a tenth',
  holds: ({ took, installs }) => took <= installs / 12,
};
export const FIFTEEN_TOOK_IT: Goal = {
  name: 'at most 1 % ever took it, or fifteen where that is more: fewer are no evidence',
  holds: ({ took, installs }) => took <= Math.max(15, installs * 0.01),
};
export const STOPPED: Goal = { name: 'it was halted', holds: ({ haltedMs }) => haltedMs !== null };
export const NOT_STOPPED: Goal = { name: 'it was not halted', holds: ({ haltedMs }) => haltedMs === null };
export const ALL_HEALED: Goal = {
  name: 'all healed without a person',
  holds: ({ harmed, healed, persons }) => harmed === healed && persons === 0,
};
export const NEARLY_ALL_REACHED: Goal = {
  name: '99 % reached in time',
  holds: ({ reached }) => reached !== null && reached >= 0.99,
};

/** `1 h 2 min`. */
export function describeSpan(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 3_600_000) return `${Math.ceil(ms / 60_000)} min`;
  const [hours, minutes] = [Math.floor(ms / 3_600_000), Math.round((ms % 3_600_000) / 60_000)];
  return minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`;
}
