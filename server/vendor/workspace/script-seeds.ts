// Finds where old bytes go on as new ones do: a table of places of the old ones, by a hash of what stands there.

export interface Seeds {
  /** A place of the old bytes that has the most in common with the new ones from `at` on, and how much; -1 where none is known. */
  find(at: number, shift: number): { readonly from: number; readonly length: number };
  /** How many bytes are equal from both places on, as far as it matters. */
  common(from: number, at: number): number;
}

export const SEED_BYTES = 24;
/** Of large files not every place has room in the table. */
const MOST_PLACES_LOG = 24;
/** From such a size on one place of four is enough: what files have in common is longer. */
const SAMPLED_BYTES = 256 * 1024;
const SAMPLED_EVERY = 4;
/** Longer runs are found as several. */
const MOST_COMMON_BYTES = 4096;
/** So many places of one hash are kept: the first one, and the last. */
const WAYS = 2;

export function createSeeds(old: Uint8Array, next: Uint8Array): Seeds {
  const every = everyOf(old.length);
  const log = Math.min(MOST_PLACES_LOG, Math.max(8, Math.ceil(Math.log2(old.length / every + 1))));
  const mask = 2 ** log / WAYS - 1;
  const places = indexPlaces(old, every, log, mask);
  const hash = createRollingHash(next);
  const common = (from: number, at: number): number => {
    if (from < 0) return 0;
    const end = Math.min(old.length - from, next.length - at, MOST_COMMON_BYTES);
    let length = 0;
    while (length < end && old[from + length] === next[at + length]) length++;
    return length;
  };
  const NONE = { from: -1, length: 0 };
  return {
    common,
    find(at, shift) {
      if (at + SEED_BYTES > next.length) return NONE;
      const slot = slotOf(hash(at), mask);
      let best = NONE;
      for (let way = 0; way < WAYS; way++) {
        const from = (places[slot + way] as number) - 1;
        const length = common(from, at);
        const isNearer = Math.abs(from - at - shift) < Math.abs(best.from - at - shift);
        if (length > best.length || (length === best.length && length > 0 && isNearer))
          best = { from, length };
      }
      return best;
    },
  };
}

function everyOf(length: number): number {
  if (length < SAMPLED_BYTES) return 1;
  return Math.max(SAMPLED_EVERY, 2 ** (Math.ceil(Math.log2(length)) - MOST_PLACES_LOG));
}

/** 0 is an empty place. The sum is rolled here, and not asked for: of tens of millions of places that takes twice as long. */
function indexPlaces(old: Uint8Array, every: number, log: number, mask: number): Uint32Array {
  const places = new Uint32Array(2 ** log);
  let hash = 0;
  for (let i = 0; i < Math.min(SEED_BYTES, old.length); i++) hash = joined(hash, old[i] as number);
  for (let at = 0; at + SEED_BYTES <= old.length; at++) {
    if (at > 0) hash = rolled(hash, old[at - 1] as number, old[at + SEED_BYTES - 1] as number);
    if (at % every !== 0) continue;
    const first = slotOf(hash, mask);
    places[places[first] === 0 ? first : first + 1] = at + 1;
  }
  return places;
}

const FACTOR = 0x9e3779b1;

function slotOf(hash: number, mask: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return ((mixed ^ (mixed >>> 13)) & mask) * WAYS;
}

/** What leaves a sum of so many bytes is multiplied by it. */
const LEAVING = Array.from({ length: SEED_BYTES }).reduce<number>((power) => Math.imul(power, FACTOR), 1);

function joined(hash: number, byte: number): number {
  return (Math.imul(hash, FACTOR) + byte + 1) | 0;
}

/** The sum of one place further: a byte joins it, and the oldest leaves. */
function rolled(hash: number, oldest: number, newest: number): number {
  return (joined(hash, newest) - Math.imul(LEAVING, oldest + 1)) | 0;
}

/** Of the bytes from a place on; asked for one place after the other, it is rolled. */
function createRollingHash(bytes: Uint8Array): (at: number) => number {
  let [last, hash] = [-2, 0];
  return (at) => {
    if (at === last + 1) {
      hash = rolled(hash, bytes[at - 1] as number, bytes[at + SEED_BYTES - 1] as number);
    } else {
      hash = 0;
      for (let i = 0; i < SEED_BYTES; i++) hash = joined(hash, bytes[at + i] as number);
    }
    last = at;
    return hash;
  };
}
