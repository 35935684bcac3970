// Files that two trees have in common: one file on the disk where nothing can write to it, and whatever is written to one tree, the other stays what was signed.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Patches } from '../../../../agent/adapters/tree-store/downloads.ts';
import { buildFromPatch } from '../../../../agent/adapters/tree-store/patch-process.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import type { TreeStore } from '../../../../agent/ports/state.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { createDiskImage } from '../../../labs/faults/disk-images.ts';
import { suiteNamed } from '../../../labs/faults/suites.ts';
import { patternedBytes, temporaryDirectory } from '../../../support/directories.ts';
import { thaw } from '../../../support/held-files.ts';
import { type PackedTree, packedPair } from '../../../support/patched-trees.ts';
import { WHOLE } from './world.ts';

const BULK = patternedBytes(100_000, 'bulk');
const OLD = { bulk: BULK, 'lib/a': 'one', 'lib/tool': '#!/bin/sh', 'lib/kept': 'as it was' };
/** One file changed, one may be run from now on, one stands there twice. */
const NEW = {
  ...{ bulk: BULK, 'lib/a': 'one, but better', 'lib/tool!': '#!/bin/sh', 'lib/kept': 'as it was' },
  'lib/again': 'as it was',
};
const SHARED = ['bulk', 'lib/kept'];

const isRoot = process.getuid?.() === 0;
/** Only root may mount file systems. */
const noDisk = await suiteNamed('power').missing();
const NOBODY = 'nobody';
const AROUND = { added: 'keep', from: 'anywhere' } as const;

let old: PackedTree;
let next: PackedTree;
let patch: Buffer;

beforeAll(async () => {
  ({ old, next, patch } = await packedPair(OLD, NEW));
});

const pairOfAll = () => ({ old, next, patch });

/** A store that has the old tree, and gets the new one by its patch. */
async function storeWithOld({
  stateDir = temporaryDirectory(),
  apply = buildFromPatch as Patches['apply'],
  pair: { old, next, patch } = pairOfAll(),
} = {}) {
  const packs = new Map([old, next].map(({ ref, pack }) => [hexOf(ref.digest), pack]));
  const patches = [{ from: old.ref.digest, bytes: patch.length }];
  const store = createTreeStore({
    stateDir,
    fetchPack: async (hex, file) => writeFileSync(file, packs.get(hex) ?? ''),
    patches: {
      list: async (hex) =>
        hex === hexOf(next.ref.digest) ? { schema: 'fairlead/patches@1', full: 1e6, patches } : null,
      fetch: async (_, file) => writeFileSync(file, patch),
      apply,
    },
  });
  await store.add(old.ref);
  const at = ({ ref }: PackedTree, path: string) => join(store.directoryOf(ref.digest), path);
  const inodes = (one: PackedTree) => SHARED.map((path) => statSync(at(one, path)).ino);
  return {
    ...{ store, stateDir, at },
    isShared: () => inodes(old).every((inode, i) => inode === inodes(next)[i]),
    isApart: () => SHARED.every((path) => [old, next].every((one) => statSync(at(one, path)).nlink === 1)),
    marks: (one: PackedTree) =>
      ['shareable', 'parting'].map((name) => existsSync(join(dirname(at(one, '')), name))),
  };
}

const damaged = (store: TreeStore, { ref }: PackedTree) => store.verify({ tree: ref, writable: [] });

/** What a program does that may write: each finds its file read-only, and does not mind. */
const WRITES: readonly (readonly [string, (path: string) => void])[] = [
  ['writes over the beginning', (path) => writeAt(path, 'r+')],
  ['appends', (path) => appendFileSync(path, 'more')],
  ['cuts off the end', (path) => truncateSync(path, 3)],
  ['changes the mode', (path) => chmodSync(path, 0o666)],
  ['changes the mode, writes and puts both back', rewriteUnseen],
  ['writes all of it anew', (path) => writeFileSync(path, 'something else')],
  ['writes through another name of it', throughAnotherName],
  ['puts another file in its place', (path) => replace(path)],
  ['removes it', (path) => unlinkSync(path)],
];

