// Where addresses go, by numbers worked out by hand: who writes a patch and who reads it may be years apart, and both have to move alike.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ABSOLUTE,
  type Addresses,
  createAddressMover,
  FROM_HERE,
  FROM_START,
  moveAddresses,
  parseAddresses,
  placesOf,
  type Region,
} from '../../../shared/tree/moved-addresses.ts';
import { createMovedPlaces, createSearch, lastUpTo } from '../../../shared/tree/moved-places.ts';
import { createNumberReader, putNumber } from '../../../shared/tree/script-numbers.ts';

const OLD_SIZE = 120;
/** The first 50 bytes stay; the next 50 go 100 bytes further, and the last 20 by 110. */
const RUNS = {
  at: Uint32Array.of(0, 150, 210),
  source: Uint32Array.of(0, 50, 100),
  copied: Uint32Array.of(50, 50, 20),
};
/** Two of the file, and two of memory alone. Five bytes of the old file have no address, nor have those from 190 to 204 of the new one. */
const SEGMENTS = {
  old: [
    { address: 0x1000, place: 0, length: 95 },
    { address: 0x7000, place: 100, length: 20 },
    { address: 0x5000, place: OLD_SIZE, length: 16 },
    { address: 0xffff_0000, place: OLD_SIZE, length: 16 },
  ],
  next: [
    { address: 0x2000, place: 0, length: 190 },
    { address: 0xa000, place: 205, length: 40 },
    { address: 0x9000, place: 300, length: 32 },
    { address: 0x100, place: 300, length: 32 },
  ],
};
const CALL = 0xffe8;

/** What the word at a place of the old file is in the new one, where the run of `source` is so long. */
function movedWord(
  region: Region,
  [place, value]: readonly [place: number, value: number],
  [source, length, at]: readonly [source: number, length: number, at: number] = [0, 50, 0],
): number {
  const old = Buffer.alloc(OLD_SIZE, 0x90);
  if (place >= 2) old.writeUInt16BE(CALL, place - 2);
  old.writeUInt32LE(value >>> 0, place);
  const mover = createAddressMover({
    ...RUNS,
    oldSize: OLD_SIZE,
    addresses: { ...SEGMENTS, regions: [region] },
  });
  const made = Buffer.alloc(OLD_SIZE);
  moveAddresses(mover, old.subarray(source, source + length), source, at, made.subarray(source));
  const word = made.readUInt32LE(place);
  made.writeUInt32LE(value >>> 0, place);
  expect(made.subarray(source, source + length)).toEqual(old.subarray(source, source + length));
  return word;
}

const calls = (kind: number, start = 0, length = OLD_SIZE): Region => ({
  ...{ start, length, cycle: 0 },
  rules: [[CALL, kind]],
});
const unsigned = (value: number) => value >>> 0;

