// Repairs a stored tree: each damaged part is replaced by what the index lists, from other trees here or from the pack.
import { chmod, copyFile, lstat, mkdir, readdir, rename, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, digestFromHex } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { parseIndexInTurns } from '../../../shared/node/pack-source.ts';
import { storedMode, TREE_DIRECTORY_MODE } from '../../../shared/node/unpack.ts';
import type { TreeEntry, TreeFile, TreeIndex } from '../../../shared/tree/tree-index.ts';
import type { ReleaseFiles, RepairHow } from '../../ports/state.ts';
import { type AddTreeOptions, stageTree } from './add-tree.ts';
import { FILES_DIRECTORY, INDEX_FILE, readIndex, readIndexBytes, type StoreLayout } from './layout.ts';
import { asideIn, discard, placeOf, putInPlace } from './places.ts';
import { syncTree } from './sync-tree.ts';
import { compareTree, isFileAsListed, isRealDirectory } from './verify-tree.ts';

/** Where the parts come from: a file's path by what it must hold; null when it is nowhere. */
type FindFile = (file: TreeFile) => Promise<string | null>;

interface Repair extends AddTreeOptions {
  readonly files: ReleaseFiles;
  readonly how: RepairHow;
}

/**
 * Every part is replaced by one rename, never in place: whatever runs from the tree sees the old or the new one, and an
 * inode may belong to another tree as well. What no other tree holds is fetched; with `local` it stays as it is.
 * Errors: tree/*, transport/*, disk/*, and the file system's own; what was repaired by then stays so.
 */
export async function repairTree(
  files: ReleaseFiles,
  how: RepairHow,
  options: AddTreeOptions,
): Promise<void> {
  const repair = { ...options, files, how };
  // Nothing runs from it and part by part will not do, such as where a file is immutable: then all of it at once.
  const mayReplace = how.added === 'remove' && how.from === 'anywhere';
  try {
    await repairParts(repair);
  } catch (cause) {
    if (!mayReplace || isFairleadError(cause)) throw cause;
  }
  if (mayReplace && !(await isWhole(repair))) await replaceTree(repair);
}

async function repairParts(repair: Repair): Promise<void> {
  const { layout, files } = repair;
  const place = placeIn(repair);
  const index = await readIndex(place, files.tree.digest);
  const lacking = index === null || (await repairFrom(repair, index, createFinder(layout)));
  if (!lacking || repair.how.from === 'local') return;
  await stageTree(files.tree, repair, async (staging) => {
    const indexBytes = await readIndexBytes(staging);
    if (indexBytes === null) return;
    const copy = await copyAside(layout, join(staging, INDEX_FILE), 0o444);
    await discardUnless(layout, join(place, INDEX_FILE), 'no directory');
    await rename(copy, join(place, INDEX_FILE));
    const staged = async (file: TreeFile) => join(staging, FILES_DIRECTORY, file.path);
    await repairFrom(repair, await parseIndexInTurns(indexBytes), staged);
  });
}

/** True when something is still lacking. */
async function repairFrom(repair: Repair, index: TreeIndex, find: FindFile): Promise<boolean> {
  const { layout, how } = repair;
  const place = placeIn(repair);
  const files = join(place, FILES_DIRECTORY);
  const listed = new Map(index.entries.map((entry) => [entry.path, entry]));
  let lacking = false;
  const touched = new Set([files]);
  await discardUnless(layout, files, 'directory');
  await mkdir(files, { recursive: true });
  for (const directory of [place, files]) await chmod(directory, TREE_DIRECTORY_MODE);
  // Sorted by path: a directory stands before what it holds.
  for (const { path, problem } of await compareTree(index, files, repair.files.writable)) {
    const entry = listed.get(path) ?? ({ kind: 'directory', path } as const);
    if (problem === 'unexpected') {
      if (how.added === 'keep') continue;
      await discard(layout, join(files, path));
    } else if (!(await replace(layout, files, entry, find))) lacking = true;
    touched.add(dirname(join(files, path)));
  }
  await syncTree(place, touched);
  return lacking;
}

async function replace(
  layout: StoreLayout,
  files: string,
  entry: TreeEntry,
  find: FindFile,
): Promise<boolean> {
  const place = join(files, entry.path);
  if (entry.kind === 'directory' && (await isRealDirectory(place))) {
    // Only its mode can be wrong, and no directory belongs to two trees.
    await chmod(place, TREE_DIRECTORY_MODE);
    return true;
  }
  const made = await makeAside(layout, entry, find);
  if (made === null) return false;
  // A rename replaces a file or a link in one step, a directory never.
  await discardUnless(layout, place, entry.kind === 'directory' ? 'directory' : 'no directory');
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

/** The tree is out of its place for as long as two renames take: nothing runs from it. */
async function replaceTree(repair: Repair): Promise<void> {
  const { layout, files, onLeft } = repair;
  await stageTree(files.tree, repair, (staging) => putInPlace(layout, files.tree.digest, staging, onLeft));
}

async function isWhole({ layout, files }: Repair): Promise<boolean> {
  const place = placeIn({ layout, files });
  const index = await readIndex(place, files.tree.digest);
  if (index === null) return false;
  return (await compareTree(index, join(place, FILES_DIRECTORY), files.writable)).length === 0;
}

/** Every tree of the store, the damaged one too: each file is hashed before it is trusted. */
function createFinder(layout: StoreLayout): FindFile {
  let known: Promise<ReadonlyMap<Digest, readonly Candidate[]>> | null = null;
  const buffer = Buffer.allocUnsafe(2 ** 20);
  return async (file) => {
    known ??= listCandidates(layout);
    for (const { path, entry } of (await known).get(file.digest) ?? []) {
      if (await isFileAsListed(path, entry, buffer).catch(() => false)) return path;
    }
    return null;
  };
}

interface Candidate {
  readonly path: string;
  readonly entry: TreeFile;
}

async function listCandidates(layout: StoreLayout): Promise<ReadonlyMap<Digest, readonly Candidate[]>> {
  const candidates: Candidate[] = [];
  for (const name of await readdir(layout.trees)) {
    const index = await readIndex(join(layout.trees, name), digestFromHex(name.slice(0, 64))).catch(
      () => null,
    );
    for (const entry of index?.entries ?? []) {
      if (entry.kind !== 'file') continue;
      candidates.push({ path: join(layout.trees, name, FILES_DIRECTORY, entry.path), entry });
    }
  }
  return Map.groupBy(candidates, ({ entry }) => entry.digest);
}

function placeIn({ layout, files }: Pick<Repair, 'layout' | 'files'>): string {
  return placeOf(layout, files.tree.digest);
}

async function copyAside(layout: StoreLayout, source: string, mode: number): Promise<string> {
  const aside = asideIn(layout);
  await copyFile(source, aside);
  await chmod(aside, mode);
  return aside;
}

async function discardUnless(
  layout: StoreLayout,
  path: string,
  wanted: 'directory' | 'no directory',
): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  const isWanted = wanted === 'directory' ? found.isDirectory() : !found.isDirectory();
  if (!isWanted) await discard(layout, path);
}
