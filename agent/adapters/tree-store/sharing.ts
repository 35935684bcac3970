// Taking a tree's files apart from those of others, before anything runs from it that could write to them.
import { lstat, mkdir, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Digest, digestFromHex } from '../../../shared/encoding/digest.ts';
import { systemCode } from '../../../shared/errors/error.ts';
import { syncDirectory } from '../../../shared/node/durable-file.ts';
import { removeAll } from '../../../shared/node/remove-all.ts';
import { createRests } from '../../../shared/node/turns.ts';
import { layOut } from '../../../shared/node/unpack.ts';
import { type TreeFile, type TreeIndex, treeIndexBytes } from '../../../shared/tree/tree-index.ts';
import { recallAccount, uidOf } from '../machine/account.ts';
import { type BuildPlace, buildTree } from './build-tree.ts';
import { copyListed, copyOpen, withDirectory, withFile } from './held-directory.ts';
import { FILES_DIRECTORY, readIndex, SHAREABLE_FILE, type StoreLayout } from './layout.ts';
import { asideIn, isHeld, placeOf, putBeside } from './places.ts';
import { isMarked, mayBeThere, noteHanded } from './shareable.ts';
import { syncTree } from './sync-tree.ts';
import { isRealDirectory } from './verify-tree.ts';

/** In its place until all files are taken apart: what is half done, as after a kill, is done again. */
const PARTING_FILE = 'parting';
const READ_BYTES = 2 ** 20;

export interface Handing extends Pick<BuildPlace, 'diskSpace'> {
  readonly layout: StoreLayout;
}

/**
 * Before anything runs from it. What one of the accounts could write to is this tree's alone from here on, for good: a program
 * may hold it open for longer than it is deployed. True where the tree stands elsewhere since. Errors: disk/full, and those
 * of the file system.
 */
export async function handTree(
  handing: Handing,
  tree: Digest,
  accounts: readonly (string | null)[],
): Promise<boolean> {
  if (!(await mayOneWrite(accounts))) return false;
  const isMoved = await unshare(handing, tree);
  await noteHanded(handing.layout, tree);
  return isMoved;
}

async function unshare({ layout, diskSpace }: Handing, tree: Digest): Promise<boolean> {
  const place = placeOf(layout, tree);
  const hasMark =
    (await mayBeThere(join(place, SHAREABLE_FILE))) || (await mayBeThere(join(place, PARTING_FILE)));
  if (!hasMark) return false;
  try {
    await takeApart(layout, place, tree);
    return false;
  } catch (cause) {
    // What is immutable now may be written to later, and a forced patch does not wait for whoever made it so.
    if (!isHeld(cause)) throw cause;
    // The mark may stay: whoever is about to link its files hears of it all the same.
    await noteHanded(layout, tree);
    return await copyBeside({ layout, diskSpace }, place, tree);
  }
}

/** Nothing runs from the others, and nothing returns to them. Of what is here without a mark, an agent of an earlier version handed over what it liked. */
export async function keepHanded(layout: StoreLayout, kept: ReadonlySet<Digest>): Promise<void> {
  for (const name of await readdir(layout.handed).catch(() => [])) {
    if (!kept.has(digestFromHex(name))) await removeAll(join(layout.handed, name));
  }
  for (const tree of kept) {
    const place = placeOf(layout, tree);
    if ((await isRealDirectory(place)) && !(await isMarked(place))) await noteHanded(layout, tree);
  }
}

async function takeApart(layout: StoreLayout, place: string, tree: Digest): Promise<void> {
  await rename(join(place, SHAREABLE_FILE), join(place, PARTING_FILE)).catch((cause: unknown) => {
    if (systemCode(cause) !== 'ENOENT') throw cause;
  });
  await syncDirectory(place);
  if (!(await partFiles(layout, place, tree))) return;
  await unlink(join(place, PARTING_FILE));
  await syncDirectory(place);
}

