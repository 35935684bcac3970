// The vendor's bench for patches: what it hands out was applied once, and leads where it says.
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readTried, withPatchBench, writeTried } from '../../../../server/vendor/workspace/patches.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { patchListPath } from '../../../../shared/protocol/patches.ts';
import { treeRefOf } from '../../../../shared/tree/tree-index.ts';
import { patternedBytes, temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { writeTree } from '../../../support/patched-trees.ts';
import { digestOfText } from '../../../support/publications.ts';
import { rubbishOf } from '../../../support/rubbish-files.ts';

const BULK = patternedBytes(200_000, 'bulk');

/** `meanwhile` happens once the last unit of the patch is made. */
async function make(meanwhile: (old: string) => void): Promise<readonly string[]> {
  const work = temporaryDirectory();
  const from = await writeTree(join(work, 'from'), { bulk: BULK, kept: 'the same in both' });
  const to = await writeTree(join(work, 'to'), {
    bulk: Buffer.concat([BULK, BULK]),
    kept: 'the same in both',
  });
  const onProgress = (done: number, total: number) => {
    if (done === total) meanwhile(from.directory);
  };
  return await withPatchBench(work, async (bench) => {
    const place = join(work, 'packs/.patching');
    mkdirSync(place, { recursive: true });
    const made = await bench.make(from, to, { onProgress });
    if (made.kind !== 'made') throw new Error(made.problem);
    const { file } = made;
    expect(existsSync(file)).toBe(true);
    return readdirSync(place);
  });
}

it('hands out a patch that an install can apply, and leaves nothing else of it', async () => {
  expect(await make(() => undefined)).toHaveLength(1);
});

it('hands out none that installs would refuse', async () => {
  const change = (old: string) => {
    rmSync(join(old, 'kept'));
    writeFileSync(join(old, 'kept'), 'something else..');
  };

  expect((await rejectionOf(make(change))).code).toBe('tree/base-changed');
});

it.each([
  [new FairleadError('disk/full', { path: 'packs', needed: 9, free: 0 }), []],
  [new FairleadError('transport/unreachable', { url: 'packs', problem: 'ECONNRESET' }), ['.fetched.pack']],
] as const)(
  'keeps of a pack that was not fetched whole, for $code, what can be gone on with',
  async (error, left) => {
    const work = temporaryDirectory();
    const ref = treeRefOf((await writeTree(join(work, 'tree'), { bulk: BULK })).index);
    const fetch = async (file: string) => {
      writeFileSync(file, 'FLP');
      throw error;
    };

    const refusal = await rejectionOf(withPatchBench(work, (bench) => bench.layOut(ref, fetch)));

    expect(refusal.code).toBe(error.code);
    expect(readdirSync(join(work, 'packs', hexOf(ref.digest)))).toEqual(left);
    expect(readdirSync(join(work, 'packs'))).toEqual([hexOf(ref.digest)]);
  },
);

it('keeps of packs that broke off the newest, with which somebody may go on', async () => {
  const work = temporaryDirectory();
  const place = (name: string) => join(work, 'packs', name);
  for (const [name, at] of [
    ['old', 1],
    ['newest', 3],
    ['older', 2],
  ] as const) {
    mkdirSync(place(name), { recursive: true });
    writeFileSync(join(place(name), 'full.pack'), 'FLPACK');
    writeFileSync(join(place(name), '.fetched.pack'), 'FLP');
    utimesSync(join(place(name), '.fetched.pack'), at, at);
  }
  writeFileSync(place('strange'), 'no directory');

  await withPatchBench(work, async () => undefined);

  const left = readdirSync(join(work, 'packs'), { recursive: true }).filter((one) =>
    String(one).endsWith('.pack'),
  );
  expect(left.toSorted()).toEqual([
    'newest/.fetched.pack',
    'newest/full.pack',
    'old/full.pack',
    'older/full.pack',
  ]);
});

it.each(rubbishOf('fairlead-vendor/patches@1'))(
  'tries once more where what it remembers of a tree is %s',
  async (_, rubbish) => {
    const [work, tree, from] = [temporaryDirectory(), digestOfText('to'), digestOfText('from')];
    await writeTried(work, tree, new Set([from]));
    expect(await readTried(work, tree)).toEqual(new Set([from]));

    writeFileSync(join(work, patchListPath(hexOf(tree))), rubbish);

    expect(await readTried(work, tree)).toEqual(new Set());
  },
);
