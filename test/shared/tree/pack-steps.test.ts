// Taking a pack apart: what it says in every part is held against the index before a byte of it counts.
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestOf, shortDigest } from '../../../shared/encoding/digest.ts';
import { createContentCheck } from '../../../shared/tree/content-check.ts';
import { MAX_UNIT_BYTES, PACK_MAGIC, writeFrame } from '../../../shared/tree/pack-format.ts';
import { planUnits } from '../../../shared/tree/pack-plan.ts';
import {
  decompressionOf,
  type PackSteps,
  type PackWant,
  unpackStart,
  unpackUnit,
  verifyMeasures,
} from '../../../shared/tree/pack-steps.ts';
import {
  type TreeFile,
  type TreeIndex,
  treeDigest,
  treeIndexBytes,
  treeRefOf,
} from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';

const file = (path: string, content: Uint8Array): TreeFile => ({
  ...{ kind: 'file', path, mode: 0o644, size: content.length, digest: digestOf(content) },
});
const A = utf8('the first file');
const B = utf8('the second');
const index = createTreeIndex([file('a.x', A), file('b.y', B), { kind: 'directory', path: 'c' }]);
const tree = treeDigest(index);
const other = digestOf(utf8('another tree'));

interface Changes {
  readonly magic?: Uint8Array;
  readonly indexBytes?: Uint8Array;
  readonly header?: object;
  readonly unit?: object;
  readonly content?: Uint8Array;
}

function packOf({ magic = PACK_MAGIC, indexBytes = treeIndexBytes(index), ...more }: Changes = {}) {
  const packedIndex = zstdCompressSync(indexBytes);
  const [planned] = planUnits(index);
  const content = more.content ?? Buffer.concat([A, B]);
  const packed = zstdCompressSync(content);
  const measures = { packed: packedIndex.length, raw: indexBytes.length };
  return Buffer.concat([
    magic,
    writeFrame({ tree, base: null, index: measures, units: 1, ...more.header } as never),
    packedIndex,
    writeFrame({ ...planned, packed: packed.length, ...more.unit } as never),
    packed,
  ]);
}

/** Hands over what is asked for; nothing is asked for that is not there. */
function open(pack: Uint8Array) {
  let at = 0;
  const wants: PackWant[] = [];
  const run = <Result>(steps: PackSteps<Result>): Result => {
    let step = steps.next();
    while (step.done !== true) {
      wants.push(step.value);
      if (typeof step.value !== 'number') throw new Error('a small pack is decompressed where it is');
      step = steps.next(pack.subarray(at, at + step.value));
      at += typeof wants.at(-1) === 'number' ? (wants.at(-1) as number) : 0;
    }
    return step.value;
  };
  return { run, wants, left: () => pack.length - at };
}

