// What the scripts of a patch may ask of their reader: a few hundred bytes keep it neither for minutes nor with all of its memory.
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { MAX_PLACES } from '../../../shared/tree/moved-addresses.ts';
import { parsePatchPlan } from '../../../shared/tree/patch-format.ts';
import {
  copiedBytes,
  createMovers,
  type FileScript,
  MAX_STEPS,
  parseScripts,
  runScript,
  STEPS_OF_SCRIPT,
  stepsWithin,
} from '../../../shared/tree/patch-script.ts';
import {
  createNumberReader,
  MAX_SCRIPT_NUMBER,
  putNumber,
  putSigned,
} from '../../../shared/tree/script-numbers.ts';
import type { TreeIndex } from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';

const TO = digestOf(Buffer.from('a tree'));
const DAMAGED = { code: 'tree/pack-damaged' };
const SIZE = 8 * 2 ** 20;
const STEP = SIZE / MAX_STEPS;

function treeOf(files: number, size: number): TreeIndex {
  const pathOf = (i: number) => String(i).padStart(6, '0');
  return createTreeIndex(
    Array.from({ length: files }, (_, i) => ({
      kind: 'file',
      path: pathOf(i),
      mode: 0o644,
      size,
      digest: TO,
    })),
  );
}

function parsed(numbers: readonly number[], next: TreeIndex) {
  const bytes: number[] = [];
  for (const number of numbers) putNumber(bytes, number);
  return parseScripts(Buffer.from(bytes), treeOf(1, 16), next, TO);
}

describe('scripts of a patch', () => {
  it('are walked once: units name each part of a file once, in order', () => {
    const steps = Array.from({ length: MAX_STEPS - STEPS_OF_SCRIPT - 1 }, () => [0, 0, STEP]).flat();
    const unit = (offset: number, raw: number) => ({ bases: [], files: [0], offset, raw });
    const plan = (...units: readonly object[]) => Buffer.from(JSON.stringify({ units }));
    const header = { to: TO, window: 23, dictionary: 1_000 } as never;
    const scripts = parsed([1, 0, 0, ...steps, 0, 0, (STEPS_OF_SCRIPT + 1) * STEP, 0, 0], treeOf(1, SIZE));

    for (const units of [[unit(0, SIZE), unit(0, SIZE)], [unit(0, 100), unit(200, 100)], [unit(100, 100)]]) {
      expect(() => parsePatchPlan(plan(...units), header, scripts)).toThrow(expect.objectContaining(DAMAGED));
    }
    expect(parsePatchPlan(plan(unit(0, 100), unit(100, SIZE - 100)), header, scripts)).toHaveLength(2);
  });

  it('have sixteen steps for each of their files, also for one without bytes', () => {
    const scripts = (files: number) => [
      files,
      ...Array.from({ length: files }, (_, i) => [i, 0, 0, 0]).flat(),
    ];

    const most = MAX_STEPS / STEPS_OF_SCRIPT;
    expect(parsed(scripts(most), treeOf(most, 0)).size).toBe(most);
    expect(() => parsed(scripts(most + 1), treeOf(most + 1, 0))).toThrow(expect.objectContaining(DAMAGED));
  });

  it('have so many segments, regions and rules in all', () => {
    const rules = Array.from({ length: 64 }, (_, i) => [i, 2]).flat();
    const regions = (count: number) => Array.from({ length: count }, () => [0, 1, 64, 64, ...rules]).flat();
    const perFile = 64 * 65;
    const scripts = (files: number) => [
      files,
      ...Array.from({ length: files }, (_, i) => [i, 0, 0, 1, 0, 0, 64, ...regions(64)]).flat(),
    ];
    const most = Math.floor(MAX_PLACES / perFile);

    expect(parsed(scripts(most), treeOf(most, 1)).size).toBe(most);
    expect(() => parsed(scripts(most + 1), treeOf(most + 1, 1))).toThrow(expect.objectContaining(DAMAGED));
  });
});

