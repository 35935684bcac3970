// Addresses in machine code: where something moved, what names its address changes with it, and a patch need not say how.
import { type CopiedRuns, createMovedPlaces } from './moved-places.ts';
import type { NumberReader } from './script-numbers.ts';

/*
 * Behind the steps of a file in the scripts of a patch:
 *   how many segments there are; for each the address, the place in the file and the length in the old file, then in the new one
 *   how many regions; for each:
 *     how many bytes of the old file lie between it and the one before, its length
 *     its cycle: 0, or up to 64
 *     how many rules; for each, in the order of their contexts: context, kind
 *
 * A rule says what stands in four bytes of a region, the lowest first. Its context is the two bytes before them, or where there is a
 * cycle, their distance from the start of the region modulo the cycle. Segments that are in memory only have places behind the file's end.
 */
export interface Segment {
  readonly address: number;
  readonly place: number;
  readonly length: number;
}

export interface Region {
  /** In the old file. */
  readonly start: number;
  readonly length: number;
  readonly cycle: number;
  readonly rules: readonly Rule[];
}

/** Where there is such a context, an address of such a kind. */
export type Rule = readonly [context: number, kind: number];

/** The old segments and the new ones belong to each other in their order. */
export interface Addresses {
  readonly old: readonly Segment[];
  readonly next: readonly Segment[];
  readonly regions: readonly Region[];
}

/** The distance from the end of the four bytes, an address, the distance from the start of the region. */
export const FROM_HERE = 1;
export const ABSOLUTE = 2;
export const FROM_START = 3;

export const MAX_SEGMENTS = 32;
export const MAX_REGIONS = 64;
/** Segments, regions and rules of all files of a patch: each is an object in its reader's memory. */
export const MAX_PLACES = 2 ** 17;
const MAX_CYCLE = 64;
const CONTEXTS = 2 ** 16;

export function contextsOf(cycle: number): number {
  return cycle === 0 ? CONTEXTS : cycle;
}

export function placesOf({ old, regions }: Addresses): number {
  return regions.reduce((sum, { rules }) => sum + 1 + rules.length, old.length);
}

export function parseAddresses(reader: NumberReader, most: number, damaged: () => Error): Addresses {
  const [old, next]: [Segment[], Segment[]] = [[], []];
  const segment = () => ({ address: reader.number(), place: reader.number(), length: reader.number() });
  const segments = reader.number();
  if (segments > Math.min(MAX_SEGMENTS, most)) throw damaged();
  for (let i = 0; i < segments; i++) {
    old.push(segment());
    next.push(segment());
  }
  const regions: Region[] = [];
  const count = reader.number();
  let left = most - segments - count;
  if (count > MAX_REGIONS || left < 0) throw damaged();
  let end = 0;
  for (let i = 0; i < count; i++) {
    const [start, length, cycle] = [end + reader.number(), reader.number(), reader.number()];
    if (cycle > MAX_CYCLE) throw damaged();
    const rules = parseRules(reader, Math.min(left, contextsOf(cycle)), contextsOf(cycle), damaged);
    left -= rules.length;
    regions.push({ start, length, cycle, rules });
    end = start + length;
  }
  return { old, next, regions };
}

function parseRules(
  reader: NumberReader,
  most: number,
  contexts: number,
  damaged: () => Error,
): readonly Rule[] {
  const rules: Rule[] = [];
  const count = reader.number();
  if (count > most) throw damaged();
  for (let last = -1; rules.length < count; ) {
    const [context, kind] = [reader.number(), reader.number()];
    if (context <= last || context >= contexts || kind < FROM_HERE || kind > FROM_START) throw damaged();
    rules.push([context, kind]);
    last = context;
  }
  return rules;
}

/** Where a run begins, and the region that it lies in: addresses in the old file, and in the new one. */
interface Run {
  readonly here: number;
  readonly there: number;
  readonly start: number;
  readonly newStart: number;
}

/** A region with its rules by context; 0 is no address. */
interface RuledRegion extends Omit<Region, 'rules'> {
  readonly kinds: Uint8Array;
}

