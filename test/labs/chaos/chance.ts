// Chance that can be repeated: the same seed, the same moments.

export interface Chance {
  /** Evenly from `low` to below `high`. */
  between(low: number, high: number): number;
}

/** A 32-bit xorshift, which is random enough for moments. */
export function createChance(seed: number): Chance {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return { between: (low, high) => low + next() * (high - low) };
}
