// Which trees may share files with others: those from which nothing has run that could write to them.
import type { Stats } from 'node:fs';
import { chmod, copyFile, lstat, realpath, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { systemCode } from '../../../shared/errors/error.ts';
import { syncDirectory } from '../../../shared/node/durable-file.ts';
import { createRests } from '../../../shared/node/turns.ts';
import { layOut, storedMode } from '../../../shared/node/unpack.ts';
import { type TreeFile, treeIndexBytes } from '../../../shared/tree/tree-index.ts';
import { resolveAccount, uidOf } from '../machine/account.ts';
import { type BuildPlace, buildTree } from './build-tree.ts';
import { FILES_DIRECTORY, isShareable, readIndex, SHAREABLE_FILE, type StoreLayout } from './layout.ts';
import { asideIn, isHeld, placeOf, putBeside } from './places.ts';
import { syncTree } from './sync-tree.ts';

/** In its place while files are being taken apart: what a kill leaves half done is done again. */
const PARTING_FILE = 'parting';

export interface Handing extends Pick<BuildPlace, 'diskSpace'> {
  readonly layout: StoreLayout;
}

/**
 * Before anything runs from it. What one of the accounts could write to is this tree's alone from here on, for good: a program
 * may hold it open for longer than it is deployed. True where the tree stands elsewhere since. Errors: disk/full, and those
 * of the file system.
 */
export async function handTree(
  { layout, diskSpace }: Handing,
  tree: Digest,
  accounts: readonly (string | null)[],
): Promise<boolean> {
  const place = placeOf(layout, tree);
  const isMarked =
    (await isShareable(place)) || (await lstat(join(place, PARTING_FILE)).catch(() => null)) !== null;
  if (!isMarked || !(await mayOneWrite(accounts))) return false;
  try {
    await takeApart(layout, place, tree);
    return false;
  } catch (cause) {
    // What is immutable now may be written to later, and a forced patch does not wait for whoever made it so.
    if (!isHeld(cause)) throw cause;
    return await copyBeside({ layout, diskSpace }, place, tree);
  }
}

async function takeApart(layout: StoreLayout, place: string, tree: Digest): Promise<void> {
  await rename(join(place, SHAREABLE_FILE), join(place, PARTING_FILE)).catch((cause: unknown) => {
    if (systemCode(cause) !== 'ENOENT') throw cause;
  });
  await syncDirectory(place);
  const parted = await partFiles(layout, place, tree);
  if (parted.length > 0) await syncTree(place, parted);
  await unlink(join(place, PARTING_FILE));
  await syncDirectory(place);
}

/** All of it once more, with files of its own; where it stood it is left until the next collection. */
async function copyBeside({ layout, diskSpace }: Handing, place: string, tree: Digest): Promise<boolean> {
  const index = await readIndex(place, tree);
  // Of what is no tree any more nothing can be told apart; it is found when it is verified.
  if (index === null) return false;
  const from = await realpath(join(place, FILES_DIRECTORY));
  const staging = asideIn(layout);
  const rest = createRests();
  await buildTree({ index, indexBytes: treeIndexBytes(index) }, { staging, diskSpace }, (files) =>
    layOut(index, files, async () => {
      for (const entry of index.entries) {
        if (entry.kind !== 'file') continue;
        const path = join(from, entry.path);
        if ((await findPlain(path)) !== null) await copyWithMode(path, join(files, entry.path), entry);
        await rest();
      }
    }),
  );
  await unlink(join(staging, SHAREABLE_FILE));
  await syncDirectory(staging);
  await putBeside(layout, tree, staging);
  return true;
}

/** The files are the agent's: it may, and the administrator. What cannot be told counts as one of them. */
async function mayOneWrite(accounts: readonly (string | null)[]): Promise<boolean> {
  const agent = process.getuid?.() ?? 0;
  for (const account of accounts) {
    const uid = await resolveAccount(account, account ?? '').then(uidOf, () => agent);
    if (uid === agent || uid === 0) return true;
  }
  return false;
}

/** Answers what is durable once it is synced. */
async function partFiles(layout: StoreLayout, place: string, tree: Digest): Promise<readonly string[]> {
  const files = await realpath(join(place, FILES_DIRECTORY));
  const rest = createRests();
  const parted: string[] = [];
  for (const entry of (await readIndex(place, tree))?.entries ?? []) {
    const path = join(files, entry.path);
    if (entry.kind === 'file' && (await partFile(layout, path, entry))) parted.push(path, dirname(path));
    await rest();
  }
  return parted;
}

async function partFile(layout: StoreLayout, path: string, file: TreeFile): Promise<boolean> {
  const found = await findPlain(path);
  if (found === null || found.nlink === 1 || found.uid !== process.getuid?.()) return false;
  const aside = asideIn(layout);
  await copyWithMode(path, aside, file);
  try {
    await rename(aside, path);
    return true;
  } catch (cause) {
    await unlink(aside);
    throw cause;
  }
}

/** Null for what is not there as it was built: that is found when the tree is verified. */
async function findPlain(path: string): Promise<Stats | null> {
  const found = await lstat(path).catch(() => null);
  // A service may have put a link in the place of a directory that it owns.
  return found?.isFile() && (await realpath(path)) === path ? found : null;
}

async function copyWithMode(path: string, copy: string, { mode }: TreeFile): Promise<void> {
  await copyFile(path, copy);
  await chmod(copy, storedMode(mode));
}
