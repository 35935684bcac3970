// Builds a tree in a fresh directory from a pack: only what the index lists, only bytes that match it.
import { type BigIntStats, constants } from 'node:fs';
import { open, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../encoding/digest.ts';
import { type ContentCheck, createContentCheck } from '../tree/content-check.ts';
import type { UnpackedPart } from '../tree/pack-steps.ts';
import type { TreeFile, TreeIndex, TreeMode } from '../tree/tree-index.ts';
import type { PackContents } from './pack-reader.ts';
import { makePlaces, PERMISSION_BITS, type TreePlaces } from './tree-places.ts';
import { forEachBounded } from './turns.ts';

/** Read-only for everyone: what runs is what was signed. Directories stay writable for whoever unpacked them. */
export function storedMode(mode: TreeMode): number {
  return mode & 0o555;
}

/** In all that tells without a look at what is in it. */
export function isAsStored(stat: BigIntStats, { size, mode }: TreeFile): boolean {
  return (
    stat.isFile() && stat.size === BigInt(size) && (Number(stat.mode) & PERMISSION_BITS) === storedMode(mode)
  );
}

const PARALLEL_FILES = 8;
const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW } = constants;

/** `directory` is empty and the agent's alone. Errors: tree/pack-damaged, tree/mismatch, and the file system's own. */
export async function unpackTree(pack: PackContents, tree: Digest, directory: string): Promise<void> {
  const check = createContentCheck(pack.index, tree);
  await layOut(pack.index, directory, async ({ all }) => {
    await all;
    await writeUnits(pack, check, (file, part) => writePart(join(directory, file.path), file, part));
  });
}

/**
 * Directories, then files, then links. What is to be filled may be begun before all `places` are there: making thousands
 * of them may take as long as filling them. `created` files are made empty beside the directories.
 */
export async function layOut(
  index: TreeIndex,
  directory: string,
  writeFiles: (places: TreePlaces) => Promise<void>,
  created: readonly string[] = [],
): Promise<void> {
  const places = makePlaces(index, directory, created);
  await writeFiles(places)
    .catch(places.giveUp)
    .finally(() => places.all);
  // Links come last: while files are written there is none to write through.
  for (const entry of index.entries) {
    if (entry.kind === 'link') await symlink(entry.target, join(directory, entry.path));
  }
}

/** Every content that comes in units, to every file that has it. */
export async function writeUnits(
  pack: Pick<PackContents, 'index' | 'units'>,
  check: ContentCheck,
  write: (file: TreeFile, part: UnpackedPart) => Promise<void>,
): Promise<void> {
  const copies = copiesByContent(pack.index);
  for await (const parts of pack.units) {
    for (const part of parts) check.accept(part);
    const writes = parts.flatMap((part) =>
      (copies.get(part.file.digest) ?? []).map((file) => ({ part, file })),
    );
    await forEachBounded(writes, PARALLEL_FILES, ({ part, file }) => write(file, part));
  }
  check.requireComplete();
}

export function copiesByContent(index: TreeIndex): ReadonlyMap<Digest, readonly TreeFile[]> {
  const files = index.entries.filter((entry) => entry.kind === 'file');
  return Map.groupBy(files, (file) => file.digest);
}

async function writePart(path: string, file: TreeFile, part: UnpackedPart): Promise<void> {
  const flags = part.offset === 0 ? O_CREAT | O_EXCL : O_APPEND;
  const handle = await open(path, O_WRONLY | O_NOFOLLOW | flags, 0o600);
  try {
    await handle.writeFile(part.bytes);
    // Set, not passed to open: the mode must not depend on the umask the agent was started with.
    if (part.offset + part.length === file.size) await handle.chmod(storedMode(file.mode));
  } finally {
    await handle.close();
  }
}