describe('an address', () => {
  it.each<[string, number, number]>([
    ['of the first byte', 0x1000, 0x2000],
    ['of what stays', 0x1031, 0x2031],
    ['of what goes further', 0x1032, 0x2096],
    ['of the last that has one in the new file', 0x1059, 0x20bd],
    ['of what has none there', 0x105a, 0x105a],
    ['behind its segment', 0x105f, 0x105f],
    ['before it', 0xfff, 0xfff],
    ['of another segment', 0x7003, 0xa008],
    ['in memory', 0x500f, 0x900f],
    ['behind that', 0x5010, 0x5010],
    ['in the upper half', 0xffff_0004, 0x104],
    ['of the last byte of all', 0xffff_000f, 0x10f],
    ['behind that of all', 0xffff_0010, 0xffff_0010],
  ])('%s moves with it', (_, value, expected) => {
    expect(movedWord(calls(ABSOLUTE), [10, value])).toBe(expected);
  });

  it.each<[string, Region, [number, number], [number, number, number], number]>([
    ['to what goes further', calls(FROM_HERE), [10, 46], [0, 50, 0], 146],
    ['back to what goes with it', calls(FROM_HERE), [10, -14], [0, 50, 0], -14],
    ['back to what stayed', calls(FROM_HERE, 40), [70, -64], [50, 50, 150], -164],
    ['in a region within the run', calls(FROM_HERE, 60), [70, -64], [50, 50, 150], -164],
    ['into memory', calls(FROM_HERE), [10, 0x5004 - 0x100e], [0, 50, 0], 0x9004 - 0x200e],
    ['to nothing that is known', calls(FROM_HERE), [10, 86], [0, 50, 0], 86],
    ['from the start of its region', calls(FROM_START, 6), [10, 54], [0, 50, 0], 154],
    ['from a start that goes further', calls(FROM_START, 60), [70, -15], [50, 50, 150], -115],
    ['to where no address is', calls(FROM_HERE), [10, 46], [0, 50, 195], 0x20a0 - 14],
    ['where none is in either', calls(FROM_HERE, 96), [96, 0x102e], [50, 50, 150], 0x2092],
    ['from a start that has none', calls(FROM_START, 96), [96, 0x1032], [50, 50, 150], 0x2096],
    ['from a start, to nothing', calls(FROM_START, 6), [10, 94], [0, 50, 0], 94],
  ])('as a distance, %s', (_, region, word, run, expected) => {
    expect(movedWord(region, word, run)).toBe(unsigned(expected));
  });

  it.each<[string, Region, number, number, boolean]>([
    ['that ends with its region', calls(ABSOLUTE, 0, 14), 10, 50, true],
    ['of which a byte lies behind it', calls(ABSOLUTE, 0, 13), 10, 50, false],
    ['that begins with its region', calls(ABSOLUTE, 10), 10, 50, true],
    ['that begins before it', calls(ABSOLUTE, 11), 10, 50, false],
    ['that ends with the run', calls(ABSOLUTE), 10, 14, true],
    ['behind other words', { ...calls(ABSOLUTE), rules: [[CALL + 1, ABSOLUTE]] }, 10, 50, false],
    ['with nothing before it', { ...calls(ABSOLUTE), rules: [[0, ABSOLUTE]] }, 0, 50, true],
    ['with one byte before it', { ...calls(ABSOLUTE), rules: [[0, ABSOLUTE]] }, 1, 50, true],
    ['in a table', { start: 8, length: 40, cycle: 8, rules: [[0, ABSOLUTE]] }, 24, 50, true],
    ['between those of a table', { start: 8, length: 40, cycle: 8, rules: [[0, ABSOLUTE]] }, 28, 50, false],
  ])('%s', (_, region, place, length, isMoved) => {
    expect(movedWord(region, [place, 0x1032], [0, length, 0])).toBe(isMoved ? 0x2096 : 0x1032);
  });

  it('is read once: what begins within one is none', () => {
    const old = Buffer.from('321000003210000032100000', 'hex');
    const regions = [{ start: 0, length: 12, cycle: 1, rules: [[0, ABSOLUTE]] }] satisfies Region[];
    const mover = createAddressMover({ ...RUNS, oldSize: OLD_SIZE, addresses: { ...SEGMENTS, regions } });
    const made = Buffer.alloc(12);

    moveAddresses(mover, old, 0, 0, made);

    expect(made.toString('hex')).toBe('962000009620000096200000');
  });
});

it('of a mover knows nothing of the rules of the one whose tables it has', () => {
  const tables: Uint8Array[] = [];
  const mover = (...regions: Region[]) =>
    createAddressMover({ ...RUNS, oldSize: OLD_SIZE, addresses: { ...SEGMENTS, regions } }, tables);
  const table = { start: 8, length: 40, cycle: 8, rules: [[0, ABSOLUTE]] } satisfies Region;
  mover(calls(ABSOLUTE, 0, 10), calls(ABSOLUTE, 20, 10));

  const { regions } = mover(table, { ...calls(ABSOLUTE, 50, 10), rules: [[CALL + 1, FROM_HERE]] });

  const ruled = regions.map(({ kinds }) => [kinds.length, [...kinds].findIndex((kind) => kind > 0)]);
  expect(ruled).toEqual([
    [8, 0],
    [65_536, CALL + 1],
  ]);
  expect(regions.map(({ kinds }) => kinds.filter((kind) => kind > 0).length)).toEqual([1, 1]);
});

