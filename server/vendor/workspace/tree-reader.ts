// Reads a directory as a tree: every file hashed, every link checked, whatever cannot be shipped refused by name.
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { join } from 'node:path';
import { createDigester } from '../../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError, systemCode } from '../../../shared/errors/error.ts';
import { createRests } from '../../../shared/node/turns.ts';
import type { TreeEntry, TreeFile, TreeIndex } from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';

const READ_BYTES = 2 ** 20;
const SETUID_OR_SETGID = 0o6000;
const OWNER_MAY_EXECUTE = 0o100;

/**
 * The index of what stands in a directory. Owners, times and modes other than "executable" are left out, so two builds of
 * one source have one digest; hard links become files of their own. Errors: tree/unreadable, tree/entry-refused, tree/too-large.
 */
export async function readTree(directory: string): Promise<TreeIndex> {
  const files: string[] = [];
  const entries: TreeEntry[] = [];
  const rest = createRests();
  await walk(directory, '', { files, entries, rest });
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for (const path of files) entries.push(await readEntry(directory, path, { buffer, rest }));
  return createTreeIndex(entries);
}

type Rest = ReturnType<typeof createRests>;

interface Found {
  /** Still to be read. */
  readonly files: string[];
  /** Links and empty directories. */
  readonly entries: TreeEntry[];
  readonly rest: Rest;
}

/** Synchronous as the reads are: the kernel answers sooner than a thread could be asked, thousands of times. */
async function walk(root: string, below: string, into: Found): Promise<void> {
  await into.rest();
  const found = explaining(below, () => readdirSync(join(root, below), { withFileTypes: true }));
  if (found.length === 0 && below !== '') into.entries.push({ kind: 'directory', path: below });
  for (const dirent of found) {
    const path = below === '' ? dirent.name : `${below}/${dirent.name}`;
    // Node puts U+FFFD in the place of bytes that are not UTF-8: the file could not be opened by that name.
    if (dirent.name.includes('\ufffd')) throw refused(path, 'its name is not valid UTF-8');
    if (dirent.isDirectory()) {
      await walk(root, path, into);
    } else if (dirent.isSymbolicLink()) {
      const target = explaining(path, () => readlinkSync(join(root, path)));
      into.entries.push({ kind: 'link', path, target });
    } else if (dirent.isFile()) {
      into.files.push(path);
    } else {
      throw refused(path, `it is a ${specialKind(dirent)}`);
    }
  }
}

interface Reading {
  readonly buffer: Buffer;
  readonly rest: Rest;
}

async function readEntry(root: string, path: string, reading: Reading): Promise<TreeFile> {
  const fd = explaining(path, () => openForReading(join(root, path)));
  try {
    const { mode } = explaining(path, () => fstatSync(fd));
    if ((mode & SETUID_OR_SETGID) !== 0) throw refused(path, 'it is setuid or setgid');
    const content = await hash(fd, path, reading);
    return { kind: 'file', path, mode: (mode & OWNER_MAY_EXECUTE) === 0 ? 0o644 : 0o755, ...content };
  } finally {
    closeSync(fd);
  }
}

/** Neither follows a link nor waits for the writer of a pipe, should one have taken the file's place. */
function openForReading(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

/** The same, and null where it cannot be opened, for whatever reason. */
export function openIfReadable(path: string): number | null {
  try {
    return openForReading(path);
  } catch {
    return null;
  }
}

async function hash(
  fd: number,
  path: string,
  { buffer, rest }: Reading,
): Promise<Pick<TreeFile, 'size' | 'digest'>> {
  const digester = createDigester();
  for (let size = 0; ; ) {
    const read = explaining(path, () => readSync(fd, buffer));
    if (read === 0) return { size, digest: digester.end() };
    digester.update(buffer.subarray(0, read));
    size += read;
    await rest();
  }
}

function specialKind(dirent: Dirent): string {
  if (dirent.isFIFO()) return 'named pipe';
  if (dirent.isSocket()) return 'socket';
  return dirent.isBlockDevice() || dirent.isCharacterDevice() ? 'device' : 'special file';
}

function explaining<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const data = { path: sanitizeLine(path || '.'), problem: systemCode(cause) };
    throw new FairleadError('tree/unreadable', data, { cause });
  }
}

function refused(path: string, problem: string): FairleadError {
  return new FairleadError('tree/entry-refused', { path: sanitizeLine(path), problem });
}
