// What was acknowledged survives a power cut, on a disk that keeps only what was synced.
import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeDirectory, removeDurably, writeDurably } from '../../../shared/node/durable-file.ts';
import { writeNew } from '../../../shared/node/named-file.ts';
import { settleDirectory } from '../../../shared/node/set-aside.ts';
import { createRandom } from '../../labs/faults/suite.ts';
import { emptyDisk, MOUNT_POINT, mount } from '../../support/crash-mount.ts';

const DIRECTORY = `${MOUNT_POINT}/directory`;
const FILE = `${DIRECTORY}/file`;

/** What fifty power cuts leave after `act`, each once: `path=content`, or `path/` for an empty directory. */
async function afterPowerCuts(act: () => Promise<unknown>): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let seed = 1; seed <= 50; seed++) {
    mount.disk = emptyDisk();
    await mkdir(DIRECTORY);
    await writeFile(FILE, '', { flush: true }).catch(() => undefined);
    mount.disk = mount.disk.copy('strict');
    await act();
    mount.disk = mount.disk.afterPowerCut(createRandom(seed));
    found.add((await contentsOf(DIRECTORY)).sort().join(' '));
  }
  return found;
}

async function contentsOf(directory: string): Promise<string[]> {
  const all: string[] = [];
  for (const name of await readdir(directory)) {
    const path = `${directory}/${name}`;
    const short = path.slice(DIRECTORY.length + 1);
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text !== null) all.push(`${short}=${text}`);
    else all.push(...((await readdir(path)).length === 0 ? [`${short}/`] : await contentsOf(path)));
  }
  return all;
}

beforeEach(() => {
  mount.before = () => undefined;
});

describe('after a power cut', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    ['a file that was replaced', () => writeDurably(FILE, Buffer.from('new')), 'file=new'],
    ['a file that a person named', () => writeNew(`${DIRECTORY}/key`, 'secret', 0o600), 'file= key=secret'],
    ['a file that was removed', () => removeDurably(FILE), ''],
    ['a directory with its parents', () => makeDirectory(`${DIRECTORY}/a/b`), 'a/b/ file='],
    [
      'a rename that a killed process did not sync',
      async () => {
        const handle = await open(`${DIRECTORY}/.file.0123456789ab.tmp`, 'wx', 0o600);
        await handle.writeFile('new');
        await handle.sync();
        await handle.close();
        await rename(`${DIRECTORY}/.file.0123456789ab.tmp`, FILE);
        await settleDirectory(DIRECTORY, new Set());
      },
      'file=new',
    ],
  ])('%s is there, whole', async (_what, act, expected) => {
    expect([...(await afterPowerCuts(act))]).toEqual([expected]);
  });

  it.each([
    [
      'a full disk by how much is needed',
      'ENOSPC',
      { code: 'disk/full', data: { path: FILE, needed: 3, free: 0 } },
    ],
    ['a failing one by its code', 'EIO', { code: 'disk/failed', data: { path: FILE, problem: 'EIO' } }],
  ])('or before it, %s is named, and the file is what it was', async (_what, code, refusal) => {
    mount.disk = emptyDisk();
    await mkdir(DIRECTORY);
    await writeFile(FILE, 'old');
    mount.before = (call) => {
      if (call === 'fsync') throw Object.assign(new Error(code), { code });
    };

    await expect(writeDurably(FILE, Buffer.from('new'))).rejects.toMatchObject(refusal);
    expect(await contentsOf(DIRECTORY)).toEqual(['file=old']);
  });

  it('what a killed write left half done is swept, and nothing else', async () => {
    mount.disk = emptyDisk();
    await mkdir(`${DIRECTORY}/deeper`, { recursive: true });
    for (const name of ['.a.0123456789ab.tmp', 'kept', 'deeper/.b.tmp', 'deeper/kept.tmp']) {
      await writeFile(`${DIRECTORY}/${name}`, 'x');
    }

    await settleDirectory(DIRECTORY, new Set());

    expect((await contentsOf(DIRECTORY)).sort()).toEqual(['deeper/kept.tmp=x', 'kept=x']);
  });
});
