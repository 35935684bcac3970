// A directory of a tree, held open: what lies in it is reached through it, whatever a service puts in the place of a directory that it owns.
import { constants } from 'node:fs';
import { chmod, copyFile, type FileHandle, open, unlink } from 'node:fs/promises';
import { storedMode } from '../../../shared/node/unpack.ts';
import type { TreeFile } from '../../../shared/tree/tree-index.ts';
import { isFileAsListed } from './listed-file.ts';
import { changeBehind } from './verify-tree.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/** `below` is a path of the tree, or '.'. Null where the directory is not there as it was built: no link is followed to it. */
export async function withDirectory<Result>(
  root: string,
  below: string,
  use: (held: string) => Promise<Result>,
): Promise<Result | null> {
  const directory = await orChanged(openBelow(root, below));
  if (directory === null) return null;
  try {
    return await use(pathOf(directory));
  } finally {
    await directory.close();
  }
}

async function openBelow(root: string, below: string): Promise<FileHandle> {
  let held = await open(root, DIRECTORY);
  for (const name of below === '.' ? [] : below.split('/')) {
    const next = await open(`${pathOf(held)}/${name}`, DIRECTORY).finally(() => held.close());
    held = next;
  }
  return held;
}

function pathOf({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`;
}

/** A file as it was built, in a directory that is held; null for whatever else stands there. */
export async function withFile<Result>(
  path: string,
  use: (file: FileHandle) => Promise<Result>,
): Promise<Result | null> {
  const file = await orChanged(open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (file === null) return null;
  try {
    return (await file.stat()).isFile() ? await use(file) : null;
  } finally {
    await file.close();
  }
}

/** With the mode that the index lists. */
export async function copyOpen(from: FileHandle, copy: string, { mode }: TreeFile): Promise<void> {
  await copyFile(pathOf(from), copy);
  await chmod(copy, storedMode(mode));
}

/** False, and no copy, where it is not what the index lists: what was read, not what stood there before. */
export async function copyListed(
  from: FileHandle,
  copy: string,
  file: TreeFile,
  buffer: Buffer,
): Promise<boolean> {
  if ((await from.stat()).size !== file.size) return false;
  let isCopied = false;
  try {
    await copyOpen(from, copy, file);
    isCopied = await isFileAsListed(copy, file, buffer);
  } finally {
    if (!isCopied) await unlink(copy).catch(() => undefined);
  }
  return isCopied;
}

async function orChanged(opening: Promise<FileHandle>): Promise<FileHandle | null> {
  try {
    return await opening;
  } catch (cause) {
    if (changeBehind(cause) === null) throw cause;
    return null;
  }
}