/** All of it once more, with files of its own; where it stood it is left until the next collection. */
async function copyBeside({ layout, diskSpace }: Handing, place: string, tree: Digest): Promise<boolean> {
  const index = await readIndex(place, tree);
  // Of what is no tree any more nothing can be told apart; it is found when it is verified.
  if (index === null) return false;
  const staging = asideIn(layout);
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const built = { staging, diskSpace, shareable: false };
  await buildTree({ index, indexBytes: treeIndexBytes(index) }, built, (files) =>
    layOut(index, files, async ({ all }) => {
      await all;
      await eachFile(place, index, async (path, entry) => {
        return await withFile(path, async (file) => {
          const copy = join(files, entry.path);
          // What a service owns is not what was listed, and its own; under other names it may be anybody's.
          if ((await file.stat()).nlink > 1) return await copyListed(file, copy, entry, buffer);
          await copyOpen(file, copy, entry);
          return true;
        });
      });
    }),
  );
  await putBeside(layout, tree, staging);
  return true;
}

/** The files are the agent's: it may, and the administrator. What cannot be told counts as one of them. */
async function mayOneWrite(accounts: readonly (string | null)[]): Promise<boolean> {
  const agent = process.getuid?.() ?? 0;
  for (const account of accounts) {
    const uid = await recallAccount(account, account ?? '').then(uidOf, () => agent);
    if (uid === agent || uid === 0) return true;
  }
  return false;
}

/**
 * In directories that are held open; what lies in one that is not there as it was built is passed over: that is found when the
 * tree is verified. True where each of them was there, and `act` said so of it.
 */
async function eachFile(
  place: string,
  { entries }: Pick<TreeIndex, 'entries'>,
  act: (path: string, file: TreeFile) => Promise<boolean | null>,
): Promise<boolean> {
  const rest = createRests();
  const files = entries.filter((entry) => entry.kind === 'file');
  let left = files.length;
  for (const [below, inside] of Map.groupBy(files, ({ path }) => dirname(path))) {
    await withDirectory(join(place, FILES_DIRECTORY), below, async (held) => {
      for (const file of inside) {
        if ((await act(join(held, basename(file.path)), file)) === true) left--;
        await rest();
      }
    });
  }
  return left === 0;
}

/**
 * All copies are durable before the first of them has its name: no power cut leaves an empty file there. False where a file was
 * not there, or is another account's or not what was signed, under other names too: it may be put back, as what it was.
 */
async function partFiles(layout: StoreLayout, place: string, tree: Digest): Promise<boolean> {
  const index = await readIndex(place, tree);
  if (index === null) return false;
  const aside = asideIn(layout);
  await mkdir(aside, { mode: 0o700 });
  try {
    const { copies, isAll } = await copyShared(place, index, aside);
    if (copies.size === 0) return isAll;
    await syncTree(
      aside,
      Array.from(copies.values(), ({ copy }) => copy),
    );
    const isEachPut = await eachFile(place, { entries: [...copies.keys()] }, async (path, file) => {
      const { copy, ino } = copies.get(file) as Copy;
      if ((await lstat(path).catch(() => null))?.ino !== ino) return false;
      await rename(copy, path);
      return true;
    });
    const directories = [...copies.keys()].map(({ path }) => dirname(join(place, FILES_DIRECTORY, path)));
    await syncTree(place, new Set(directories));
    return isAll && isEachPut;
  } finally {
    await removeAll(aside);
  }
}

interface Copy {
  readonly copy: string;
  /** Of what was copied. */
  readonly ino: number;
}

async function copyShared(
  place: string,
  index: TreeIndex,
  aside: string,
): Promise<{ readonly copies: ReadonlyMap<TreeFile, Copy>; readonly isAll: boolean }> {
  const copies = new Map<TreeFile, Copy>();
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const isAll = await eachFile(place, index, async (path, entry) => {
    return await withFile(path, async (file) => {
      const { ino, nlink, uid } = await file.stat();
      if (nlink === 1) return true;
      if (uid !== process.getuid?.()) return false;
      const copy = join(aside, String(copies.size));
      const isCopied = await copyListed(file, copy, entry, buffer);
      if (isCopied) copies.set(entry, { copy, ino });
      return isCopied;
    });
  });
  return { copies, isAll };
}