function writeAt(path: string, flags: string): void {
  const handle = openSync(path, flags);
  writeSync(handle, 'never signed', 0);
  closeSync(handle);
}

function rewriteUnseen(path: string): void {
  const { mode, mtime } = statSync(path);
  chmodSync(path, 0o600);
  writeAt(path, 'r+');
  chmodSync(path, mode & 0o7777);
  utimesSync(path, mtime, mtime);
}

function throughAnotherName(path: string): void {
  linkSync(path, `${path}.own`);
  appendFileSync(`${path}.own`, 'more');
  unlinkSync(`${path}.own`);
}

function replace(path: string): void {
  writeFileSync(`${path}.new`, 'something else');
  renameSync(`${path}.new`, path);
}

/** Each of these answers what puts it back as it was. */
function damage(path: string, harm: (path: string) => void): () => void {
  const signed = readFileSync(path);
  chmodSync(path, 0o644);
  harm(path);
  return () => {
    writeFileSync(path, signed);
    chmodSync(path, 0o444);
  };
}

function forgetAll(index: string): void {
  writeFileSync(index, '{}');
}

function moveAway(path: string): () => void {
  const away = join(dirname(dirname(path)), 'away');
  renameSync(path, away);
  return () => renameSync(away, path);
}

function giveAway(path: string): () => void {
  execFileSync('chown', [NOBODY, path]);
  return () => execFileSync('chown', ['root', path]);
}

