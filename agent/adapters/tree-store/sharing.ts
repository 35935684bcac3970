// Which trees may share files with others: those from which nothing has run that could write to them.
import { chmod, copyFile, lstat, realpath, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { systemCode } from '../../../shared/errors/error.ts';
import { syncDirectory } from '../../../shared/node/durable-file.ts';
import { createRests } from '../../../shared/node/turns.ts';
import { storedMode } from '../../../shared/node/unpack.ts';
import type { TreeFile } from '../../../shared/tree/tree-index.ts';
import { resolveAccount, uidOf } from '../machine/account.ts';
import { FILES_DIRECTORY, isShareable, readIndex, SHAREABLE_FILE, type StoreLayout } from './layout.ts';
import { asideIn, placeOf } from './places.ts';
import { syncTree } from './sync-tree.ts';

/** In its place while files are being taken apart: what a kill leaves half done is done again. */
const PARTING_FILE = 'parting';

/**
 * Before anything runs from it. What one of the accounts could write to is this tree's alone from here on, for good: a program
 * may hold it open for longer than it is deployed. Errors: those of the file system.
 */
export async function handTree(
  layout: StoreLayout,
  tree: Digest,
  accounts: readonly (string | null)[],
): Promise<void> {
  const place = placeOf(layout, tree);
  const isMarked =
    (await isShareable(place)) || (await lstat(join(place, PARTING_FILE)).catch(() => null)) !== null;
  if (!isMarked || !(await mayOneWrite(accounts))) return;
  await rename(join(place, SHAREABLE_FILE), join(place, PARTING_FILE)).catch((cause: unknown) => {
    if (systemCode(cause) !== 'ENOENT') throw cause;
  });
  await syncDirectory(place);
  const parted = await partFiles(layout, place, tree);
  if (parted.length > 0) await syncTree(place, parted);
  await unlink(join(place, PARTING_FILE));
  await syncDirectory(place);
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

/** What is not there as it was built is nobody else's; it is found when the tree is verified. */
async function partFile(layout: StoreLayout, path: string, file: TreeFile): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  if (!found?.isFile() || found.nlink === 1 || found.uid !== process.getuid?.()) return false;
  // A service may have put a link in the place of a directory that it owns.
  if ((await realpath(path)) !== path) return false;
  const aside = asideIn(layout);
  await copyFile(path, aside);
  await chmod(aside, storedMode(file.mode));
  return rename(aside, path).then(
    () => true,
    async (cause: unknown) => {
      await unlink(aside);
      // An immutable file can be written to by nobody, and a forced patch does not wait for it.
      if (systemCode(cause) === 'EPERM') return false;
      throw cause;
    },
  );
}
