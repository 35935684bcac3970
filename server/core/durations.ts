// Durations as they are counted: in steps of half an octave, so that however many take a few rows; and what percentiles those say.

/** Of a day and longer nobody asks more precisely. */
const LONGEST_MS = 2 ** 27;
const STEPS_AN_OCTAVE = 2;

/** The step that a duration falls into: 0 for a millisecond and less, each next one √2 as long. */
export function stepOf(ms: number): number {
  if (!(ms > 1)) return 0;
  return Math.ceil(Math.log2(Math.min(ms, LONGEST_MS)) * STEPS_AN_OCTAVE - 1e-9);
}

/** The longest duration of a step, milliseconds. */
export function lengthOf(step: number): number {
  return 2 ** (step / STEPS_AN_OCTAVE);
}

/**
 * The duration that this share (0 to 1) of all did not exceed, milliseconds; null of none. Within a step as if they were
 * spread evenly over it, so it is off by less than half of what it says.
 */
export function percentileOf(counts: ReadonlyMap<number, number>, share: number): number | null {
  const steps = [...counts].filter(([, count]) => count > 0).sort(([a], [b]) => a - b);
  const all = steps.reduce((sum, [, count]) => sum + count, 0);
  if (all === 0) return null;
  const wanted = Math.max(share * all, Number.MIN_VALUE);
  let below = 0;
  for (const [step, count] of steps) {
    if (below + count >= wanted) {
      const from = step === 0 ? 0 : lengthOf(step - 1);
      return Math.round(from + ((wanted - below) / count) * (lengthOf(step) - from));
    }
    below += count;
  }
  return Math.round(lengthOf(steps.at(-1)?.[0] ?? 0));
}

export interface Counted {
  readonly step: number;
  readonly count: number;
}

/** Half, nine tenths and all but a hundredth of them took no longer, milliseconds; null of none. */
export function usualPercentiles(all: readonly Counted[]) {
  const counts = new Map<number, number>();
  for (const { step, count } of all) counts.set(step, (counts.get(step) ?? 0) + count);
  return { p50: percentileOf(counts, 0.5), p90: percentileOf(counts, 0.9), p99: percentileOf(counts, 0.99) };
}