describe('unchanged files of a tree that comes by a patch', () => {
  it('are the same files while nothing has run from the old one', async () => {
    const { store, at, isShared, marks } = await storeWithOld();

    expect(await store.add(next.ref)).toMatchObject({ way: 'patch' });

    expect(isShared()).toBe(true);
    expect(statSync(at(next, 'lib/again')).ino).toBe(statSync(at(old, 'lib/kept')).ino);
    expect([await damaged(store, old), await damaged(store, next)]).toEqual([[], []]);
    expect([marks(old), marks(next)]).toEqual([
      [true, false],
      [true, false],
    ]);
  });

  it('are those of their own path where the old tree has a content twice: what is hashed of one is known of the other', async () => {
    const two = { bulk: BULK, 'a/x': 'as it was', 'b/x': 'as it was' };
    const pair = await packedPair(two, { ...two, 'c/x': 'new' });
    const { store, at } = await storeWithOld({ pair });

    await store.add(pair.next.ref);

    for (const path of ['a/x', 'b/x']) {
      expect(statSync(at(pair.next, path)).ino, path).toBe(statSync(at(pair.old, path)).ino);
    }
  });

  it('are others where the mode is another: one file has one', async () => {
    const { store, at } = await storeWithOld();

    await store.add(next.ref);

    expect(statSync(at(old, 'lib/tool')).mode & 0o777).toBe(0o444);
    expect(statSync(at(next, 'lib/tool!')).mode & 0o777).toBe(0o555);
  });

  it.each(WRITES)('are others where what runs from the old one may write: it %s', async (_, write) => {
    const { store, at, isApart } = await storeWithOld();
    await store.hand(old.ref.digest, [null]);
    // It may have opened them long before, and never close them.
    const handles = SHARED.map((path) => {
      chmodSync(at(old, path), 0o644);
      const handle = openSync(at(old, path), 'r+');
      chmodSync(at(old, path), 0o444);
      return handle;
    });

    await store.add(next.ref);
    expect(isApart()).toBe(true);
    for (const handle of handles) writeSync(handle, 'held open', 0);
    for (const path of SHARED) write(at(old, path));

    expect(await damaged(store, next)).toEqual([]);
    for (const handle of handles) closeSync(handle);
  });

  it.each(WRITES)(
    'are taken apart before the new one is handed to what may write: it %s',
    async (_, write) => {
      const { store, at, isShared, isApart, marks } = await storeWithOld();
      await store.add(next.ref);
      expect(isShared()).toBe(true);

      await store.hand(next.ref.digest, [null]);

      expect([isApart(), await damaged(store, next)]).toEqual([true, []]);
      expect([marks(old), marks(next)]).toEqual([
        [true, false],
        [false, false],
      ]);
      for (const path of SHARED) write(at(next, path));
      expect(await damaged(store, old)).toEqual([]);
    },
  );

  it('are others where a tree was handed to nobody else than root by another name, or to whom nobody knows', async () => {
    for (const account of ['root', 'no-such-account']) {
      const { store, isApart } = await storeWithOld();
      await store.hand(old.ref.digest, [account]);

      await store.add(next.ref);

      expect([account, isApart()]).toEqual([account, true]);
    }
  });

  it('that a service put there itself are taken over by nobody', async () => {
    const { store, at, isShared } = await storeWithOld();
    if (!isRoot) return;
    for (const path of SHARED) execFileSync('chown', [NOBODY, at(old, path)]);

    await store.add(next.ref);

    expect(isShared()).toBe(false);
    expect(SHARED.map((path) => statSync(at(next, path)).uid)).toEqual(SHARED.map(() => 0));
  });

  it('are fetched where the old tree was handed over in the middle', async () => {
    const made = await storeWithOld({
      async apply(work) {
        const building = buildFromPatch(work);
        while (!existsSync(join(work.staging, 'files/lib'))) await setImmediate();
        // Its first step in this very turn: the rest of so small a tree may be built before a thread has taken it.
        renameSync(join(work.base, 'shareable'), join(work.base, 'parting'));
        await Promise.all([building, made.store.hand(old.ref.digest, [null])]);
      },
    });

    expect(await made.store.add(next.ref)).toMatchObject({
      ...{ way: 'pack', instead: { code: 'tree/base-changed' } },
    });

    expect([made.isApart(), await damaged(made.store, next)]).toEqual([true, []]);
  });

  it('are taken apart to the end after a kill in the middle', async () => {
    const { store, at, isShared, isApart, marks } = await storeWithOld();
    await store.add(next.ref);
    const place = dirname(at(next, ''));
    renameSync(join(place, 'shareable'), join(place, 'parting'));
    expect(isShared()).toBe(true);

    await store.hand(next.ref.digest, [null]);

    expect([isApart(), marks(next)]).toEqual([true, [false, false]]);
  });

  it.each([
    ['a file', 'bulk'],
    ['a directory, whose files are not,', 'lib'],
    ['all that was built', '..'],
  ])(
    'are of a tree written anew where %s is immutable: nothing waits for that, and one day it is not',
    async (_, held) => {
      const { store, at, isShared, marks } = await storeWithOld();
      await store.add(next.ref);
      const first = at(next, '');
      const isHeld =
        spawnSync('chattr', [...(held === '..' ? ['-R'] : []), '+i', at(next, held)]).status === 0;
      onTestFinished(() => thaw(dirname(first)));
      if (!isHeld) return;

      expect(await store.hand(next.ref.digest, [null])).toBe(true);

      expect([at(next, '') === first, isShared(), marks(next)]).toEqual([false, false, [false, false]]);
      expect([await damaged(store, next), existsSync(first)]).toEqual([[], true]);
      thaw(dirname(first));
      for (const path of SHARED) appendFileSync(at(next, path), 'more');
      expect(await damaged(store, old)).toEqual([]);
      expect(await store.hand(next.ref.digest, [null])).toBe(false);
      await store.collect(new Set([old.ref.digest, next.ref.digest]));
      expect([existsSync(first), await store.has(next.ref.digest)]).toEqual([false, true]);
    },
  );

  it.each<[string, (store: TreeStore) => Promise<unknown>]>([
    ['repaired', (store) => store.repair({ tree: old.ref, writable: [] }, WHOLE)],
    ['repaired around a service', (store) => store.repair({ tree: old.ref, writable: [] }, AROUND)],
    ['fetched ahead', (store) => store.add(old.ref)],
  ])('are others where the old tree was lost, and %s with no start to hand it over', async (_, bringBack) => {
    const { store, at, isApart, marks } = await storeWithOld();
    await store.hand(old.ref.digest, [null]);
    rmSync(dirname(at(old, '')), { recursive: true });

    await bringBack(store);

    expect([await store.has(old.ref.digest), marks(old)]).toEqual([true, [false, false]]);
    expect(await store.add(next.ref)).toMatchObject({ way: 'patch' });
    expect(isApart()).toBe(true);
  });

  /** Its place is immutable: the mark stays in it, whatever is handed over. */
  function holdPlace(place: string): boolean {
    onTestFinished(() => thaw(place));
    return spawnSync('chattr', ['+i', place]).status === 0;
  }

  it('are others where the old tree was handed over beside a place that keeps its mark, and where it was handed is lost', async () => {
    const { store, at, isApart, marks } = await storeWithOld();
    const first = dirname(at(old, ''));
    if (!holdPlace(first)) return;
    expect(await store.hand(old.ref.digest, [null])).toBe(true);
    rmSync(dirname(at(old, '')), { recursive: true });
    expect([dirname(at(old, '')), marks(old)]).toEqual([first, [true, false]]);

    expect(await store.add(next.ref)).toMatchObject({ way: 'patch' });

    expect([isApart(), await damaged(store, next)]).toEqual([true, []]);
  });

  it('are others where the old tree keeps its mark because its index could not be read as it was handed over', async () => {
    const { store, at, isApart, marks } = await storeWithOld();
    const putBack = damage(at(old, '../index.json'), forgetAll);
    if (!holdPlace(dirname(at(old, '')))) return;
    expect(await store.hand(old.ref.digest, [null])).toBe(false);
    putBack();
    expect(marks(old)).toEqual([true, false]);

    expect(await store.add(next.ref)).toMatchObject({ way: 'patch' });

    expect([isApart(), await damaged(store, next)]).toEqual([true, []]);
  });

  it('are others in a tree that is written anew as a whole where the mark of the old one only stays', async () => {
    const { store, at, marks } = await storeWithOld();
    const first = dirname(at(old, ''));
    if (!holdPlace(first)) return;
    await store.hand(old.ref.digest, [null]);
    rmSync(dirname(at(old, '')), { recursive: true });
    chmodSync(at(old, 'bulk'), 0o644);
    spawnSync('chattr', ['+i', at(old, 'bulk')]);

    await store.repair({ tree: old.ref, writable: [] }, WHOLE);

    expect([dirname(at(old, '')) === first, marks(old), await damaged(store, old)]).toEqual([
      false,
      [false, false],
      [],
    ]);
  });

  it('are others where nobody can tell whether it was handed over', async () => {
    const { store, stateDir, at, marks } = await storeWithOld();
    await store.hand(old.ref.digest, [null]);
    rmSync(dirname(at(old, '')), { recursive: true });
    const handed = join(stateDir, 'store/handed');
    rmSync(handed, { recursive: true });
    symlinkSync(handed, handed);

    await store.add(old.ref);

    expect(marks(old)).toEqual([false, false]);
  });

  it('are others in a tree that is repaired by a patch and that nobody hands over any more', async () => {
    const { store, at, isApart, marks } = await storeWithOld();
    await store.add(next.ref);
    await store.hand(next.ref.digest, [null]);
    rmSync(dirname(at(next, '')), { recursive: true });

    await store.repair({ tree: next.ref, writable: [] }, WHOLE);

    expect([marks(next), isApart(), await damaged(store, next)]).toEqual([[false, false], true, []]);
  });

  it.each([
    ['is shareable as before where nothing could write to it', [], true],
    ['is not where something could', [null], false],
  ] as const)('come by a tree written anew, which %s', async (_, accounts, isShareable) => {
    const { store, at, marks } = await storeWithOld();
    await store.hand(old.ref.digest, accounts);
    const first = dirname(at(old, ''));
    chmodSync(at(old, 'bulk'), 0o644);
    const isHeld = spawnSync('chattr', ['+i', at(old, 'bulk')]).status === 0;
    onTestFinished(() => thaw(dirname(dirname(first))));
    if (!isHeld) return;

    await store.repair({ tree: old.ref, writable: [] }, WHOLE);

    expect([marks(old), await damaged(store, old)]).toEqual([[isShareable, false], []]);
  });

  it('are the same again once nothing goes back to a tree that was handed over, and it is fetched anew', async () => {
    const { store, stateDir, marks } = await storeWithOld();
    await store.hand(old.ref.digest, [null]);
    const handed = () => readdirSync(join(stateDir, 'store/handed'));
    await store.collect(new Set([old.ref.digest]));
    expect(handed()).toEqual([hexOf(old.ref.digest)]);

    await store.collect(new Set());
    await store.add(old.ref);

    expect([handed(), marks(old)]).toEqual([[], [true, false]]);
  });

  it('are others in a tree that an agent of an earlier version built and ran, once a deployment is over: it has no mark', async () => {
    const { store, at, marks } = await storeWithOld();
    const place = dirname(at(old, ''));
    rmSync(join(place, 'shareable'));
    await store.collect(new Set([old.ref.digest, next.ref.digest]));
    rmSync(place, { recursive: true });

    await store.add(old.ref);
    await store.add(next.ref);

    expect([marks(old), marks(next)]).toEqual([
      [false, false],
      [true, false],
    ]);
  });

  it.each<[string, string, readonly string[], (path: string) => () => void]>([
    ['a file was damaged', 'bulk', ['changed'], (path) => damage(path, rewriteUnseen)],
    ['the index was damaged', '../index.json', ['changed'], (path) => damage(path, forgetAll)],
    ['a file was away', 'bulk', ['missing'], moveAway],
    ['a directory was away', 'lib', Array(5).fill('missing'), moveAway],
    ...(isRoot ? [['a file was another account’s', 'bulk', [], giveAway] as never] : []),
  ])(
    'are taken apart by a later start where %s at the first, and was put back since',
    async (_, path, problems, harm) => {
      const { store, at, isApart, marks } = await storeWithOld();
      await store.add(next.ref);
      const putBack = harm(at(next, path));

      await store.hand(next.ref.digest, [null]);

      const found = await damaged(store, next);
      expect([found.map(({ problem }) => problem), marks(next)]).toEqual([problems, [false, true]]);
      putBack();
      expect([await damaged(store, old), await damaged(store, next), isApart()]).toEqual([[], [], false]);
      await store.hand(next.ref.digest, [null]);
      expect([isApart(), marks(next)]).toEqual([true, [false, false]]);
    },
  );

  it('are taken apart by a later start where one was moved away in the middle of the first, and was put back since', async () => {
    const { store, stateDir, at, isApart, marks } = await storeWithOld();
    await store.add(next.ref);
    const temporary = join(stateDir, 'store/tmp');
    const isCopied = () => readdirSync(temporary).some((name) => existsSync(join(temporary, name, '0')));

    const handing = store.hand(next.ref.digest, [null]);
    while (!isCopied()) await setImmediate();
    const putBack = moveAway(at(next, 'bulk'));
    await handing;

    expect(marks(next)).toEqual([false, true]);
    putBack();
    expect(isApart()).toBe(false);
    await store.hand(next.ref.digest, [null]);
    expect([isApart(), marks(next)]).toEqual([true, [false, false]]);
  });

  it('stay when the old tree goes', async () => {
    const { store } = await storeWithOld();
    await store.add(next.ref);

    await store.collect(new Set([next.ref.digest]));

    expect([await store.has(old.ref.digest), await damaged(store, next)]).toEqual([false, []]);
  });

  it('are mended one tree at a time, by new files: what reads the other one goes on with what it has', async () => {
    const { store, at } = await storeWithOld();
    await store.add(next.ref);
    appendFileSync(at(old, 'bulk'), 'by a hand with all rights');
    expect(await damaged(store, next)).toEqual([{ path: 'bulk', problem: 'changed' }]);

    await store.repair({ tree: next.ref, writable: [] }, { added: 'keep', from: 'anywhere' });

    expect(await damaged(store, next)).toEqual([]);
    expect(await damaged(store, old)).toEqual([{ path: 'bulk', problem: 'changed' }]);
    await store.repair({ tree: old.ref, writable: [] }, { added: 'keep', from: 'local' });
    expect(await damaged(store, old)).toEqual([]);
  });

  it('are copied where they have as many names as the file system lets them, or may have no other', async () => {
    const { store, at, stateDir } = await storeWithOld();
    const canFreeze = spawnSync('chattr', ['+i', at(old, 'lib/kept')]).status === 0;
    onTestFinished(() => void spawnSync('chattr', ['-i', at(old, 'lib/kept')]));
    const isUsedUp = useUp(at(old, 'bulk'), join(stateDir, 'names'));

    expect(await store.add(next.ref)).toMatchObject({ way: 'patch' });

    expect(await damaged(store, next)).toEqual([]);
    if (canFreeze) expect(statSync(at(next, 'lib/kept')).ino).not.toBe(statSync(at(old, 'lib/kept')).ino);
    if (isUsedUp) expect(statSync(at(next, 'bulk')).nlink).toBe(1);
  });
});

