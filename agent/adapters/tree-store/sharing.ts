// Which trees may share files with others: those from which nothing has run that could write to them.
import { lstat, mkdir, readdir, rename, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Digest, digestFromHex, hexOf } from '../../../shared/encoding/digest.ts';
import { systemCode } from '../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory } from '../../../shared/node/durable-file.ts';
import { removeAll } from '../../../shared/node/remove-all.ts';
import { createRests } from '../../../shared/node/turns.ts';
import { layOut } from '../../../shared/node/unpack.ts';
import { type TreeFile, type TreeIndex, treeIndexBytes } from '../../../shared/tree/tree-index.ts';
import { resolveAccount, uidOf } from '../machine/account.ts';
import { type BuildPlace, buildTree } from './build-tree.ts';
import { copyListed, copyOpen, withDirectory, withFile } from './held-directory.ts';
import { FILES_DIRECTORY, isShareable, readIndex, SHAREABLE_FILE, type StoreLayout } from './layout.ts';
import { asideIn, isHeld, placeOf, putBeside } from './places.ts';
import { syncTree } from './sync-tree.ts';

/** In its place while files are being taken apart: what a kill leaves half done is done again. */
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
  const isMarked =
    (await isShareable(place)) || (await lstat(join(place, PARTING_FILE)).catch(() => null)) !== null;
  if (!isMarked) return false;
  try {
    await takeApart(layout, place, tree);
    return false;
  } catch (cause) {
    // What is immutable now may be written to later, and a forced patch does not wait for whoever made it so.
    if (!isHeld(cause)) throw cause;
    return await copyBeside({ layout, diskSpace }, place, tree);
  }
}

/** Where its files were lost and are fetched again it may be started as before, with no deployment to hand it over. */
async function noteHanded(layout: StoreLayout, tree: Digest): Promise<void> {
  if (await wasHanded(layout, tree)) return;
  await makeDirectory(layout.handed);
  await writeFile(join(layout.handed, hexOf(tree)), '');
  await syncDirectory(layout.handed);
}

export async function wasHanded({ handed }: StoreLayout, tree: Digest): Promise<boolean> {
  return (await lstat(join(handed, hexOf(tree))).catch(() => null)) !== null;
}

/** Of trees that nothing runs from and nothing returns to. */
export async function forgetHanded(
  { handed }: StoreLayout,
  isKept: (tree: Digest) => boolean,
): Promise<void> {
  for (const name of await readdir(handed).catch(() => [])) {
    if (!isKept(digestFromHex(name))) await removeAll(join(handed, name));
  }
}

async function takeApart(layout: StoreLayout, place: string, tree: Digest): Promise<void> {
  await rename(join(place, SHAREABLE_FILE), join(place, PARTING_FILE)).catch((cause: unknown) => {
    if (systemCode(cause) !== 'ENOENT') throw cause;
  });
  await syncDirectory(place);
  await partFiles(layout, place, tree);
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
    layOut(index, files, () =>
      eachFile(place, index, async (path, entry) => {
        await withFile(path, async (file) => {
          const copy = join(files, entry.path);
          // What a service owns is not what was listed, and its own; under other names it may be anybody's.
          if ((await file.stat()).nlink === 1) await copyOpen(file, copy, entry);
          else await copyListed(file, copy, entry, buffer);
        });
      }),
    ),
  );
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

/** In directories that are held open; what lies in one that is not there as it was built is passed over: that is found when the tree is verified. */
async function eachFile(
  place: string,
  { entries }: Pick<TreeIndex, 'entries'>,
  act: (path: string, file: TreeFile) => Promise<void>,
): Promise<void> {
  const rest = createRests();
  const files = entries.filter((entry) => entry.kind === 'file');
  for (const [below, inside] of Map.groupBy(files, ({ path }) => dirname(path))) {
    await withDirectory(join(place, FILES_DIRECTORY), below, async (held) => {
      for (const file of inside) {
        await act(join(held, basename(file.path)), file);
        await rest();
      }
    });
  }
}

/** All copies are durable before the first of them has its name: no power cut leaves an empty file there. */
async function partFiles(layout: StoreLayout, place: string, tree: Digest): Promise<void> {
  const index = await readIndex(place, tree);
  if (index === null) return;
  const aside = asideIn(layout);
  await mkdir(aside, { mode: 0o700 });
  try {
    const copies = await copyShared(place, index, aside);
    if (copies.size === 0) return;
    await syncTree(
      aside,
      Array.from(copies.values(), ({ copy }) => copy),
    );
    await eachFile(place, { entries: [...copies.keys()] }, async (path, file) => {
      const { copy, ino } = copies.get(file) as Copy;
      if ((await lstat(path).catch(() => null))?.ino === ino) await rename(copy, path);
    });
    const directories = [...copies.keys()].map(({ path }) => dirname(join(place, FILES_DIRECTORY, path)));
    await syncTree(place, new Set(directories));
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
): Promise<ReadonlyMap<TreeFile, Copy>> {
  const copies = new Map<TreeFile, Copy>();
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  await eachFile(place, index, async (path, entry) => {
    await withFile(path, async (file) => {
      const { ino, nlink, uid } = await file.stat();
      if (nlink === 1 || uid !== process.getuid?.()) return;
      const copy = join(aside, String(copies.size));
      if (await copyListed(file, copy, entry, buffer)) copies.set(entry, { copy, ino });
    });
  });
  return copies;
}