describe('what a script says of addresses', () => {
  const reading = (numbers: readonly number[], most = 100) => {
    const bytes: number[] = [];
    for (const number of numbers) putNumber(bytes, number);
    return parseAddresses(
      createNumberReader(Buffer.from(bytes), () => new Error('too short')),
      most,
      () => new Error('damaged'),
    );
  };

  it('is what stands there, regions by their distance', () => {
    const addresses: Addresses = reading([
      1, 1, 2, 3, 4, 5, 6, 2, 7, 8, 0, 1, 65_535, 3, 9, 10, 64, 2, 0, 1, 63, 2,
    ]);

    expect(addresses).toEqual({
      old: [{ address: 1, place: 2, length: 3 }],
      next: [{ address: 4, place: 5, length: 6 }],
      regions: [
        { start: 7, length: 8, cycle: 0, rules: [[65_535, 3]] },
        {
          ...{ start: 24, length: 10, cycle: 64 },
          rules: [
            [0, 1],
            [63, 2],
          ],
        },
      ],
    });
    expect(placesOf(addresses)).toBe(6);
  });

  const segments = (count: number) => [count, ...Array<number>(count * 6).fill(1), 0];
  const regions = (count: number) => [0, count, ...Array.from({ length: count }, () => [0, 1, 0, 0]).flat()];
  const rules = (cycle: number, ...all: readonly number[]) => [0, 1, 0, 1, cycle, all.length / 2, ...all];
  it.each<[string, readonly number[], number?]>([
    ['32 segments', segments(32)],
    ['64 regions', regions(64)],
    ['as many segments as are left', segments(3), 3],
    ['as many regions as are left', regions(3), 3],
    ['as many rules as are left', rules(4, 0, 1, 1, 1), 3],
  ])('may be %s', (_, numbers, most) => {
    expect(() => reading(numbers, most)).not.toThrow();
  });

  it.each<[string, readonly number[], number?]>([
    ['33 segments', segments(33)],
    ['65 regions', regions(65)],
    ['more segments than are left', segments(4), 3],
    ['more regions than are left', regions(4), 3],
    ['more rules than are left', rules(4, 0, 1, 1, 1), 2],
    ['more rules than there are contexts', [0, 1, 0, 1, 1, 2, 0, 1, 1, 1]],
    ['a cycle of 65', rules(65)],
    ['a context behind the cycle', rules(4, 4, 1)],
    ['a context behind all', rules(0, 65_536, 1)],
    ['a context twice', rules(4, 1, 1, 1, 1)],
    ['no kind', rules(4, 0, 0)],
    ['a kind that is none', rules(4, 0, 4)],
  ])('may not be %s', (_, numbers, most) => {
    expect(() => reading(numbers, most)).toThrow('damaged');
  });
});

describe('a place of the old file', () => {
  /** `[at, source, copied]` of each. */
  const movedBy = (...runs: readonly (readonly [number, number, number])[]) => {
    const column = (i: 0 | 1 | 2) => Uint32Array.from(runs, (run) => run[i]);
    return createMovedPlaces({ at: column(0), source: column(1), copied: column(2) });
  };

  it('goes where the longest run did, and what no run copied as what is before it', () => {
    const moved = movedBy([0, 0, 10], [100, 5, 20], [300, 40, 5]);

    const places = [0, 4, 5, 9, 24, 25, 39, 40, 44, 45, 90];
    expect(places.map(moved)).toEqual([0, 4, 100, 104, 119, 120, 134, 300, 304, 305, 350]);
  });

  it('before all that was copied goes with the first of that, and stays where nothing was', () => {
    expect(movedBy([300, 40, 5])(3)).toBe(263);
    expect(movedBy([0, 40, 0], [300, 40, 5])(3)).toBe(263);
    expect(movedBy()(3)).toBe(3);
    expect(movedBy([7, 0, 0])(3)).toBe(3);
  });

  it('that was copied goes with the longest run that has it, the first of those that are as long', () => {
    const run = fc.tuple(fc.nat(1_000), fc.nat(40), fc.nat(12));
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 8 }), (runs) => {
        const moved = movedBy(...runs);
        for (let place = 0; place < 60; place++) {
          const having = runs.filter(([, source, copied]) => place >= source && place < source + copied);
          const [longest] = having.toSorted((a, b) => b[2] - a[2]);
          if (longest !== undefined) expect(moved(place)).toBe(place - longest[1] + longest[0]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

it('the last number up to a limit is found, or the first where all are above', () => {
  const numbers = Uint32Array.of(3, 5, 5, 9);

  expect([0, 3, 4, 5, 8, 9, 10].map((limit) => lastUpTo(numbers, limit))).toEqual([0, 0, 0, 2, 2, 3, 3]);
});

it('the last number up to a limit is the same where a table says between which two to look', () => {
  const numbers = fc.uniqueArray(fc.oneof(fc.nat(60), fc.nat(2 ** 32 - 1)), { maxLength: 20 });
  fc.assert(
    fc.property(numbers, fc.array(fc.nat(2 ** 40)), (found, limits) => {
      const sorted = Uint32Array.from(found).sort();
      const search = createSearch(sorted);
      for (const limit of [...limits, ...found.flatMap((one) => [Math.max(0, one - 1), one, one + 1])]) {
        expect(search(limit)).toBe(lastUpTo(sorted, limit));
      }
    }),
    { numRuns: 200 },
  );
});
