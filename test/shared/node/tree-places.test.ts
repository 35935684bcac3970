// The places of a tree, made by threads: each is there when whoever waits for it is told so, and whoever waits for one that cannot be made hears of it.
import { chmodSync, existsSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { makePlaces, parentOf } from '../../../shared/node/tree-places.ts';
import { layOut } from '../../../shared/node/unpack.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';
import { temporaryDirectory } from '../../support/directories.ts';

const directories = (...paths: readonly string[]) =>
  createTreeIndex(paths.map((path) => ({ kind: 'directory' as const, path })));

const DEEP = Array.from({ length: 40 }, (_, i) => `d${i % 4}/${'e/'.repeat(i)}f`);

const openFiles = () =>
  readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return null;
    }
  });

it('tells of each that it is there once it is, whatever order they are asked for in', async () => {
  const root = temporaryDirectory();
  const own = process.umask(0o077);
  onTestFinished(() => void process.umask(own));
  const { reach, all } = makePlaces(directories(...DEEP), root);

  for (const path of DEEP.toReversed()) {
    await reach(path);
    expect(statSync(join(root, path)).mode & 0o7777).toBe(0o755);
    expect(reach(path)).toBeUndefined();
  }
  await all;
  expect(reach('')).toBeUndefined();
});

it('tells everybody who waits for the same one, what is made inside it too', async () => {
  const { reach, all } = makePlaces(directories('a/b', 'a/c', 'a/d'), temporaryDirectory());

  await Promise.all([reach('a'), reach('a'), all]);
  expect(['a', 'a/b', 'a/c', 'a/d'].map(reach)).toEqual(Array(4).fill(undefined));
});

it('fails whoever waits where one cannot be made, and makes nothing behind that', async () => {
  const root = temporaryDirectory();
  writeFileSync(join(root, 'b'), 'in its place');
  const { reach, all } = makePlaces(directories('a/x', 'b/c/d', ...DEEP), root);
  const waiting = ['b', 'b/c/d', 'd3/e/e/e/f'].map(reach);

  expect(await Promise.allSettled(waiting)).toMatchObject(
    waiting.map(() => ({ status: 'rejected', reason: { code: 'EEXIST' } })),
  );
  await expect(all).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(reach('d3')).rejects.toMatchObject({ code: 'EEXIST' });
  const left = readdirSync(root, { recursive: true }).length;
  await delay(20);
  expect(readdirSync(root, { recursive: true }).length).toBe(left);
  expect(existsSync(join(root, 'd3/e/e/e'))).toBe(false);
});

it('makes nothing more once whoever fills them has failed, and says why', async () => {
  const root = temporaryDirectory();
  const files = Array.from({ length: 500 }, (_, i) => `file${i}`);
  const failure = new Error('of a unit');

  const laidOut = layOut(
    directories('a'),
    root,
    async ({ reach }) => {
      await reach('file0');
      throw failure;
    },
    files,
  );

  await expect(laidOut).rejects.toBe(failure);
  expect(readdirSync(root).length).toBeLessThan(20);
});

it('gives directories their mode whatever the umask is and whatever the directory above hands down', async () => {
  const own = process.umask();
  onTestFinished(() => void process.umask(own));
  const root = temporaryDirectory();
  chmodSync(root, 0o2777);

  for (const umask of [0o000, 0o022, 0o077]) {
    process.umask(umask);
    const path = umask.toString(8);
    await makePlaces(directories(`${path}/below`), root).all;
    for (const one of [path, `${path}/below`])
      expect(statSync(join(root, one)).mode & 0o7777, one).toBe(0o755);
  }
});

it('makes files empty, for their owner alone, and none in the place of another', async () => {
  const root = temporaryDirectory();
  const { reach, all } = makePlaces(directories('a/b'), root, ['a/file', 'top']);

  await reach('a/file');
  const { size, mode } = statSync(join(root, 'a/file'));
  expect([size, mode & 0o7777]).toEqual([0, 0o600]);
  expect(openFiles()).not.toContain(join(root, 'a/file'));
  await all;
  expect(readdirSync(root).toSorted()).toEqual(['a', 'top']);
  const again = makePlaces(directories(), root, ['top']);
  await expect(again.reach('top')).rejects.toMatchObject({ code: 'EEXIST' });
  // Whoever heard of it there may ask for the end of all much later.
  await delay(5);
  await expect(again.all).rejects.toMatchObject({ code: 'EEXIST' });
});

it('knows what lies in the root', () => {
  expect(['a', 'a/b', 'a/b/c'].map(parentOf)).toEqual(['', 'a', 'a/b']);
});
