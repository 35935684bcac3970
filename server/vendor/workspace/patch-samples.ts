// What two files have in common, by samples of their content: whatever moved or was renamed is found where it stands now.

/** How much of what precedes decides whether a place is a sample, and which. */
const WINDOW_BYTES = 32;

/**
 * Places are chosen by what stands before them alone, so the same text has the same samples wherever it stands: one byte in
 * 2^bits. What is a sample at one rate is one at every finer rate. `onSample` hears of where it ends and of what it is.
 */
export function eachSample(
  bytes: Uint8Array,
  bits: number,
  onSample: (end: number, key: number) => void,
): void {
  const shift = 32 - bits;
  const { length } = bytes;
  let hash = 0;
  for (let i = 0; i < length; i++) {
    hash = ((hash << 1) + (GEAR[bytes[i] as number] as number)) | 0;
    if (hash >>> shift === 0 && i >= WINDOW_BYTES - 1) onSample(i + 1, keyOf(bytes, i + 1));
  }
}

/**
 * Of the whole window, 53 bits that say nothing of why it was chosen: of 32, two large trees have hundreds in common
 * by chance.
 */
function keyOf(bytes: Uint8Array, end: number): number {
  let [low, high] = [0x811c9dc5, 0x9747b28c];
  for (let i = end - WINDOW_BYTES; i < end; i++) {
    low = Math.imul(low ^ (bytes[i] as number), 0x01000193);
    high = Math.imul(high ^ (bytes[i] as number), 0x5bd1e995);
    high ^= high >>> 15;
  }
  low = Math.imul(low ^ (low >>> 15), 0x2c1b3c6d);
  return (high >>> 11) * 2 ** 32 + ((low ^ (low >>> 13)) >>> 0);
}

/** One number for each byte, as if drawn at random, the same on every machine. */
const GEAR = createGear();

function createGear(): Int32Array {
  let state = 0x9e3779b9;
  return Int32Array.from({ length: 256 }, () => {
    state = Math.imul(state ^ (state >>> 16), 0x85ebca6b) + 0x6d2b79f5;
    const mixed = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  });
}

export interface SampleTable {
  add(key: number, block: number): void;
  /** The blocks that have the sample: the first few, for what half the tree has tells nothing. */
  each(key: number, onBlock: (block: number) => void): void;
}

const MOST_PER_KEY = 4;

/** Open addressing in two plain arrays: a map of millions would take gigabytes. */
export function createSampleTable(expected: number): SampleTable {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(expected, 1) * 2 + 64));
  const keys = new Float64Array(slots);
  // 0 is an empty slot.
  const blocks = new Uint32Array(slots);
  let used = 0;
  return {
    add(key, block) {
      if (used >= slots * FULL) return;
      let found = 0;
      let slot = (key >>> 0) & (slots - 1);
      for (; blocks[slot] !== 0; slot = (slot + 1) & (slots - 1)) {
        if (keys[slot] !== key) continue;
        if (blocks[slot] === block + 1 || ++found === MOST_PER_KEY) return;
      }
      keys[slot] = key;
      blocks[slot] = block + 1;
      used++;
    },
    each(key, onBlock) {
      for (let slot = (key >>> 0) & (slots - 1); blocks[slot] !== 0; slot = (slot + 1) & (slots - 1)) {
        if (keys[slot] === key) onBlock((blocks[slot] as number) - 1);
      }
    },
  };
}

/** What the table may not grow beyond: searching a fuller one takes long. */
const FULL = 0.75;
