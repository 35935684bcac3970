// Repairs a stored tree: each damaged part is replaced by what the index lists, from other trees here or from the pack.
import { chmod, lstat, mkdir, readdir, rename, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { isFairleadError, systemCode } from '../../../shared/errors/error.ts';
import { parseIndexInTurns } from '../../../shared/node/pack-source.ts';
import { TREE_DIRECTORY_MODE } from '../../../shared/node/tree-places.ts';
import type { TreeEntry, TreeFile, TreeIndex } from '../../../shared/tree/tree-index.ts';
import type { ReleaseFiles, RepairHow } from '../../ports/state.ts';
import { type AddTreeOptions, stageTree } from './add-tree.ts';
import { copyListed, withDirectory, withFile } from './held-directory.ts';
import { FILES_DIRECTORY, INDEX_FILE, readIndex, readIndexBytes, type StoreLayout } from './layout.ts';
import { asideIn, discard, placeOf, putInPlace, treeOf } from './places.ts';
import { mayShare } from './shareable.ts';
import { syncTree } from './sync-tree.ts';
import { compareTree, isRealDirectory } from './verify-tree.ts';

/** Where the parts come from: copies a file that holds what it must to a path that is free; false when it is nowhere. */
type FindFile = (file: TreeFile, copy: string) => Promise<boolean>;

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
  options: Omit<AddTreeOptions, 'shareable'>,
): Promise<void> {
  const shareable = await mayShare(options.layout, files.tree.digest);
  const repair = { ...options, files, how, shareable };
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
    await discardUnless(layout, join(place, INDEX_FILE), 'no directory');
    await rename(join(staging, INDEX_FILE), join(place, INDEX_FILE));
    const staged = createCopier(async ({ path }) => [{ files: join(staging, FILES_DIRECTORY), path }]);
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
  const touched = new Set([place, files]);
  await discardUnless(layout, files, 'directory');
  await mkdir(files, { recursive: true });
  for (const directory of [place, files]) await chmod(directory, TREE_DIRECTORY_MODE);
  // Sorted by path: a directory stands before what it holds.
  for (const { path, problem } of await compareTree(index, files, { writable: repair.files.writable })) {
    const entry = listed.get(path) ?? ({ kind: 'directory', path } as const);
    if (problem === 'unexpected' && how.added === 'keep') continue;
    // A service that ran from it under another release may own the directory, and move it while this goes on.
    const isMended = await withDirectory(files, dirname(path), async (held) => {
      const part = join(held, basename(path));
      if (problem !== 'unexpected') return await replace(layout, part, entry, find);
      await discard(layout, part);
      return true;
    });
    if (isMended !== true) lacking = true;
    else if (problem !== 'unexpected' && entry.kind !== 'link') touched.add(join(files, path));
    touched.add(dirname(join(files, path)));
  }
  await syncTree(place, touched);
  return lacking;
}

async function replace(
  layout: StoreLayout,
  place: string,
  entry: TreeEntry,
  find: FindFile,
): Promise<boolean> {
  // Only its mode can be wrong, and no directory belongs to two trees.
  if (entry.kind === 'directory' && (await setDirectoryMode(place))) return true;
  const made = await makeAside(layout, entry, find);
  if (made === null) return false;
  // A rename replaces a file or a link in one step, a directory never.
  await discardUnless(layout, place, entry.kind === 'directory' ? 'directory' : 'no directory');
  await rename(made, place);
  return true;
}

/** False where there is none. */
async function setDirectoryMode(place: string): Promise<boolean> {
  const isSet = await withDirectory(place, '.', (held) => chmod(held, TREE_DIRECTORY_MODE));
  if (isSet !== null || !(await isRealDirectory(place))) return isSet !== null;
  // One that its owner alone may not even look into: by an agent without root.
  await chmod(place, TREE_DIRECTORY_MODE);
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
      return (await find(entry, aside)) ? aside : null;
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
  return (await compareTree(index, join(place, FILES_DIRECTORY), { writable: files.writable })).length === 0;
}

/** Every tree of the store, the damaged one too. */
function createFinder(layout: StoreLayout): FindFile {
  let known: Promise<ReadonlyMap<Digest, readonly Candidate[]>> | null = null;
  return createCopier(async (file) => {
    known ??= listCandidates(layout);
    return (await known).get(file.digest) ?? [];
  });
}

/** Each copy is hashed before it is trusted: of what a service may write to or move, whatever was hashed before may be gone. */
function createCopier(candidatesOf: (file: TreeFile) => Promise<readonly Candidate[]>): FindFile {
  const buffer = Buffer.allocUnsafe(2 ** 20);
  return async (file, copy) => {
    for (const { files, path } of await candidatesOf(file)) {
      const isCopied = await withDirectory(files, dirname(path), (held) =>
        withFile(join(held, basename(path)), (from) => copyListed(from, copy, file, buffer)),
      ).catch((cause: unknown) => {
        // What the disk cannot read any more may be whole in another tree.
        if (systemCode(cause) !== 'EIO') throw cause;
      });
      if (isCopied === true) return true;
    }
    return false;
  };
}

/** Where a tree's files are, and which of them. */
interface Candidate {
  readonly files: string;
  readonly path: string;
}

async function listCandidates(layout: StoreLayout): Promise<ReadonlyMap<Digest, readonly Candidate[]>> {
  const candidates: (Candidate & { readonly digest: Digest })[] = [];
  for (const name of await readdir(layout.trees)) {
    const index = await readIndex(join(layout.trees, name), treeOf(name)).catch(() => null);
    for (const entry of index?.entries ?? []) {
      if (entry.kind !== 'file') continue;
      const { path, digest } = entry;
      candidates.push({ files: join(layout.trees, name, FILES_DIRECTORY), path, digest });
    }
  }
  return Map.groupBy(candidates, ({ digest }) => digest);
}

function placeIn({ layout, files }: Pick<Repair, 'layout' | 'files'>): string {
  return placeOf(layout, files.tree.digest);
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
