// Holds a stored tree against its index: what is missing, what changed, what should not be there.
import { createHash } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestFromHex } from '../../../shared/encoding/digest.ts';
import type { TreeEntry, TreeFile, TreeIndex } from '../../../shared/tree/tree-index.ts';
import type { TreeDeviation } from '../../ports/tree-store.ts';
import { forEachBounded } from './bounded.ts';
import { directoriesOf, storedMode } from './layout.ts';

const PARALLEL_FILES = 4;
const READ_BYTES = 2 ** 20;
const PERMISSION_BITS = 0o7777;

/** Every deviation, sorted by path. Modes of files count; owners and times do not: they are no part of a tree. */
export async function compareTree(index: TreeIndex, directory: string): Promise<readonly TreeDeviation[]> {
  const expected = new Map<string, TreeEntry>(index.entries.map((entry) => [entry.path, entry]));
  for (const path of directoriesOf(index)) expected.set(path, { kind: 'directory', path });
  const found = new Map<string, FoundKind>();
  await walk(directory, '', found);

  const deviations: TreeDeviation[] = [];
  const largest = index.entries.reduce((most, entry) => Math.max(most, sizeOf(entry)), 1);
  const readBytes = Math.min(READ_BYTES, largest);
  const buffers = Array.from({ length: PARALLEL_FILES }, () => Buffer.allocUnsafeSlow(readBytes));
  await forEachBounded(expected.values(), PARALLEL_FILES, async (entry, worker) => {
    const buffer = buffers[worker] ?? Buffer.allocUnsafeSlow(readBytes);
    const problem = await compareEntry(directory, entry, found.get(entry.path), buffer);
    if (problem !== null) deviations.push({ path: entry.path, problem });
  });
  for (const path of found.keys()) {
    if (!expected.has(path)) deviations.push({ path, problem: 'unexpected' });
  }
  return deviations.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function sizeOf(entry: TreeEntry): number {
  return entry.kind === 'file' ? entry.size : 0;
}

type FoundKind = TreeEntry['kind'] | 'other';

/** Never enters a link: a directory replaced by a link to its copy is a change, not the same directory. */
async function walk(root: string, below: string, found: Map<string, FoundKind>): Promise<void> {
  const dirents = await readdir(join(root, below), { withFileTypes: true }).catch((cause: unknown) => {
    if (isAbsent(cause)) return [];
    throw cause;
  });
  for (const dirent of dirents) {
    const path = below === '' ? dirent.name : `${below}/${dirent.name}`;
    found.set(path, kindOf(dirent));
    if (dirent.isDirectory()) await walk(root, path, found);
  }
}

function kindOf(dirent: Dirent): FoundKind {
  if (dirent.isFile()) return 'file';
  if (dirent.isSymbolicLink()) return 'link';
  return dirent.isDirectory() ? 'directory' : 'other';
}

async function compareEntry(
  directory: string,
  entry: TreeEntry,
  found: FoundKind | undefined,
  buffer: Buffer,
): Promise<TreeDeviation['problem'] | null> {
  if (found === undefined) return 'missing';
  if (found !== entry.kind) return 'changed';
  const path = join(directory, entry.path);
  switch (entry.kind) {
    case 'directory':
      return null;
    case 'link':
      return (await readlink(path)) === entry.target ? null : 'changed';
    case 'file':
      return (await isFileAsListed(path, entry, buffer)) ? null : 'changed';
  }
}

/** Mode, size and content. */
export async function isFileAsListed(path: string, file: TreeFile, buffer: Buffer): Promise<boolean> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (stat.size !== file.size || (stat.mode & PERMISSION_BITS) !== storedMode(file.mode)) return false;
    return (await hash(handle, buffer)) === file.digest;
  } finally {
    await handle.close();
  }
}

async function hash(handle: FileHandle, buffer: Buffer): Promise<Digest> {
  const sha256 = createHash('sha256');
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return digestFromHex(sha256.digest('hex'));
    sha256.update(buffer.subarray(0, bytesRead));
  }
}

function isAbsent(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}
