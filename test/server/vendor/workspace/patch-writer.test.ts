// A patch leads from any tree to any other, exactly, and is the same bytes each time.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeDirectory, patternedBytes, temporaryDirectory } from '../../../support/directories.ts';
import { applied, patchBetween, type TreeOnPaper, writeTree } from '../../../support/patched-trees.ts';

let trees = 0;
async function roundTrip(old: TreeOnPaper, next: TreeOnPaper) {
  const work = join(temporaryDirectory(), `${trees++}`);
  const from = await writeTree(join(work, 'from'), old);
  const to = await writeTree(join(work, 'to'), next);
  const patch = await patchBetween(work, from, to);
  const result = await applied(work, patch, from, to.index);
  return { found: describeDirectory(result), wanted: describeDirectory(to.directory), patch };
}

const content = fc.oneof(
  fc.uint8Array({ maxLength: 3_000 }),
  fc
    .record({ seed: fc.constantFrom('a', 'b'), skip: fc.nat(2_000), length: fc.nat(6_000) })
    .map(({ seed, skip, length }) => patternedBytes(skip + length, seed).subarray(skip)),
  // zstd takes what begins with these four bytes for a trained dictionary.
  fc.uint8Array({ maxLength: 50 }).map((rest) => Buffer.from([0x37, 0xa4, 0x30, 0xec, ...rest])),
);
const anything = fc.oneof({ weight: 8, arbitrary: content }, fc.constant('directory'), fc.constant('-> .'));
const tree = fc.dictionary(fc.constantFrom(...'abcdefghi', 'j!', 'k!', 'l/m', 'l/n', 'o/p/q'), anything, {
  minKeys: 1,
});

describe('a patch', () => {
  it('leads from any tree to any other', async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, async (old, next) => {
        const { found, wanted } = await roundTrip(old, next);
        expect(found).toEqual(wanted);
      }),
      { numRuns: 60 },
    );
  });

  it('is the same bytes for the same trees', async () => {
    const next = { one: patternedBytes(90_000, 'a'), two: patternedBytes(70_000, 'b') };
    const old = { one: patternedBytes(80_000, 'a') };

    const [first, second] = [await roundTrip(old, next), await roundTrip(old, next)];

    expect(readFileSync(first.patch)).toEqual(readFileSync(second.patch));
  });
});
