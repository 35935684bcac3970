// A patch leads from any tree to any other, exactly, and is the same bytes each time.
import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PatchSide } from '../../../../server/vendor/workspace/patch-bases.ts';
import { describeDirectory, patternedBytes, temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { applied, patchBetween, type TreeOnPaper, writeTree } from '../../../support/patched-trees.ts';

interface Started {
  readonly from: PatchSide;
  readonly to: PatchSide;
  readonly patch: string;
  /** The exact tree, or why it is refused. */
  readonly apply: () => Promise<void>;
}

/** What happens to the old tree between the making of a patch and its use is up to the test. */
async function started(
  old: TreeOnPaper,
  next: TreeOnPaper,
  writable: readonly string[] = [],
): Promise<Started> {
  const work = temporaryDirectory();
  const from = await writeTree(join(work, 'from'), old);
  const to = await writeTree(join(work, 'to'), next);
  const patch = await patchBetween(work, from, to, writable);
  const apply = async () =>
    expect(describeDirectory(await applied(work, patch, from, to.index))).toEqual(
      describeDirectory(to.directory),
    );
  return { from, to, patch, apply };
}

function replace(path: string, content: string | Uint8Array): void {
  rmSync(path);
  writeFileSync(path, content);
}

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
      { numRuns: 30 },
    );
  });

  it('is the same bytes for the same trees', async () => {
    const next = { one: patternedBytes(90_000, 'a'), two: patternedBytes(70_000, 'b') };
    const old = { one: patternedBytes(80_000, 'a') };

    const [first, second] = [await roundTrip(old, next), await roundTrip(old, next)];

    expect(readFileSync(first.patch)).toEqual(readFileSync(second.patch));
  });
});

describe('no patch is made', () => {
  it('from old files that are not what their index says: no install could use it', async () => {
    const work = temporaryDirectory();
    const old = patternedBytes(50_000, 'a');
    const from = await writeTree(join(work, 'from'), { one: old });
    const to = await writeTree(join(work, 'to'), { one: Buffer.concat([old, old.subarray(99)]) });
    replace(join(from.directory, 'one'), Buffer.from(old).fill(0, 700, 701));

    expect((await rejectionOf(patchBetween(work, from, to))).code).toBe('tree/base-changed');
  });
});

describe('a patch from a tree that its service writes to', () => {
  const STATE = patternedBytes(50_000, 'state');

  it('starts at nothing that stands there, and brings it', async () => {
    const old = { app: 'one', 'cache/state': STATE, cached: 'same' };
    const next = { app: 'two', 'cache/state': STATE, 'lib/moved': STATE.subarray(1_000), cached: 'same' };
    const { from, apply } = await started(old, next, ['cache']);
    replace(join(from.directory, 'cache/state'), 'used');

    await apply();
  });

  it('takes what stands elsewhere too from there', async () => {
    const old = { app: 'one', 'cache/state': STATE, 'template/state': STATE };
    const { from, patch, apply } = await started(old, { ...old, app: 'two' }, ['cache']);
    replace(join(from.directory, 'cache/state'), Buffer.alloc(STATE.length, 'used'));

    await apply();

    expect(readFileSync(patch).length).toBeLessThan(1_000);
  });
});

describe('a link in the place of a directory', () => {
  const TEXT = patternedBytes(5_000, 'text');

  it.each([
    ['of an unchanged file', { 'lib/text': TEXT, app: 'two' }],
    ['of a dictionary', { 'lib/text': Buffer.concat([TEXT, TEXT.subarray(7)]), app: 'one' }],
  ])('%s is not followed', async (_, next) => {
    const { from, apply } = await started({ 'lib/text': TEXT, app: 'one' }, next);
    renameSync(join(from.directory, 'lib'), join(from.directory, '../outside'));
    symlinkSync('../outside', join(from.directory, 'lib'));

    expect((await rejectionOf(apply())).code).toBe('tree/base-changed');
  });
});

describe('of several old files with the content', () => {
  const COPIES = { 'a/one': 'the same', 'b/two': 'the same', 'c/three': 'the same' };

  it.each(Object.keys(COPIES))('%s is enough', async (left) => {
    const { from, apply } = await started({ ...COPIES, app: 'one' }, { ...COPIES, app: 'two' });
    const [gone, other] = Object.keys(COPIES).filter((path) => path !== left);
    rmSync(join(from.directory, gone as string));
    replace(join(from.directory, other as string), 'THE SAME');

    await apply();
  });

  it('one must be as it was', async () => {
    const { from, apply } = await started({ ...COPIES, app: 'one' }, { ...COPIES, app: 'two' });
    for (const path of Object.keys(COPIES)) replace(join(from.directory, path), 'THE SAME');

    expect((await rejectionOf(apply())).code).toBe('tree/base-changed');
  });
});
