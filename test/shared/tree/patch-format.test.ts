// What stands at the beginning of a patch and in its plan: what a reader sets memory and time aside for, and what it refuses.
import { describe, expect, it } from 'vitest';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { EXPANSION_BYTES, MAX_UNIT_BYTES } from '../../../shared/tree/pack-format.ts';
import {
  dictionaryBytes,
  MAX_DICTIONARY_BYTES,
  MAX_PATCH_INDEX_BYTES,
  MAX_PLAN_BYTES,
  maxDictionaryBytes,
  PATCH_MAGIC,
  parsePatchHeader,
  parsePatchPlan,
  patchFormOf,
  windowLogOf,
} from '../../../shared/tree/patch-format.ts';
import { type FileScript, MAX_SCRIPTS_BYTES } from '../../../shared/tree/patch-script.ts';

const [FROM, TO] = [digestOf(Buffer.from('from')), digestOf(Buffer.from('to'))];
const DAMAGED = { code: 'tree/pack-damaged' };
const KIB = { packed: 1_024, raw: 1_024 };
const SMALL = { from: FROM, to: TO, index: KIB, scripts: KIB, plan: KIB, window: 10, dictionary: 0 };
const most = (raw: number) => ({ packed: raw + EXPANSION_BYTES, raw });
const LARGE = {
  ...{ from: FROM, to: TO, window: 24, dictionary: MAX_DICTIONARY_BYTES },
  ...{ index: most(MAX_PATCH_INDEX_BYTES), scripts: most(MAX_SCRIPTS_BYTES), plan: most(MAX_PLAN_BYTES) },
};

describe('the form of a patch', () => {
  it.each<[string, number | null]>([
    ['FLPATCH2\n{"from"', 2],
    ['FLPATCH12\n', 12],
    ['FLPATCH999999\n\u00ff', 999_999],
    ['FLPATCH1000000\n', null],
    ['FLPATCH0\n', null],
    ['FLPATCH02\n', null],
    ['FLPATCH\n', null],
    ['FLPATCH2', null],
    [' FLPATCH2\n', null],
    ['', null],
  ])('of %j is %s', (start, form) => {
    expect(patchFormOf(Buffer.from(start, 'latin1'))).toBe(form);
  });
});

describe('the header of a patch', () => {
  const parse = (header: JsonObject) => parsePatchHeader(canonicalize(header), TO);

  it('may be the smallest and the largest', () => {
    for (const header of [SMALL, LARGE]) expect(parse(header)).toEqual(header);
  });

  it.each<[string, JsonObject]>([
    ['a window that zstd has not', { ...SMALL, window: 9 }],
    ['one that is too large', { ...SMALL, window: 25 }],
    ['an index that is too large', { ...LARGE, index: { packed: 1, raw: MAX_PATCH_INDEX_BYTES + 1 } }],
    ['scripts that are too large', { ...LARGE, scripts: { packed: 1, raw: MAX_SCRIPTS_BYTES + 1 } }],
    ['a plan that is too large', { ...LARGE, plan: { packed: 1, raw: MAX_PLAN_BYTES + 1 } }],
    [
      'a part that is too large when packed',
      { ...LARGE, plan: { packed: MAX_PLAN_BYTES + EXPANSION_BYTES + 1, raw: 1 } },
    ],
    ['a dictionary that is too large', { ...LARGE, dictionary: MAX_DICTIONARY_BYTES + 1 }],
    ['an index larger than its window', { ...SMALL, index: { packed: 1, raw: 1_025 } }],
    ['scripts larger than its window', { ...SMALL, scripts: { packed: 1, raw: 1_025 } }],
    ['a plan larger than its window', { ...SMALL, plan: { packed: 1, raw: 1_025 } }],
    ['what nobody knows', { ...SMALL, more: 1 }],
    ['what nobody knows of a part', { ...SMALL, plan: { ...KIB, more: 1 } }],
  ])('may not have %s', (_, header) => {
    expect(() => parse(header)).toThrow(expect.objectContaining(DAMAGED));
  });

  it('leads to the tree that is wanted', () => {
    expect(() => parse({ ...SMALL, to: FROM })).toThrow(expect.objectContaining({ code: 'tree/mismatch' }));
  });
});

