// Finds where old bytes begin as new ones go on: one table over every place of the old ones.

export interface Seeds {
  /** A place of the old bytes that begins as the new ones from `at` on may begin; -1 where none is known. */
  find(at: number): number;
  /** How many bytes are equal from both places on, as far as it matters. */
  common(from: number, at: number): number;
}

const WINDOW_BYTES = 12;
const MAX_TABLE_LOG = 23;
/** Longer runs are found as several. */
const MOST_COMMON_BYTES = 4096;

export function createSeeds(old: Uint8Array, next: Uint8Array): Seeds {
  // 0 is an empty place: of those with one hash, the last stays.
  const log = Math.min(MAX_TABLE_LOG, Math.ceil(Math.log2(old.length + 2)) + 1);
  const places = new Uint32Array(2 ** log);
  eachWindow(old, log, (start, slot) => {
    places[slot] = start + 1;
  });
  const slots = new Uint32Array(Math.max(0, next.length - WINDOW_BYTES + 1));
  eachWindow(next, log, (start, slot) => {
    slots[start] = slot;
  });
  return {
    find: (at) => (at < slots.length ? (places[slots[at] as number] as number) - 1 : -1),
    common(from, at) {
      if (from < 0) return 0;
      const end = Math.min(old.length - from, next.length - at, MOST_COMMON_BYTES);
      let length = 0;
      while (length < end && old[from + length] === next[at + length]) length++;
      return length;
    },
  };
}

const FACTOR = 0x9e3779b1;

/** A sum that the next byte joins and the oldest leaves. */
function eachWindow(bytes: Uint8Array, log: number, onWindow: (start: number, slot: number) => void): void {
  const mask = 2 ** log - 1;
  let leaving = 1;
  for (let i = 0; i < WINDOW_BYTES; i++) leaving = Math.imul(leaving, FACTOR);
  let hash = 0;
  for (let i = 0; i < bytes.length; i++) {
    hash = (Math.imul(hash, FACTOR) + (bytes[i] as number) + 1) | 0;
    if (i >= WINDOW_BYTES) hash = (hash - Math.imul(leaving, (bytes[i - WINDOW_BYTES] as number) + 1)) | 0;
    if (i >= WINDOW_BYTES - 1) onWindow(i - WINDOW_BYTES + 1, (hash ^ (hash >>> 15)) & mask);
  }
}