describe('the steps of a file', () => {
  /** One file of 16 bytes of an old one of as many, nothing said of addresses. */
  const file = (...steps: readonly number[]) => [1, 0, 0, ...steps, 0, 0];

  it('seek forth and back from where the last one stopped', () => {
    const [forth, back, within] = [2 * 8, 2 * 10 - 1, 2 * 1];
    const script = parsed(file(forth, 4, 1, back, 3, 0, within, 6, 2), treeOf(1, 16)).get(0);

    expect(script).toMatchObject({ from: 0, oldSize: 16 });
    expect([script?.at, script?.source, script?.copied].map((one) => [...(one ?? [])])).toEqual([
      [0, 5, 8],
      [8, 2, 6],
      [4, 3, 6],
    ]);
  });

  it.each<[string, readonly number[], TreeIndex?]>([
    ['that say more than the file is', [...file(0, 16, 0), 0]],
    ['of a file that is none', [1, 1, 0, 0, 16, 0, 0, 0]],
    ['from a file that is none', [1, 0, 1, 0, 16, 0, 0, 0]],
    ['of a file twice', [2, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0], treeOf(2, 16)],
    ['of files out of order', [2, 1, 0, 0, 16, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0], treeOf(2, 16)],
    ['of which one makes nothing', file(0, 0, 0, 0, 16, 0)],
    ['that make more than the file has', file(0, 8, 9)],
    ['that begin before the old file', file(1, 16, 0)],
    ['that end behind the old file', file(2, 16, 0)],
    ['of a file too large for them', file(0, 16, 2 ** 32 - 16), treeOf(1, 2 ** 32)],
    ['of which there is no end', [1, 0, 0, 0, 15, 0]],
  ])('are refused %s', (_, numbers, next = treeOf(1, 16)) => {
    expect(() => parsed(numbers, next)).toThrow(expect.objectContaining(DAMAGED));
  });

  const NO_ADDRESSES = { old: [], next: [], regions: [] };
  /** Six bytes and four literals; twenty from further on; ten literals. */
  const SCRIPT: FileScript = {
    ...{ from: 0, oldSize: 200, addresses: NO_ADDRESSES },
    ...{
      at: Uint32Array.of(0, 10, 30),
      source: Uint32Array.of(5, 100, 40),
      copied: Uint32Array.of(6, 20, 0),
    },
  };
  it.each<[number, number, readonly (readonly [number, number, number, number])[]]>([
    [
      0,
      40,
      [
        [5, 0, 6, 4],
        [100, 10, 20, 0],
        [40, 30, 0, 10],
      ],
    ],
    [
      3,
      10,
      [
        [8, 3, 3, 4],
        [100, 10, 3, 0],
      ],
    ],
    [8, 2, [[13, 8, 0, 2]]],
    [4, 4, [[9, 4, 2, 2]]],
    [10, 20, [[100, 10, 20, 0]]],
    [35, 5, [[45, 35, 0, 5]]],
    [30, 0, []],
  ])('from %d on, in %d bytes, are what of them stands there', (offset, raw, expected) => {
    const parts = [...stepsWithin(SCRIPT, { offset, raw })];

    expect(parts.map(({ source, at, copied, literals }) => [source, at, copied, literals])).toEqual(expected);
    expect(copiedBytes(SCRIPT, { offset, raw })).toBe(
      expected.reduce((sum, [, , copied]) => sum + copied, 0),
    );
  });

  it('add their differences to what they copy, and take their literals before these', () => {
    const script: FileScript = {
      ...{ from: 0, oldSize: 9, addresses: NO_ADDRESSES },
      ...{ at: Uint32Array.of(0, 5), source: Uint32Array.of(2, 7), copied: Uint32Array.of(3, 2) },
    };
    const run = (offset: number, raw: number, old: readonly number[], body: readonly number[]) => [
      ...runScript(script, createMovers()(script), { offset, raw }, Buffer.from(old), Buffer.from(body)),
    ];

    expect(run(0, 8, [10, 250, 30, 1, 2], [7, 8, 9, 1, 10, 0, 5, 6])).toEqual([11, 4, 30, 7, 8, 6, 8, 9]);
    expect(run(1, 3, [250, 30], [7, 10, 0])).toEqual([4, 30, 7]);
  });

  it('move an address alike in units of any size', () => {
    const addresses = {
      old: [{ address: 0x1000, place: 0, length: 100 }],
      next: [{ address: 0x2000, place: 0, length: 200 }],
      regions: [{ start: 40, length: 60, cycle: 0, rules: [[0xffe8, 1]] as [number, number][] }],
    };
    const runs = {
      at: Uint32Array.of(0, 150),
      source: Uint32Array.of(0, 50),
      copied: Uint32Array.of(50, 50),
    };
    const script: FileScript = { from: 0, oldSize: 100, addresses, ...runs };
    const old = Buffer.alloc(100);
    // A call from the half that went a hundred bytes further, back to the one that stayed.
    old.set([0xff, 0xe8, ...new Uint8Array(Int32Array.of(-64).buffer)], 68);

    for (const offset of [150, 160]) {
      const raw = 200 - offset;
      const copied = old.subarray(offset - 100);
      const made = runScript(script, createMovers()(script), { offset, raw }, copied, Buffer.alloc(raw));
      expect(Buffer.from(made).readInt32LE(170 - offset)).toBe(-164);
    }
  });
});

describe('the numbers of a script', () => {
  it.each<[number, readonly number[]]>([
    [0, [0]],
    [127, [127]],
    [128, [128, 1]],
    [300, [172, 2]],
    [MAX_SCRIPT_NUMBER, [255, 255, 255, 255, 255, 127]],
  ])('%d stands as %j', (value, bytes) => {
    const into: number[] = [];
    putNumber(into, value);

    expect(into).toEqual(bytes);
    expect(createNumberReader(Buffer.from(bytes), () => new Error()).number()).toBe(value);
  });

  it.each<[number, readonly number[]]>([
    [0, [0]],
    [-1, [1]],
    [1, [2]],
    [-64, [127]],
    [64, [128, 1]],
  ])('%d, which may be negative, as %j', (value, bytes) => {
    const into: number[] = [];
    putSigned(into, value);
    const reader = createNumberReader(Buffer.from([...bytes, 5]), () => new Error());

    expect(into).toEqual(bytes);
    expect([reader.signed(), reader.at(), reader.number()]).toEqual([value, bytes.length, 5]);
  });

  it.each([[[]], [[128]], [[255, 255, 255, 255, 255, 255, 0]]])('none stands as %j', (bytes) => {
    const { number } = createNumberReader(Buffer.from(bytes), () => new Error('damaged'));

    expect(number).toThrow('damaged');
  });
});