describe('a pack', () => {
  it('is read to its end, and gives back header, index and content', () => {
    const pack = packOf();
    const { run, left } = open(pack);

    const start = run(unpackStart(tree));
    const parts = run(unpackUnit(start.index, tree));

    expect(start).toMatchObject({ header: { tree, base: null, units: 1 }, index });
    expect(Buffer.from(start.indexBytes).equals(treeIndexBytes(index))).toBe(true);
    expect(parts.map(({ file: { path }, bytes }) => [path, Buffer.from(bytes).toString()])).toEqual([
      ['a.x', 'the first file'],
      ['b.y', 'the second'],
    ]);
    expect(left()).toBe(0);
  });

  it.each<[string, Changes, string]>([
    ['another beginning', { magic: utf8('FLPACK2\n') }, 'it does not start as a pack does'],
    ['an index of another size', { header: { index: indexOf({ raw: 1 }) } }, 'a part of it decompresses to'],
    [
      'an index of fewer bytes',
      { header: { index: indexOf({ raw: -1 }) } },
      'a part of it does not decompress to the size it names',
    ],
    ['content of fewer bytes', { content: A }, 'a part of it decompresses to 14 bytes instead of 24'],
    [
      'content of more bytes',
      { content: Buffer.concat([A, B, A]) },
      'a part of it does not decompress to the size it names',
    ],
    ['a unit that names a directory', { unit: { files: [2] } }, 'a unit names entry 2, which is no file'],
    ['a unit of too little', { unit: { raw: 14 } }, 'a unit names a file of which it holds nothing'],
    ['a unit of too much', { unit: { raw: 25 } }, 'a unit holds more bytes than its files have'],
    ['a unit that cannot be read', { unit: { raw: -1 } }, 'a description in it cannot be read'],
    ['a header that cannot be read', { header: { units: -1 } }, 'a description in it cannot be read'],
  ])('is damaged with %s', (_what, changes, problem) => {
    const { run } = open(packOf(changes));
    const refusal = refusalOf(() => run(unpackUnit(run(unpackStart(tree)).index, tree)));

    const data = dataOf(refusal, 'tree/pack-damaged');
    expect([data.tree, data.problem.slice(0, problem.length)]).toEqual([shortDigest(tree), problem]);
  });

  it('is not read as one of another tree, nor as one of another index', () => {
    const changed = createTreeIndex([file('a.x', B)]);

    expect(
      dataOf(
        refusalOf(() => open(packOf()).run(unpackStart(other))),
        'tree/mismatch',
      ),
    ).toEqual({
      ...{ tree: shortDigest(other), what: 'the tree it names', expected: other, found: tree },
    });
    expect(
      dataOf(
        refusalOf(() => open(packOf({ indexBytes: treeIndexBytes(changed) })).run(unpackStart(tree))),
        'tree/mismatch',
      ),
    ).toEqual({
      ...{
        tree: shortDigest(tree),
        what: 'the digest of its index',
        expected: tree,
        found: treeDigest(changed),
      },
    });
  });

  it('that is a delta says from what', () => {
    const refusal = refusalOf(() => open(packOf({ header: { base: other } })).run(unpackStart(tree)));

    expect(dataOf(refusal, 'tree/pack-unsupported')).toEqual({
      tree: shortDigest(tree),
      problem: `it is a delta from tree ${shortDigest(other)}`,
    });
  });

  it('asks for a description no longer than two mebibytes', () => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(2 * 1024 * 1024 + 1);
    const { run, wants } = open(Buffer.concat([PACK_MAGIC, length]));

    expect(
      dataOf(
        refusalOf(() => run(unpackStart(tree))),
        'tree/pack-damaged',
      ).problem,
    ).toBe('a description of 2097153 bytes is too long');
    expect(wants).toEqual([8, 4]);
  });

  it('whose index is larger than a megabyte has it decompressed elsewhere, and the same is asked of it', () => {
    const many = createTreeIndex(
      Array.from({ length: 12_000 }, (_, i) => ({ kind: 'directory', path: `${i}`.padStart(80, '0') })),
    );
    const bytes = treeIndexBytes(many);
    const packed = zstdCompressSync(bytes);
    const header = {
      tree: treeDigest(many),
      base: null,
      index: { packed: packed.length, raw: bytes.length },
      units: 0,
    };
    const frame = writeFrame(header);
    const answers = (answer: Uint8Array) => {
      const steps = unpackStart(treeDigest(many));
      const handed = [PACK_MAGIC, frame.subarray(0, 4), frame.subarray(4), packed];
      let step = steps.next();
      for (const one of handed) step = steps.next(one);
      expect(step.value).toEqual({ packed, raw: bytes.length });
      step = steps.next(answer);
      let rests = 0;
      for (; step.done !== true; step = steps.next(new Uint8Array())) {
        expect(step.value).toBe(0);
        rests++;
      }
      return { index: step.value.index, rests };
    };

    expect(bytes.length).toBeGreaterThan(1_048_576);
    expect(answers(bytes).index).toEqual(many);
    expect(answers(bytes).rests).toBeGreaterThan(10);
    expect(
      dataOf(
        refusalOf(() => answers(bytes.subarray(1))),
        'tree/pack-damaged',
      ).problem,
    ).toBe(`a part of it decompresses to ${bytes.length - 1} bytes instead of ${bytes.length}`);
  });

  it('is decompressed into no more than it says, and no less than a chunk', () => {
    expect(decompressionOf(0)).toMatchObject({ maxOutputLength: 1, chunkSize: 64 });
    expect(decompressionOf(MAX_UNIT_BYTES)).toMatchObject({
      maxOutputLength: 8_388_608,
      chunkSize: 8_388_672,
    });
    expect(Object.values(decompressionOf(1).params)).toEqual([23]);
  });
});