/** ext4 lets a file have 65,000 names. */
function useUp(path: string, beside: string): boolean {
  try {
    for (let i = 0; i < 65_001; i++) linkSync(path, `${beside}-${i}`);
    return false;
  } catch {
    return true;
  }
}

describe.skipIf(!isRoot)('a service of another account than the agent’s', () => {
  /** Tried as that account, each with its own word for how it ended. */
  const ATTEMPTS = `
    const fs = require('node:fs');
    const path = process.argv[1];
    const tries = {
      chmod: () => fs.chmodSync(path, 0o666),
      append: () => fs.appendFileSync(path, 'x'),
      truncate: () => fs.truncateSync(path, 1),
      utimes: () => fs.utimesSync(path, 1, 1),
      open: () => fs.openSync(path, 'r+'),
      reopen: () => fs.openSync('/proc/self/fd/' + fs.openSync(path, 'r'), 'r+'),
      rename: () => fs.renameSync(path, path + '.old'),
      unlink: () => fs.unlinkSync(path),
      beside: () => fs.writeFileSync(path + '.new', 'x'),
    };
    const words = Object.entries(tries).map(([name, act]) => {
      try { act(); return name + ' worked'; } catch (error) { return error.code; }
    });
    console.log(JSON.stringify(words));`;

  it('shares its files with the version before, and can write to none of them', async () => {
    const { store, stateDir, at, isShared } = await storeWithOld();
    chmodSync(stateDir, 0o711);
    await store.hand(old.ref.digest, [NOBODY]);
    await store.add(next.ref);
    await store.hand(next.ref.digest, [NOBODY]);
    expect(isShared()).toBe(true);
    const uid = Number(execFileSync('id', ['-u', NOBODY], { encoding: 'utf8' }));

    for (const path of SHARED) {
      const words = ['-e', ATTEMPTS, at(next, path)];
      const tried = spawnSync('/proc/self/exe', words, { uid, gid: uid, cwd: '/', encoding: 'utf8' });
      expect([...new Set(JSON.parse(tried.stdout || JSON.stringify([tried.stderr])))].sort()).toEqual([
        'EACCES',
        'EPERM',
      ]);
    }

    expect([await damaged(store, old), await damaged(store, next)]).toEqual([[], []]);
  });

  it('shares none with one of which a hook runs as the agent', async () => {
    const { store, isApart } = await storeWithOld();
    await store.add(next.ref);

    await store.hand(next.ref.digest, [NOBODY, null]);

    expect(isApart()).toBe(true);
  });

  it.skipIf(noDisk !== null)(
    'has blocks in common with it, not files, where the file system can',
    async () => {
      const directory = temporaryDirectory();
      const disk = await createDiskImage('xfs', directory);
      await disk.mount();
      try {
        const { store, at, isApart } = await storeWithOld({ stateDir: join(disk.mountPoint, 'state') });
        await store.add(next.ref);

        expect([isApart(), await damaged(store, next)]).toEqual([true, []]);
        expect(execFileSync('xfs_bmap', [at(next, 'bulk')], { encoding: 'utf8' }).split('\n')[1]).toBe(
          execFileSync('xfs_bmap', [at(old, 'bulk')], { encoding: 'utf8' }).split('\n')[1],
        );
        writeAt(at(next, 'bulk'), 'r+');
        expect(await damaged(store, old)).toEqual([]);
      } finally {
        await disk.unmount();
      }
    },
  );
});
