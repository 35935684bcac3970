// Finds, for bytes of a new tree, the stretches of the old one that are most like them.
import { createDigester, type Digest } from '../../../shared/encoding/digest.ts';
import { type BaseTree, baseChanged, readStretch } from '../../../shared/node/base-files.ts';
import { MAX_UNIT_BYTES } from '../../../shared/tree/pack-format.ts';
import type { Stretch } from '../../../shared/tree/patch-format.ts';
import type { TreeFile, TreeIndex } from '../../../shared/tree/tree-index.ts';
import { createSampleTable, eachSample, type SampleTable } from './patch-samples.ts';

/** A tree whose files lie in a directory, as its index says. */
export interface PatchSide extends BaseTree {
  readonly index: TreeIndex;
}

export interface BaseFinder {
  /** At most three, the best first. `same` is the old file of the same path. */
  find(bytes: Uint8Array, same: number | undefined): readonly Stretch[];
}

const MAX_BASES = 3;
const MAX_TRIES = 6;
/** What lies beyond both ends of a unit's counterpart is seldom of use. */
const MAX_STRETCH_BYTES = 9 * 2 ** 20;
const BLOCK_BYTES = 256 * 1024;
/** The finest rate of samples, at which new bytes are looked at. */
const FINEST_BITS = 5;
const MOST_SAMPLES = 4 * 2 ** 20;
/** Less in common is not worth a dictionary, nor is a stretch of which a smaller part is common. */
const LEAST_BYTES = 256;
const LEAST_SAMPLES = 3;
const LEAST_PART = 1 / 1024;
/** A file this small may have no sample at all: the one of its name is its best guess. */
const SMALL_BYTES = 4096;

/** An old file, and where its blocks begin in the list of all. */
interface OldFile {
  readonly position: number;
  readonly file: TreeFile;
  readonly firstBlock: number;
  readonly bits: number;
}

/** Reads every content of the old tree once, where one of its files may be a base. Error: tree/base-changed. */
export function createBaseFinder(base: PatchSide, isBase: (file: TreeFile) => boolean): BaseFinder {
  const { index } = base;
  const files = listFiles(index, isBase);
  const expected = files.reduce((sum, { file, bits }) => sum + file.size / 2 ** bits, 0);
  const table = createSampleTable(Math.min(expected, MOST_SAMPLES));
  const fileOfBlock: number[] = [];
  files.forEach((old, i) => {
    for (let block = 0; block < blocksOf(old.file); block++) fileOfBlock.push(i);
    addSamples(base, old, table);
  });
  return {
    find: (bytes, same) => {
      const hits = collectHits(bytes, table);
      const chosen: Stretch[] = [];
      for (let tries = 0; tries < MAX_TRIES && chosen.length < MAX_BASES; tries++) {
        const found = bestStretch(hits, files, fileOfBlock, longestFor(bytes.length));
        if (found === null) break;
        if (isWorthIt(found)) chosen.push(found.stretch);
      }
      return withNamesake(chosen, index, same, bytes.length);
    },
  };
}

function listFiles(index: TreeIndex, isBase: (file: TreeFile) => boolean): readonly OldFile[] {
  const files: OldFile[] = [];
  const seen = new Set<Digest>();
  const bytes = index.entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.size : 0), 0);
  const coarser = Math.max(0, Math.ceil(Math.log2(bytes / 2 ** 7 / MOST_SAMPLES)));
  let firstBlock = 0;
  index.entries.forEach((file, position) => {
    if (file.kind !== 'file' || !isBase(file) || seen.has(file.digest)) return;
    seen.add(file.digest);
    files.push({ position, file, firstBlock, bits: bitsOf(file.size) + coarser });
    firstBlock += blocksOf(file);
  });
  return files;
}

/** Small files need many samples to have any, large ones few to be known. */
function bitsOf(size: number): number {
  if (size < 16 * 1024) return FINEST_BITS;
  return size < BLOCK_BYTES ? FINEST_BITS + 1 : FINEST_BITS + 3;
}

function blocksOf({ size }: TreeFile): number {
  return Math.ceil(size / BLOCK_BYTES);
}

function addSamples(base: BaseTree, { file, firstBlock, bits }: OldFile, table: SampleTable): void {
  const digester = createDigester();
  for (let offset = 0; offset < file.size; offset += MAX_UNIT_BYTES) {
    const length = Math.min(MAX_UNIT_BYTES, file.size - offset);
    const bytes = readStretch(base, { file, offset, length });
    digester.update(bytes);
    eachSample(bytes, bits, (end, key) => {
      table.add(key, firstBlock + Math.floor((offset + end - 1) / BLOCK_BYTES));
    });
  }
  // Of other bytes a patch would be made that no install can use.
  if (digester.end() !== file.digest) throw baseChanged(base.digest, file.path);
}