function indexOf({ raw }: { readonly raw: number }) {
  const bytes = treeIndexBytes(index);
  return { packed: zstdCompressSync(bytes).length, raw: bytes.length + raw };
}

describe('what a release promises of its tree', () => {
  const ref = treeRefOf(index);

  it('is what its index holds', () => {
    expect(() => verifyMeasures(index, ref)).not.toThrow();
  });

  it.each([
    ['its number of files', { ...ref, files: 3 }, '3', '2'],
    ['the sum of its file sizes', { ...ref, bytes: 25 }, '25', '24'],
  ])('is refused where it is not %s', (what, promised, expected, found) => {
    expect(
      dataOf(
        refusalOf(() => verifyMeasures(index, promised)),
        'tree/mismatch',
      ),
    ).toEqual({
      ...{ tree: shortDigest(tree), what, expected, found },
    });
  });
});

describe('the content of a tree', () => {
  const cut = file('cut', Buffer.concat([A, B]));
  const whole = file('whole', A);
  const empty = file('empty', new Uint8Array());
  const trees: TreeIndex = createTreeIndex([cut, whole, empty, { ...whole, path: 'again' }]);
  const part = (of: TreeFile, bytes: Uint8Array, offset = 0) => ({
    file: of,
    offset,
    length: bytes.length,
    bytes,
  });
  const FIRST = part(cut, A);
  const REST = part(cut, B, A.length);
  const check = (...parts: readonly ReturnType<typeof part>[]) => {
    const { accept, requireComplete } = createContentCheck(trees, tree as Digest);
    for (const one of parts) accept(one);
    requireComplete();
  };
  const damage = (...parts: readonly ReturnType<typeof part>[]) =>
    dataOf(
      refusalOf(() => check(...parts)),
      'tree/pack-damaged',
    ).problem;
  const WHOLE = part(whole, A);
  const EMPTY = part(empty, new Uint8Array());

  it('is complete where each content stood in it once, whole, in any order', () => {
    expect(() => check(FIRST, REST, WHOLE, EMPTY)).not.toThrow();
    expect(() => check(EMPTY, WHOLE, FIRST, REST)).not.toThrow();
  });

  it.each<[string, readonly ReturnType<typeof part>[], string]>([
    ['one missing', [FIRST, REST, WHOLE], 'the content of 1 file is missing'],
    ['the end of one missing', [WHOLE, EMPTY, FIRST], 'the content of 1 file is missing'],
    ['all missing', [], 'the content of 3 files is missing'],
    ['one twice', [WHOLE, WHOLE], 'a content stands in it twice'],
    ['one inside another', [FIRST, WHOLE], 'a file begins before the one in front of it ends'],
    ['one begun twice', [FIRST, FIRST], 'a file begins before the one in front of it ends'],
    ['an end without its beginning', [REST], 'a file goes on where it did not stop'],
    ['an end twice', [FIRST, REST, REST], 'a file goes on where it did not stop'],
    ['an end too early', [FIRST, { ...REST, offset: A.length - 1 }], 'a file goes on where it did not stop'],
    ['the end of another', [FIRST, { ...REST, file: whole }], 'a file goes on where it did not stop'],
    ['one that nobody lists', [part(file('x', B), B)], 'a content stands in it twice'],
  ])('is damaged with %s', (_what, parts, problem) => {
    expect(damage(...parts)).toBe(problem);
  });

  it('is refused where it is another, under the name of its file', () => {
    const wrong = utf8('the wrong file');

    expect(
      dataOf(
        refusalOf(() => check(part(whole, wrong))),
        'tree/mismatch',
      ),
    ).toEqual({
      ...{ tree: shortDigest(tree), what: 'the content of "whole"' },
      ...{ expected: whole.digest, found: digestOf(wrong) },
    });
  });
});
