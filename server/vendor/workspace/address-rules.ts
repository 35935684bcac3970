// Learns from two builds of a program where addresses stand in it: after which bytes, or at which place of a table's rows.
import {
  ABSOLUTE,
  type Addresses,
  type AddressMover,
  contextAt,
  contextsOf,
  createAddressMover,
  FROM_HERE,
  FROM_START,
  MAX_REGIONS,
  type Region,
  type Rule,
  WORD_BYTES,
  wordAt,
} from '../../../shared/tree/moved-addresses.ts';
import type { CopiedRuns } from '../../../shared/tree/moved-places.ts';
import type { ElfFile, ElfSection } from './elf-files.ts';

/** What a rule has to do better than none, to be worth its bytes. */
const LEAST_GAIN = 4;
/** Rows of 4, 8, 12 and 24 bytes all go on in the same way after so many. */
const ROW_BYTES = 24;
/** From smaller ones nothing is learnt that is worth its bytes. */
const LEAST_SECTION_BYTES = 256;
/** In tables of rows what stands before an address says little, in small ones nothing. */
const LEAST_MIXED_BYTES = 64 * 1024;
/** Larger sections that are no code are mostly text and pictures. */
const MOST_TABLE_BYTES = 8 * 2 ** 20;

export function learnRegions(
  old: Buffer,
  next: Buffer,
  { sections }: ElfFile,
  runs: CopiedRuns,
  addresses: Addresses,
): readonly Region[] {
  const mover = createAddressMover({ ...runs, oldSize: old.length, addresses });
  const learnt = sections
    .filter(({ kind, length }) => kind === 'code' || length <= MOST_TABLE_BYTES)
    .filter(({ length }) => length >= LEAST_SECTION_BYTES)
    .map((section) =>
      cyclesOf(section)
        .map((cycle) => learnRules(old, next, runs, mover, section, cycle))
        .reduce((a, b) => (b.gain > a.gain ? b : a)),
    )
    .filter(({ gain }) => gain > 0)
    .toSorted((a, b) => b.gain - a.gain);
  const regions: Region[] = [];
  for (const { region } of learnt) {
    if (regions.length < MAX_REGIONS && !overlapsOne(region, regions)) regions.push(region);
  }
  return regions.toSorted((a, b) => a.start - b.start);
}

/** Sections of an odd file may; regions of a script follow one another. */
function overlapsOne({ start, length }: Region, others: readonly Region[]): boolean {
  return others.some((other) => start < other.start + other.length && other.start < start + length);
}

function cyclesOf({ kind, length }: ElfSection): readonly number[] {
  if (kind === 'code') return [0];
  return length < LEAST_MIXED_BYTES ? [ROW_BYTES] : [ROW_BYTES, 0];
}

interface Learnt {
  readonly region: Region;
  readonly gain: number;
}

function learnRules(
  old: Buffer,
  next: Buffer,
  runs: CopiedRuns,
  mover: AddressMover,
  { start, length }: ElfSection,
  cycle: number,
): Learnt {
  const kinds = cycle === 0 ? [FROM_HERE, ABSOLUTE] : [FROM_HERE, ABSOLUTE, FROM_START];
  const gains = kinds.map(() => new Int32Array(contextsOf(cycle)));
  const add = (kind: number, context: number, gain: number) => {
    const sums = gains[kind] as Int32Array;
    sums[context] = (sums[context] as number) + gain;
  };
  runs.source.forEach((source, run) => {
    const at = runs.at[run] as number;
    const from = Math.max(source, start);
    const end = Math.min(source + (runs.copied[run] as number), start + length) - WORD_BYTES;
    if (from > end) return;
    const where = mover.runAt({ start }, from, at + from - source);
    for (let place = Math.max(from, 2); place <= end; place++) {
      const value = wordAt(old, place);
      for (let i = 0; i < kinds.length; i++) {
        const moved = mover.move(kinds[i] as number, value, where, place - from);
        if (moved === null || moved === value) continue;
        const found = wordAt(next, at + place - source);
        if (found === moved || found === value) {
          add(i, contextAt({ cycle, start }, old, 0, place), found === moved ? 1 : -1);
        }
      }
    }
  });
  return bestRules({ start, length, cycle }, kinds, gains);
}

function bestRules(
  region: Omit<Region, 'rules'>,
  kinds: readonly number[],
  gains: readonly Int32Array[],
): Learnt {
  const rules: Rule[] = [];
  let gain = 0;
  for (let context = 0; context < contextsOf(region.cycle); context++) {
    let [most, best] = [0, 0];
    for (let i = 0; i < kinds.length; i++) {
      const sum = gains[i]?.[context] ?? 0;
      if (sum > most) [most, best] = [sum, i];
    }
    if (most < LEAST_GAIN) continue;
    rules.push([context, kinds[best] as number]);
    gain += most;
  }
  return { region: { ...region, rules }, gain };
}
