// Reads a directory as a tree: every file hashed, every link checked, whatever cannot be shipped refused by name.
import { createHash } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFromHex } from '../../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError, isFairleadError, systemCode } from '../../../shared/errors/error.ts';
import type { TreeEntry, TreeFile, TreeIndex } from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';

const READ_BYTES = 2 ** 20;
const PARALLEL_READS = 4;
const SETUID_OR_SETGID = 0o6000;
const OWNER_MAY_EXECUTE = 0o100;

/**
 * The index of what stands in a directory. Owners, times and modes other than "executable" are left out, so two builds of
 * one source have one digest; hard links become files of their own. Errors: tree/unreadable, tree/entry-refused, tree/too-large.
 */
export async function readTree(directory: string): Promise<TreeIndex> {
  const files: string[] = [];
  const entries: TreeEntry[] = [];
  await walk(directory, '', files, entries);
  const queue = files.values();
  const readers = Array.from({ length: PARALLEL_READS }, async () => {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    for (const path of queue) entries.push(await readEntry(directory, path, buffer));
  });
  await Promise.all(readers);
  return createTreeIndex(entries);
}

/** Collects links and empty directories as entries, files as paths still to be read. */
async function walk(root: string, below: string, files: string[], entries: TreeEntry[]): Promise<void> {
  const found = await explaining(below, () => readdir(join(root, below), { withFileTypes: true }));
  if (found.length === 0 && below !== '') entries.push({ kind: 'directory', path: below });
  for (const dirent of found) {
    const path = below === '' ? dirent.name : `${below}/${dirent.name}`;
    // Node puts U+FFFD in the place of bytes that are not UTF-8: the file could not be opened by that name.
    if (dirent.name.includes('\ufffd')) throw refused(path, 'its name is not valid UTF-8');
    if (dirent.isDirectory()) {
      await walk(root, path, files, entries);
    } else if (dirent.isSymbolicLink()) {
      const target = await explaining(path, () => readlink(join(root, path)));
      entries.push({ kind: 'link', path, target });
    } else if (dirent.isFile()) {
      files.push(path);
    } else {
      throw refused(path, `it is a ${specialKind(dirent)}`);
    }
  }
}

async function readEntry(root: string, path: string, buffer: Buffer): Promise<TreeFile> {
  return explaining(path, async () => {
    const handle = await openForReading(join(root, path));
    try {
      const { mode } = await handle.stat();
      if ((mode & SETUID_OR_SETGID) !== 0) throw refused(path, 'it is setuid or setgid');
      const content = await hash(handle, buffer);
      return { kind: 'file', path, mode: (mode & OWNER_MAY_EXECUTE) === 0 ? 0o644 : 0o755, ...content };
    } finally {
      await handle.close();
    }
  });
}

/** Neither follows a link nor waits for the writer of a pipe, should one have taken the file's place. */
export function openForReading(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

async function hash(handle: FileHandle, buffer: Buffer): Promise<Pick<TreeFile, 'size' | 'digest'>> {
  const sha256 = createHash('sha256');
  let size = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return { size, digest: digestFromHex(sha256.digest('hex')) };
    sha256.update(buffer.subarray(0, bytesRead));
    size += bytesRead;
  }
}

function specialKind(dirent: Dirent): string {
  if (dirent.isFIFO()) return 'named pipe';
  if (dirent.isSocket()) return 'socket';
  return dirent.isBlockDevice() || dirent.isCharacterDevice() ? 'device' : 'special file';
}

async function explaining<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (isFairleadError(cause)) throw cause;
    const data = { path: sanitizeLine(path || '.'), problem: systemCode(cause) };
    throw new FairleadError('tree/unreadable', data, { cause });
  }
}

function refused(path: string, problem: string): FairleadError {
  return new FairleadError('tree/entry-refused', { path: sanitizeLine(path), problem });
}