describe('the plan of a patch', () => {
  /** Copies ten bytes, then has five of its own. */
  const script = {
    ...{ from: 0, oldSize: 10, addresses: { old: [], next: [], regions: [] } },
    ...{ at: Uint32Array.of(0), source: Uint32Array.of(0), copied: Uint32Array.of(10) },
  } satisfies FileScript;
  const scripts = new Map([[3, script]]);
  const parse = (units: readonly JsonObject[], header: object = LARGE) =>
    parsePatchPlan(canonicalize({ units: [...units] }), header as never, scripts);
  const UNIT = { bases: [[0, 0, 10]], files: [0], offset: 0, raw: 5 };
  const SCRIPTED = { bases: [], files: [3], offset: 0, raw: 15 };
  const times = (count: number, unit: JsonObject) => Array<JsonObject>(count).fill(unit);
  const large = (size: number, raw: number) => ({ ...UNIT, bases: [[0, 0, size - PATCH_MAGIC.length]], raw });
  /** Seven of one byte each, with dictionaries of 64 MiB, eight bytes for each of theirs, and so many more. */
  const proportion = (more: number) => [
    ...times(6, large(10 * 2 ** 20, 1)),
    large(4 * 2 ** 20 + 8 * 7 + more, 1),
  ];

  it.each<[string, readonly JsonObject[], object?]>([
    ['none', []],
    [
      'one of many stretches and files',
      [
        {
          ...UNIT,
          bases: [
            [0, 0, 1],
            [5, 7, 2],
          ],
          files: [2, 1, 0],
        },
      ],
    ],
    ['one that is full', [{ ...UNIT, raw: MAX_UNIT_BYTES }]],
    [
      'one whose dictionary is all that the header says',
      [UNIT],
      { ...LARGE, dictionary: PATCH_MAGIC.length + 10 },
    ],
    ['one of a script', [SCRIPTED], { ...LARGE, dictionary: PATCH_MAGIC.length + 10 }],
    ['one as large as the window', [{ ...UNIT, raw: 1_024 }], { ...LARGE, window: 10 }],
    ['dictionaries that stand to what was signed', times(9, large(10 * 2 ** 20, 2 ** 21))],
    ['the largest of what is little', proportion(0)],
  ])('may be %s', (_, units, header) => {
    expect(parse(units, header)).toEqual(units);
  });

  it.each<[string, readonly JsonObject[], object?]>([
    ['a stretch of nothing', [{ ...UNIT, bases: [[0, 0, 0]] }]],
    ['a stretch of two numbers', [{ ...UNIT, bases: [[0, 1]] }]],
    ['a unit of no file', [{ ...UNIT, files: [] }]],
    ['a unit that is too large', [{ ...UNIT, raw: MAX_UNIT_BYTES + 1 }]],
    ['a unit larger than the window', [{ ...UNIT, raw: 1_025 }], { ...LARGE, window: 10 }],
    ['a dictionary larger than the header says', [UNIT], { ...LARGE, dictionary: PATCH_MAGIC.length + 9 }],
    ['a script that copies more than that', [SCRIPTED], { ...LARGE, dictionary: PATCH_MAGIC.length + 9 }],
    ['dictionaries out of proportion', proportion(1)],
    ['a scripted file with another behind it', [{ ...SCRIPTED, files: [3, 4] }]],
    ['a scripted file behind another', [{ ...SCRIPTED, files: [4, 3] }]],
    ['a scripted file with a dictionary', [{ ...SCRIPTED, bases: [[0, 0, 1]] }]],
    ['what nobody knows', [{ ...UNIT, more: 1 }]],
  ])('may not have %s', (_, units, header) => {
    expect(() => parse(units, header)).toThrow(expect.objectContaining(DAMAGED));
  });

  it('counts of a dictionary its magic and what it is made of, or what its script copies in this unit', () => {
    const unit = { bases: [[0, 0, 10] as [number, number, number]], files: [3], offset: 0, raw: 4 };

    expect(dictionaryBytes(unit, new Map())).toBe(PATCH_MAGIC.length + 10);
    expect(dictionaryBytes(unit, scripts)).toBe(PATCH_MAGIC.length + 4);
    expect(maxDictionaryBytes(2)).toBe(64 * 2 ** 20 + 16);
  });
});

it.each([
  [0, 10],
  [1_024, 10],
  [1_025, 11],
  [2 ** 23, 23],
  [2 ** 23 + 1, 24],
])('%d bytes have a window of 2^%d', (raw, log) => {
  expect(windowLogOf(raw)).toBe(log);
});
