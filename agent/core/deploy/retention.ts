// Which generations stay on disk: the current one, the healthy one before it, and the newest healthy ones within the limits.

export interface Kept {
  readonly number: number;
  readonly healthy: boolean;
  /** Bytes of each of its trees, by digest: what generations share is stored once. */
  readonly trees: ReadonlyMap<string, number>;
}

export interface RetentionLimits {
  /** The current one included; at least 2. */
  readonly generations: number;
  /** Of all trees together. */
  readonly bytes: number;
}

/** Numbers that may be removed; one that never was healthy serves nobody once it does not run. */
export function selectExpired(
  generations: readonly Kept[],
  current: number | null,
  limits: RetentionLimits,
): number[] {
  const healthy = generations.filter((one) => one.healthy && one.number !== current);
  const before = healthy.filter((one) => current !== null && one.number < current).at(-1);
  const kept = new Set(generations.filter((one) => one.number === current || one === before));
  const spare = healthy.filter((one) => one !== before).toReversed();
  for (const one of spare.slice(0, Math.max(0, limits.generations - 2))) {
    // The first that does not fit ends it: an older way back without the newer ones helps nobody.
    if (bytesOf([...kept, one]) > limits.bytes) break;
    kept.add(one);
  }
  return generations.filter((one) => !kept.has(one)).map((one) => one.number);
}

function bytesOf(generations: readonly Kept[]): number {
  const trees = new Map(generations.flatMap((one) => [...one.trees]));
  return [...trees.values()].reduce((sum, bytes) => sum + bytes, 0);
}
