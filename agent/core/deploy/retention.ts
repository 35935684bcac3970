// Which generations stay on disk: the current one, the healthy one before it, and the newest healthy ones up to a count.

interface Kept {
  readonly number: number;
  readonly healthy: boolean;
}

/** Numbers that may be removed; one that never was healthy serves nobody once it does not run. */
export function selectExpired(generations: readonly Kept[], current: number | null, keep: number): number[] {
  const healthy = generations.filter((one) => one.healthy && one.number !== current).map((one) => one.number);
  const before = healthy.filter((number) => current !== null && number < current).at(-1);
  const spare = healthy.filter((number) => number !== before).reverse();
  const kept = new Set([current, before, ...spare.slice(0, Math.max(0, keep - 2))]);
  return generations.map((one) => one.number).filter((number) => !kept.has(number));
}
