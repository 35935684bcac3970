// Repairs a stored tree: each damaged part is replaced by what the index lists, from other trees here or from the pack.
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, lstat, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestFromHex, digestOf, hexOf } from '../../../shared/encoding/digest.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import {
  parseTreeIndex,
  type TreeEntry,
  type TreeFile,
  type TreeIndex,
} from '../../../shared/tree/tree-index.ts';
import { type AddTreeOptions, stageTree } from './add-tree.ts';
import { FILES_DIRECTORY, INDEX_FILE, type StoreLayout, storedMode, TREE_DIRECTORY_MODE } from './layout.ts';
import { syncTree } from './sync-tree.ts';
import { compareTree, isFileAsListed } from './verify-tree.ts';

/** Where the parts come from: a file's path by what it must hold; null when it is nowhere. */
type FindFile = (file: TreeFile) => Promise<string | null>;

/**
 * Every part is replaced by one rename, so whatever runs from the tree sees the old or the new one. What no other tree
 * holds is fetched. Errors: tree/*, transport/*, disk/*, and the file system's own; what was repaired by then stays so.
 */
export async function repairTree(ref: TreeRef, options: AddTreeOptions): Promise<void> {
  const { layout } = options;
  const index = await readIndex(join(layout.trees, hexOf(ref.digest)), ref.digest);
  const lacking = index === null || (await repairFrom(ref, index, layout, findIn(layout, ref)));
  if (!lacking) return;
  await stageTree(ref, options, async (staging) => {
    const indexBytes = await readIfPresent(join(staging, INDEX_FILE));
    if (indexBytes === null) return;
    const copy = await copyAside(layout, join(staging, INDEX_FILE), 0o444);
    await rename(copy, join(layout.trees, hexOf(ref.digest), INDEX_FILE));
    const staged = async (file: TreeFile) => join(staging, FILES_DIRECTORY, file.path);
    await repairFrom(ref, parseTreeIndex(indexBytes), layout, staged);
  });
}

/** True when something is still lacking. */
async function repairFrom(
  ref: TreeRef,
  index: TreeIndex,
  layout: StoreLayout,
  find: FindFile,
): Promise<boolean> {
  const tree = join(layout.trees, hexOf(ref.digest));
  const files = join(tree, FILES_DIRECTORY);
  const listed = new Map(index.entries.map((entry) => [entry.path, entry]));
  let lacking = false;
  const touched = new Set([files]);
  await mkdir(files, { recursive: true });
  for (const directory of [tree, files]) await chmod(directory, TREE_DIRECTORY_MODE);
  // Sorted by path: a directory stands before what it holds.
  for (const { path, problem } of await compareTree(index, files)) {
    const entry = listed.get(path) ?? ({ kind: 'directory', path } as const);
    if (problem === 'unexpected') await discard(layout, join(files, path));
    else if (!(await replace(layout, files, entry, find))) lacking = true;
    touched.add(dirname(join(files, path)));
  }
  await syncTree(tree, touched);
  return lacking;
}

async function replace(
  layout: StoreLayout,
  files: string,
  entry: TreeEntry,
  find: FindFile,
): Promise<boolean> {
  const place = join(files, entry.path);
  const made = await makeAside(layout, entry, find);
  if (made === null) return false;
  const found = await lstat(place).catch(() => null);
  // A rename replaces a file or a link in one step, a directory never.
  if (found?.isDirectory() || (found !== null && entry.kind === 'directory')) await discard(layout, place);
  await rename(made, place);
  return true;
}

async function makeAside(layout: StoreLayout, entry: TreeEntry, find: FindFile): Promise<string | null> {
  const aside = asideIn(layout);
  switch (entry.kind) {
    case 'directory':
      await mkdir(aside);
      await chmod(aside, TREE_DIRECTORY_MODE);
      return aside;
    case 'link':
      await symlink(entry.target, aside);
      return aside;
    case 'file': {
      const source = await find(entry);
      return source === null ? null : copyAside(layout, source, storedMode(entry.mode));
    }
  }
}

/** Other trees of the store, each file of theirs hashed before it is trusted. */
function findIn(layout: StoreLayout, ref: TreeRef): FindFile {
  return async (file) => {
    for (const name of await readdir(layout.trees)) {
      if (name === hexOf(ref.digest)) continue;
      const index = await readIndex(join(layout.trees, name), digestFromHex(name));
      for (const entry of index?.entries ?? []) {
        if (entry.kind !== 'file' || entry.digest !== file.digest) continue;
        const path = join(layout.trees, name, FILES_DIRECTORY, entry.path);
        if (await isFileAsListed(path, entry, Buffer.allocUnsafe(2 ** 20)).catch(() => false)) return path;
      }
    }
    return null;
  };
}

/** Null when it is gone or not what was signed. */
async function readIndex(tree: string, digest: string): Promise<TreeIndex | null> {
  const bytes = await readIfPresent(join(tree, INDEX_FILE));
  return bytes === null || digestOf(bytes) !== digest ? null : parseTreeIndex(bytes);
}

async function copyAside(layout: StoreLayout, source: string, mode: number): Promise<string> {
  const aside = asideIn(layout);
  await copyFile(source, aside);
  await chmod(aside, mode);
  return aside;
}

async function discard(layout: StoreLayout, path: string): Promise<void> {
  const aside = asideIn(layout);
  // What lay in a directory that is gone already went with it.
  const gone = await rename(path, aside).catch((cause: NodeJS.ErrnoException) => cause.code);
  if (gone !== undefined && gone !== 'ENOENT') throw new Error(`cannot move ${path} away: ${gone}`);
  await rm(aside, { recursive: true, force: true });
}

// Whatever a kill leaves here is removed by the next collection.
function asideIn({ temporary }: StoreLayout): string {
  return join(temporary, `repair.${randomBytes(6).toString('hex')}`);
}