/**
 * The blocks that each sample of the new bytes was found in; a sample that a chosen stretch has counts no more. One that they
 * have a thousand times stands here once: it would outweigh all the rest together.
 */
type Hits = readonly number[][];

function collectHits(bytes: Uint8Array, table: SampleTable): number[][] {
  const hits: number[][] = [];
  const seen = new Set<number>();
  eachSample(bytes, FINEST_BITS, (_, key) => {
    if (seen.has(key)) return;
    const blocks: number[] = [];
    table.each(key, (block) => void blocks.push(block));
    if (blocks.length === 0) return;
    seen.add(key);
    hits.push(blocks);
  });
  return hits;
}

interface FoundStretch {
  readonly stretch: Stretch;
  /** About how many bytes of it the new bytes have, too. */
  readonly common: number;
  readonly bits: number;
}

function isWorthIt({ stretch: [, , length], common, bits }: FoundStretch): boolean {
  return common >= Math.max(LEAST_BYTES, LEAST_SAMPLES * 2 ** bits, length * LEAST_PART);
}

/** The stretch that has the most in common, whose samples are gone from the hits afterwards; null where none has any. */
function bestStretch(
  hits: Hits,
  files: readonly OldFile[],
  fileOfBlock: readonly number[],
  longest: number,
): FoundStretch | null {
  const scores = new Map<number, number>();
  const byFile = new Map<number, number>();
  for (const blocks of hits) {
    for (const block of blocks) {
      const at = fileOfBlock[block] as number;
      // What stands in several places says little of where the rest is.
      scores.set(block, (scores.get(block) ?? 0) + 1 / blocks.length);
      byFile.set(at, (byFile.get(at) ?? 0) + 2 ** (files[at] as OldFile).bits);
    }
  }
  const best = [...byFile].reduce((a, b) => (b[1] > a[1] ? b : a), [-1, 0] as const);
  const old = files[best[0]];
  if (old === undefined) return null;
  const { from, to } = densest(old, scores, longest);
  const common = takeHits(hits, from, to) * 2 ** old.bits;
  const start = Math.max(0, from - old.firstBlock - 1) * BLOCK_BYTES;
  const end = Math.min(old.file.size, (to - old.firstBlock + 1) * BLOCK_BYTES, start + MAX_STRETCH_BYTES);
  return { stretch: [old.position, start, end - start], common, bits: old.bits };
}

/** How often the blocks have a sample. */
function takeHits(hits: Hits, from: number, to: number): number {
  let taken = 0;
  for (const blocks of hits as number[][]) {
    const within = blocks.filter((block) => block >= from && block < to).length;
    if (within > 0) blocks.length = 0;
    taken += within;
  }
  return taken;
}

/** In blocks: what lies farther apart than new bytes are long makes two stretches, not one with all that is between. */
function longestFor(length: number): number {
  return Math.min(MAX_STRETCH_BYTES / BLOCK_BYTES - 2, Math.ceil((2 * length) / BLOCK_BYTES) + 1);
}

/** The run of at most so many blocks that scores most. */
function densest(
  { file, firstBlock }: OldFile,
  scores: ReadonlyMap<number, number>,
  longest: number,
): { readonly from: number; readonly to: number } {
  const scored = Array.from({ length: blocksOf(file) }, (_, i) => scores.get(firstBlock + i) ?? 0);
  let sum = 0;
  let best = { sum: -1, end: 0 };
  scored.forEach((score, i) => {
    sum += score - (scored[i - longest] ?? 0);
    if (sum > best.sum) best = { sum, end: i + 1 };
  });
  const begin = Math.max(0, best.end - longest);
  const skipped = scored.slice(begin, best.end).findIndex((score) => score > 0);
  return { from: firstBlock + begin + Math.max(0, skipped), to: firstBlock + best.end };
}

function withNamesake(
  chosen: readonly Stretch[],
  index: TreeIndex,
  same: number | undefined,
  length: number,
): readonly Stretch[] {
  const file = same === undefined ? undefined : index.entries[same];
  if (same === undefined || file?.kind !== 'file' || file.size === 0) return chosen;
  if (chosen.some(([position]) => position === same) || chosen.length === MAX_BASES) return chosen;
  if (chosen.length > 0 && length > SMALL_BYTES) return chosen;
  return [...chosen, [same, 0, Math.min(file.size, longestFor(length) * BLOCK_BYTES)]];
}