export interface AddressMover {
  readonly regions: readonly RuledRegion[];
  /** Of bytes from a place of the old file on, which go to one of the new. */
  runAt(region: Pick<Region, 'start'>, source: number, at: number): Run;
  /** What four bytes, so far from the start of a run, are in the new file; null where they name nothing that the old one has. */
  move(kind: number, value: number, run: Run, distance: number): number | null;
}

/** `tables` are those of a mover that nobody asks any more. */
export function createAddressMover(
  script: CopiedRuns & { readonly addresses: Addresses; readonly oldSize: number },
  tables: Uint8Array[] = [],
): AddressMover {
  const { addresses, oldSize } = script;
  const { old, next } = addresses;
  const movedPlace = createMovedPlaces(script);
  const lowest = Math.min(...old.map(({ address }) => address));
  const highest = Math.max(...old.map(({ address, length }) => address + length));
  const moved = (address: number): number | null => {
    // Most of what is looked at is no address.
    if (address < lowest || address >= highest) return null;
    for (let i = 0; i < old.length; i++) {
      const { address: first, place, length } = old[i] as Segment;
      if (address < first || address >= first + length) continue;
      if (place >= oldSize) return address - first + (next[i] as Segment).address;
      return addressAt(next, movedPlace(place + address - first));
    }
    return null;
  };
  return {
    regions: addresses.regions.map(({ rules, ...region }, i) => {
      tables[i] ??= new Uint8Array(CONTEXTS);
      const kinds = tables[i].subarray(0, contextsOf(region.cycle)).fill(0);
      for (const [context, kind] of rules) kinds[context] = kind;
      return { ...region, kinds };
    }),
    runAt: (region, source, at) => ({
      here: addressAt(old, source) ?? 0,
      there: addressAt(next, at) ?? 0,
      start: addressAt(old, region.start) ?? 0,
      newStart: addressAt(next, movedPlace(region.start)) ?? 0,
    }),
    move(kind, value, { here, there, start, newStart }, distance) {
      const end = distance + WORD_BYTES;
      if (kind === FROM_HERE) {
        const to = moved(here + end + value);
        return to === null ? null : (to - there - end) | 0;
      }
      const to = moved(kind === ABSOLUTE ? value >>> 0 : start + value);
      return to === null ? null : (kind === ABSOLUTE ? to : to - newStart) | 0;
    },
  };
}

function addressAt(segments: readonly Segment[], place: number): number | null {
  for (const { address, place: first, length } of segments) {
    if (place >= first && place < first + length) return address + place - first;
  }
  return null;
}

export const WORD_BYTES = 4;

export function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** Of bytes that stand at a place of the old file and go to one of the new: what is known of them beforehand, into `made`. */
export function moveAddresses(
  mover: AddressMover,
  old: Uint8Array,
  source: number,
  at: number,
  made: Uint8Array,
): void {
  made.set(old);
  for (const region of mover.regions) {
    const first = Math.max(0, region.start - source);
    const end = Math.min(old.length, region.start + region.length - source) - WORD_BYTES;
    if (first > end) continue;
    const run = mover.runAt(region, source + first, at + first);
    for (let i = first; i <= end; i++) {
      const kind = region.kinds[contextAt(region, old, source, i)];
      const moved = kind ? mover.move(kind, wordAt(old, i), run, i - first) : null;
      if (moved === null) continue;
      for (let byte = 0; byte < WORD_BYTES; byte++) made[i + byte] = moved >> (8 * byte);
      i += WORD_BYTES - 1;
    }
  }
}

/** Of what stands at `i` in bytes from `source` on. */
export function contextAt(
  { cycle, start }: Pick<Region, 'cycle' | 'start'>,
  old: Uint8Array,
  source: number,
  i: number,
): number {
  if (cycle > 0) return (source + i - start) % cycle;
  return i < 2 ? 0 : ((old[i - 2] as number) << 8) | (old[i - 1] as number);
}
