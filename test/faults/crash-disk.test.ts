// The disk in memory keeps what was synced, may lose what was not, and never keeps half of a rename.

import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { syncDirectory, writeDurably } from '../../shared/node/durable-file.ts';
import { createRandom } from '../labs/faults/suite.ts';
import type { Ordering } from '../support/crash-disk.ts';
import { emptyDisk, MOUNT_POINT, mount } from '../support/crash-mount.ts';
import { failure } from '../support/crash-paths.ts';

const DIRECTORY = `${MOUNT_POINT}/directory`;
const FILE = `${DIRECTORY}/file`;

/** What a hundred power cuts leave of `act`, each once, in no order. */
async function afterPowerCuts(ordering: Ordering, act: () => Promise<unknown>): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let seed = 1; seed <= 100; seed++) {
    mount.disk = emptyDisk();
    await mkdir(DIRECTORY);
    mount.disk = mount.disk.copy(ordering);
    await act();
    mount.disk = mount.disk.afterPowerCut(createRandom(seed));
    const names = await readdir(DIRECTORY);
    const contents = names.map(async (name) => `${name}=${await readFile(`${DIRECTORY}/${name}`, 'utf8')}`);
    found.add((await Promise.all(contents)).sort().join());
  }
  return found;
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync();
}

beforeEach(() => {
  mount.before = () => undefined;
});

describe.each<Ordering>(['ordered', 'strict'])('a power cut on a disk that is %s', (ordering) => {
  it('keeps a durable write', async () => {
    const found = await afterPowerCuts(ordering, () => writeDurably(FILE, Buffer.from('new')));

    expect(found).toEqual(new Set(['file=new']));
  });

  it('keeps the old bytes or the new ones where the directory was not synced', async () => {
    const found = await afterPowerCuts(ordering, async () => {
      await writeDurably(FILE, Buffer.from('old'));
      await writeFile(`${DIRECTORY}/next`, 'new', { flush: true });
      await rename(`${DIRECTORY}/next`, FILE);
    });

    expect(found).toContain('file=new');
    expect([...found].filter((state) => !state.includes('file='))).toEqual([]);
  });

  it('may leave an empty file where only the directory was synced', async () => {
    const found = await afterPowerCuts(ordering, async () => {
      await writeFile(FILE, 'new');
      await syncDirectory(DIRECTORY);
    });

    expect(found).toEqual(new Set(['file=', 'file=new']));
  });

  it('forgets what a failed fsync was to write, though the next fsync succeeds', async () => {
    const found = await afterPowerCuts(ordering, async () => {
      await writeDurably(FILE, Buffer.from('old'));
      const handle = await open(FILE, 'r+');
      await handle.write(Buffer.from('new'), 0, 3, 0);
      mount.before = (call, path) => {
        throw failure('EIO', call, path);
      };
      await handle.sync().catch(() => undefined);
      mount.before = () => undefined;
      await handle.sync();
    });

    expect(found).toEqual(new Set(['file=old', 'file=new']));
  });

  it('tears a large write at sectors', async () => {
    const found = await afterPowerCuts(ordering, async () => {
      await writeDurably(FILE, Buffer.alloc(2048, 'a'));
      await (await open(FILE, 'r+')).write(Buffer.alloc(2048, 'b'), 0, 2048, 0);
    });

    const sectors = [...found].map((state) => state.slice('file='.length).match(/.{512}/g) ?? []);
    expect(sectors.flat().every((sector) => /^(a+|b+)$/.test(sector))).toBe(true);
    expect(found.size).toBeGreaterThan(3);
  });
});

describe('what is not promised', () => {
  const syncOnlyTheFile = async () => {
    await writeFile(FILE, 'new');
    await sync(FILE);
  };

  it('is the name of a synced file, if the directory was not synced', async () => {
    expect(await afterPowerCuts('strict', syncOnlyTheFile)).toEqual(new Set(['', 'file=new']));
  });

  it('but ext4 and xfs keep it', async () => {
    expect(await afterPowerCuts('ordered', syncOnlyTheFile)).toEqual(new Set(['file=new']));
  });
});
