// What keeps images from registries on this machine: notes that outlive trees, a thousand of them, and a file that nobody can read.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createHeldImageFile } from '../../../../agent/adapters/drivers/compose/held-images.ts';
import { createPulledImages } from '../../../../agent/adapters/drivers/compose/pulled-images.ts';
import { digestOf, hexOf } from '../../../../shared/encoding/digest.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const ONE = digestOf(Buffer.from('one'));
const TWO = digestOf(Buffer.from('two'));

/** A blob of each image, as much as there is to keep of them. */
function setUp() {
  const directory = temporaryDirectory();
  const layout = join(directory, 'images');
  const path = join(layout, 'held.json');
  const file = createHeldImageFile(path);
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  return {
    path,
    tree(name: string) {
      mkdirSync(join(directory, 'trees', name), { recursive: true });
      return join(directory, 'trees', name);
    },
    async note(digest: typeof ONE, tree: string) {
      writeFileSync(join(layout, 'blobs/sha256', hexOf(digest)), 'a blob');
      await file.note({ digest, platform: 'linux/amd64', config: digest, layers: [] }, tree);
    },
    tidy: () => createPulledImages(layout).tidy(),
    kept: () => [ONE, TWO].map((digest) => existsSync(join(layout, 'blobs/sha256', hexOf(digest)))),
    trees: (): string[] => JSON.parse(readFileSync(path, 'utf8')).images[0].trees,
  };
}

describe('what is kept of images from registries', () => {
  it('is noted for trees that are here, however many there were', async () => {
    const { note, tree, tidy, kept, trees } = setUp();
    for (let at = 0; at < 1001; at++) await note(ONE, `/nowhere/${at}`);
    const there = tree('v2');
    await note(ONE, there);

    await tidy();

    expect(kept()).toEqual([true, false]);
    expect(trees()).toEqual([there]);
  });

  it('forgets a tree that is gone, also of an image that another tree has', async () => {
    const { note, tree, tidy, trees } = setUp();
    const [first, second] = [tree('v1'), tree('v2')];
    await note(ONE, first);
    await note(ONE, second);
    rmSync(first, { recursive: true });

    await tidy();

    expect(trees()).toEqual([second]);
  });

  it.each<[string, (path: string) => void]>([
    ['is cut off', (path) => writeFileSync(path, '{"images":[')],
    ['is of another form', (path) => writeFileSync(path, '{"images":{}}')],
    [
      'is a directory',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
  ])('stays whole where the file %s, until every tree of then is gone', async (_, damage) => {
    const { note, tree, tidy, kept, path } = setUp();
    const [first, second] = [tree('v1'), tree('v2')];
    await note(ONE, first);
    damage(path);

    await tidy();
    const unread = kept();
    await note(TWO, second);
    await tidy();
    const anew = kept();
    const third = tree('v3');
    await note(TWO, third);
    for (const one of [first, second]) rmSync(one, { recursive: true });
    await tidy();

    expect([unread, anew, kept()]).toEqual([
      [true, false],
      [true, true],
      [false, true],
    ]);
    expect(existsSync(`${path}.damaged`)).toBe(true);
  });
});
