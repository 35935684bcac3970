// The plan of a pack: every content once, no unit too large, and a reader that finds the same bytes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { MAX_UNIT_BYTES } from '../../../shared/tree/pack-format.ts';
import { type PlannedUnit, planUnits, resolveParts } from '../../../shared/tree/pack-plan.ts';
import { type TreeFile, treeDigest } from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';
import { codeOf } from '../../support/error-code.ts';

function file(path: string, size: number, content = path): TreeFile {
  return { kind: 'file', path, mode: 0o644, size, digest: digestOf(utf8(content)) };
}

function pathsOf(
  index: ReturnType<typeof createTreeIndex>,
  unit: PlannedUnit | undefined,
): readonly string[] {
  return (unit?.files ?? []).map((position) => index.entries[position]?.path ?? '?');
}

describe('planUnits', () => {
  it('covers every content exactly once, in runs a reader works out alike', () => {
    const sizes = fc.oneof(
      fc.nat(100),
      fc.nat(MAX_UNIT_BYTES),
      fc.constantFrom(0, MAX_UNIT_BYTES - 1, MAX_UNIT_BYTES, MAX_UNIT_BYTES + 1, 2 * MAX_UNIT_BYTES),
      fc.nat(5 * MAX_UNIT_BYTES),
    );
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 40 }), (all) => {
        const files = all.map((size, i) => file(`f${i}.${i % 3}`, size, `content of ${size}`));
        const index = createTreeIndex(files);

        const units = planUnits(index);

        const reached = new Map<string, number>();
        for (const unit of units) {
          expect(unit.raw).toBeLessThanOrEqual(MAX_UNIT_BYTES);
          const parts = resolveParts(index, unit, treeDigest(index));
          expect(parts.reduce((sum, part) => sum + part.length, 0)).toBe(unit.raw);
          for (const part of parts) {
            expect(part.offset).toBe(reached.get(part.file.digest) ?? 0);
            reached.set(part.file.digest, part.offset + part.length);
          }
        }
        expect(reached).toEqual(new Map(files.map(({ digest, size }) => [digest, size])));
      }),
    );
  });

  it('puts files of one kind and one name together', () => {
    const paths = ['a/package.json', 'a/index.js', 'b/package.json', 'b/readme.md', 'c/index.js'];
    const index = createTreeIndex(paths.map((path) => file(path, 10)));

    const [unit] = planUnits(index);

    expect(pathsOf(index, unit)).toEqual([
      'a/index.js',
      'c/index.js',
      'a/package.json',
      'b/package.json',
      'b/readme.md',
    ]);
  });

  it('stores a content that stands in many files once', () => {
    const index = createTreeIndex(['a', 'b', 'c'].map((path) => file(path, 1000, 'the same')));

    expect(planUnits(index)).toEqual([{ files: [0], offset: 0, raw: 1000 }]);
  });

  it('cuts a file above 8 MiB, and none of exactly 8 MiB', () => {
    const index = createTreeIndex([file('a', MAX_UNIT_BYTES), file('b', MAX_UNIT_BYTES + 1)]);

    expect(planUnits(index).map(({ offset, raw }) => ({ offset, raw }))).toEqual([
      { offset: 0, raw: MAX_UNIT_BYTES },
      { offset: 0, raw: MAX_UNIT_BYTES },
      { offset: MAX_UNIT_BYTES, raw: 1 },
    ]);
  });

  it('plans nothing for a tree without files', () => {
    expect(planUnits(createTreeIndex([{ kind: 'directory', path: 'a' }]))).toEqual([]);
  });
});

describe('resolveParts', () => {
  const index = createTreeIndex([file('a', 10), { kind: 'link', path: 'b', target: 'a' }, file('c', 0)]);

  it.each<[string, PlannedUnit]>([
    ['more bytes than its files have', { files: [0], offset: 0, raw: 11 }],
    ['bytes after the end of its file', { files: [0], offset: 11, raw: 0 }],
    ['nothing of a file it names', { files: [0], offset: 10, raw: 0 }],
    ['nothing of its second file', { files: [0, 0], offset: 0, raw: 10 }],
    ['a link', { files: [1], offset: 0, raw: 1 }],
    ['an entry that does not exist', { files: [3], offset: 0, raw: 1 }],
  ])('refuses a unit that claims %s', (_, unit) => {
    expect(codeOf(() => resolveParts(index, unit, treeDigest(index)))).toBe('tree/pack-damaged');
  });

  it('accepts an empty file as a run of no bytes', () => {
    const parts = resolveParts(index, { files: [2, 0], offset: 0, raw: 10 }, treeDigest(index));

    expect(parts.map(({ file: { path }, length }) => [path, length])).toEqual([
      ['c', 0],
      ['a', 10],
    ]);
  });
});
