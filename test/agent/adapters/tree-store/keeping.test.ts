// Keeping trees: what is damaged is found, what is kept stays whole, what goes is gone.
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join as joinPath } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { SAMPLE_ENTRIES } from './pack-builder.ts';
import { createWorld, other, ref, signed, tree } from './world.ts';

describe('verify', () => {
  it.each<[string, string, string, (path: string) => void]>([
    ['changed bytes', 'text', 'changed', (path) => rewrite(path, 'ONE text, two files\n')],
    ['a file that grew', 'text', 'changed', (path) => appendFileSync(unlocked(path), 'x')],
    ['a file made writable', 'text', 'changed', (path) => chmodSync(path, 0o644)],
    ['a file made setuid', 'bin/run', 'changed', (path) => chmodSync(path, 0o4555)],
    ['a file that is gone', 'cut', 'missing', unlinkSync],
    [
      'a file replaced by a link',
      'text',
      'changed',
      (path) => {
        unlinkSync(path);
        symlinkSync('copy', path);
      },
    ],
    [
      'a link that leads elsewhere',
      'run',
      'changed',
      (path) => {
        unlinkSync(path);
        symlinkSync('/bin/sh', path);
      },
    ],
    ['an empty directory that is gone', 'logs', 'missing', (path) => rmSync(path, { recursive: true })],
    ['a new file', 'logs/new.log', 'unexpected', (path) => writeFileSync(path, 'x')],
    ['a new directory', 'logs/new', 'unexpected', (path) => mkdirSync(path)],
  ])('finds %s', async (_, path, problem, change) => {
    const { store } = createWorld();
    await store.add(ref);
    change(joinPath(store.directoryOf(tree), path));

    expect(await store.verify(signed)).toEqual([{ path, problem }]);
  });

  it('is not taken in by a directory replaced with a link to its copy', async () => {
    const { store } = createWorld();
    await store.add(ref);
    const files = store.directoryOf(tree);
    renameSync(joinPath(files, 'bin'), joinPath(files, '../elsewhere'));
    symlinkSync('../elsewhere', joinPath(files, 'bin'));

    expect(await store.verify(signed)).toEqual([
      { path: 'bin', problem: 'changed' },
      { path: 'bin/run', problem: 'missing' },
    ]);
  });

  it.each<[string, string, (path: string) => void]>([
    ['changed', 'changed', (path) => rewrite(path, '{}')],
    ['gone', 'missing', unlinkSync],
  ])('trusts nothing when the index itself is %s', async (_, problem, change) => {
    const { store, trees } = createWorld();
    await store.add(ref);
    change(joinPath(trees, hexOf(tree), 'index.json'));

    expect(await store.verify(signed)).toEqual([{ path: 'index.json', problem }]);
  });

  it('lists every file when all are gone', async () => {
    const { store } = createWorld();
    await store.add(ref);
    rmSync(store.directoryOf(tree), { recursive: true });

    const deviations = await store.verify(signed);

    expect(deviations.map(({ problem }) => problem)).toEqual(
      Array(SAMPLE_ENTRIES.length + 1).fill('missing'),
    );
  });
});

describe('collect', () => {
  it('removes what is not kept, and keeps the rest intact', async () => {
    const { store } = createWorld();
    await store.add(ref);
    await store.add(other.ref);

    await store.collect(new Set([tree]));

    expect(await store.has(tree)).toBe(true);
    expect(await store.verify(signed)).toEqual([]);
    expect(await store.has(other.ref.digest)).toBe(false);
  });

  it('removes what killed agents left, but for downloads that may still be resumed', async () => {
    const { store, trees, temporary } = createWorld();
    await store.collect(new Set());
    const [hex, otherHex] = [hexOf(tree), hexOf(other.ref.digest)];
    for (const name of [`${hex}.tree`, `${hex}.0123.old`])
      mkdirSync(joinPath(temporary, name, 'files'), { recursive: true });
    for (const name of [`${hex}.pack`, `${otherHex}.pack`, 'stray'])
      writeFileSync(joinPath(temporary, name), 'x');
    writeFileSync(joinPath(trees, 'not-a-tree'), 'x');

    await store.collect(new Set([tree]));

    expect(readdirSync(temporary)).toEqual([`${hex}.pack`]);
    expect(readdirSync(trees)).toEqual([]);
  });

  it('removes the download of a tree that is there already', async () => {
    const { store, temporary } = createWorld();
    await store.add(ref);
    writeFileSync(joinPath(temporary, `${hexOf(tree)}.pack`), 'x');

    await store.collect(new Set([tree]));

    expect(readdirSync(temporary)).toEqual([]);
  });

  it('leaves a tree alone that is being added', async () => {
    const { store } = createWorld();

    await Promise.all([store.add(ref), store.collect(new Set())]);

    expect(await store.verify(signed)).toEqual([]);
  });

  it('can be run on a store that does not exist yet', async () => {
    const { store, trees } = createWorld();

    await store.collect(new Set());

    expect(existsSync(trees)).toBe(true);
  });

  it('lets a removed tree come back after a restart', async () => {
    const { store, reopen } = createWorld();
    await store.add(ref);
    await store.collect(new Set());

    const reopened = reopen();
    await reopened.add(ref);

    expect(await reopened.verify(signed)).toEqual([]);
  });
});

describe('has', () => {
  it('is not taken in by a file in the place of a tree', async () => {
    const { store, trees } = createWorld();
    await store.collect(new Set());
    writeFileSync(joinPath(trees, hexOf(tree)), 'x');

    expect(await store.has(tree)).toBe(false);
  });
});

/** Writes through a read-only mode and puts it back, as a person with root would. */
function rewrite(path: string, text: string): void {
  writeFileSync(unlocked(path), text);
  chmodSync(path, 0o444);
}

function unlocked(path: string): string {
  chmodSync(path, 0o644);
  return path;
}
