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
  const [builds, tally] = [{ old, next, runs, mover }, createTally()];
  const learnt = sections
    .filter(({ kind, length }) => kind === 'code' || length <= MOST_TABLE_BYTES)
    .filter(({ length }) => length >= LEAST_SECTION_BYTES)
    .map((section) =>
      cyclesOf(section)
        .map((cycle) => learnRules(builds, section, cycle, tally))
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

/** By kind and context: words that changed as a rule would have changed them, and words that did not, though it would have. */
interface Tally {
  readonly gained: readonly Int32Array[];
  readonly spoilt: readonly Int32Array[];
}

/** Of one section after the other: fresh ones for each would be collected more often than sections are looked at. */
function createTally(): Tally {
  const sums = () => KINDS.map(() => new Int32Array(contextsOf(0)));
  return { gained: sums(), spoilt: sums() };
}

const KINDS = [FROM_HERE, ABSOLUTE, FROM_START];

function learnRules(builds: Builds, { start, length }: ElfSection, cycle: number, tally: Tally): Learnt {
  const region = { start, length, cycle };
  const kinds = cycle === 0 ? [FROM_HERE, ABSOLUTE] : KINDS;
  for (const sums of [...tally.gained, ...tally.spoilt]) sums.fill(0, 0, contextsOf(cycle));
  countWords(builds, region, kinds, tally, true);
  countWords(builds, region, kinds, tally, false);
  return bestRules(region, kinds, tally);
}

interface Builds {
  readonly old: Buffer;
  readonly next: Buffer;
  readonly runs: CopiedRuns;
  readonly mover: AddressMover;
}

/** What changed is counted first: most words did not, and are asked only where enough was gained. */
function countWords(
  { old, next, runs, mover }: Builds,
  region: Omit<Region, 'rules'>,
  kinds: readonly number[],
  { gained, spoilt }: Tally,
  isChanged: boolean,
): void {
  runs.source.forEach((source, run) => {
    const shift = (runs.at[run] as number) - source;
    const from = Math.max(source, region.start);
    const first = Math.max(from, 2);
    const end = Math.min(source + (runs.copied[run] as number), region.start + region.length) - WORD_BYTES;
    if (first > end) return;
    const where = mover.runAt(region, from, from + shift);
    let [value, found] = [wordAt(old, first) << 8, wordAt(next, first + shift) << 8];
    for (let place = first; place <= end; place++) {
      value = (value >>> 8) | ((old[place + 3] as number) << 24);
      found = (found >>> 8) | ((next[place + shift + 3] as number) << 24);
      if ((value !== found) !== isChanged) continue;
      const context = contextAt(region, old, 0, place);
      for (let i = 0; i < kinds.length; i++) {
        const gains = gained[i] as Int32Array;
        if (!isChanged && (gains[context] as number) < LEAST_GAIN) continue;
        const moved = mover.move(kinds[i] as number, value, where, place - from);
        if (moved === null || moved === value || (isChanged && moved !== found)) continue;
        const sums = isChanged ? gains : (spoilt[i] as Int32Array);
        sums[context] = (sums[context] as number) + 1;
      }
    }
  });
}

function bestRules(
  region: Omit<Region, 'rules'>,
  kinds: readonly number[],
  { gained, spoilt }: Tally,
): Learnt {
  const rules: Rule[] = [];
  let gain = 0;
  for (let context = 0; context < contextsOf(region.cycle); context++) {
    let [most, best] = [0, 0];
    for (let i = 0; i < kinds.length; i++) {
      const sum = (gained[i]?.[context] ?? 0) - (spoilt[i]?.[context] ?? 0);
      if (sum > most) [most, best] = [sum, i];
    }
    if (most < LEAST_GAIN) continue;
    rules.push([context, kinds[best] as number]);
    gain += most;
  }
  return { region: { ...region, rules }, gain };
}
