// Holds a stored tree against its index: what is missing, what changed, what should not be there.
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  read,
  readlinkSync,
  readSync,
} from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { createDigester, type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { systemCode } from '../../../shared/errors/error.ts';
import { directoriesOf, TREE_DIRECTORY_MODE } from '../../../shared/node/tree-places.ts';
import { createRests, forEachBounded } from '../../../shared/node/turns.ts';
import { isAsStored } from '../../../shared/node/unpack.ts';
import { isWritable } from '../../../shared/schema/service.ts';
import type {
  TreeDirectory,
  TreeEntry,
  TreeFile,
  TreeIndex,
  TreeLink,
} from '../../../shared/tree/tree-index.ts';
import type { TreeDeviation } from '../../ports/state.ts';
import type { KnownFiles } from './known-files.ts';

const PARALLEL_FILES = 4;
/** A service may have left a million files beside its code: so many are named, and are enough to know what to do. */
const MOST_UNEXPECTED = 1_000;
const READ_BYTES = 2 ** 20;
const PERMISSION_BITS = 0o7777;

type Problem = TreeDeviation['problem'];

/**
 * Every deviation, sorted by path; of a directory that should not be there, the directory alone. Modes count; owners and
 * times do not: they are no part of a tree. Whatever runs from the tree may change it meanwhile: that is a deviation too,
 * never an error, for nobody could update a service that keeps moving its files otherwise. What is known is not read.
 */
export async function compareTree(
  index: TreeIndex,
  directory: string,
  writable: readonly string[] = [],
  known: Known = NOTHING,
): Promise<readonly TreeDeviation[]> {
  const listed = new Map<string, TreeEntry>(index.entries.map((entry) => [entry.path, entry]));
  for (const path of directoriesOf(index)) listed.set(path, { kind: 'directory', path });
  const expected = new Map([...listed].filter(([path]) => !isWritable(path, writable)));
  const found = new Map<string, FoundKind>();
  const rest = createRests();
  const look = { found, rest, left: MOST_UNEXPECTED, isListed: (path: string) => listed.has(path) };
  const isIgnored = (path: string) => isWritable(path, writable);
  if (await isRealDirectory(directory)) await walk(directory, '', { ...look, isIgnored });

  const deviations: TreeDeviation[] = [];
  const note = (path: string, problem: Problem | null) => {
    if (problem !== null) deviations.push({ path, problem });
  };
  const unread: TreeFile[] = [];
  for (const entry of expected.values()) {
    const kind = found.get(entry.path);
    if (kind === undefined) note(entry.path, 'missing');
    else if (kind !== entry.kind) note(entry.path, 'changed');
    else if (entry.kind !== 'file') note(entry.path, compareEntry(directory, entry));
    else if (!known.has(`${directory}/${entry.path}`, entry)) unread.push(entry);
    const pause = rest();
    if (pause !== undefined) await pause;
  }
  const largest = unread.reduce((most, { size }) => Math.max(most, size), 1);
  const readBytes = Math.min(READ_BYTES, largest);
  const buffers = Array.from({ length: PARALLEL_FILES }, () => Buffer.allocUnsafeSlow(readBytes));
  await forEachBounded(unread, PARALLEL_FILES, async (file, worker) => {
    const buffer = buffers[worker] ?? Buffer.allocUnsafeSlow(readBytes);
    note(file.path, await compareFile(join(directory, file.path), file, buffer, known));
  });
  for (const path of found.keys()) {
    if (!listed.has(path)) deviations.push({ path, problem: 'unexpected' });
  }
  return deviations.sort((a, b) => (a.path < b.path ? -1 : 1));
}

type Known = Pick<KnownFiles, 'now' | 'has' | 'note'>;

const NOTHING: Known = { now: Date.now, has: () => false, note: () => undefined };

/** A link is none, wherever it leads. */
export async function isRealDirectory(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.isDirectory() ?? false;
}

type FoundKind = TreeEntry['kind'] | 'other';

interface Walk {
  readonly found: Map<string, FoundKind>;
  readonly isListed: (path: string) => boolean;
  readonly isIgnored: (path: string) => boolean;
  readonly rest: () => Promise<void> | undefined;
  /** How many more that should not be there are named. */
  left: number;
}

/**
 * Never enters a link: a directory replaced by a link to its copy is a change, not the same directory. Synchronous, name by name:
 * the kernel answers sooner than a thread could be asked, and a million names keep nobody waiting.
 */
async function walk(root: string, below: string, about: Walk): Promise<void> {
  const inside: string[] = [];
  try {
    const directory = opendirSync(join(root, below), { bufferSize: 256 });
    try {
      for (let dirent = directory.readSync(); dirent !== null; dirent = directory.readSync()) {
        const path = below === '' ? dirent.name : `${below}/${dirent.name}`;
        const isListed = about.isListed(path);
        const pause = about.rest();
        if (pause !== undefined) await pause;
        if (about.isIgnored(path) || (!isListed && about.left-- <= 0)) continue;
        about.found.set(path, kindOf(dirent));
        if (dirent.isDirectory() && isListed) inside.push(path);
      }
    } finally {
      directory.closeSync();
    }
  } catch (cause) {
    // What lies in a directory that went, or that nobody can look into, counts as missing.
    if (changeBehind(cause) === null) throw cause;
  }
  for (const path of inside) await walk(root, path, about);
}

function kindOf(dirent: Dirent): FoundKind {
  if (dirent.isFile()) return 'file';
  if (dirent.isSymbolicLink()) return 'link';
  return dirent.isDirectory() ? 'directory' : 'other';
}

function compareEntry(directory: string, entry: TreeLink | TreeDirectory): Problem | null {
  try {
    return isAsListed(join(directory, entry.path), entry) ? null : 'changed';
  } catch (cause) {
    return problemBehind(cause);
  }
}

function isAsListed(path: string, entry: TreeLink | TreeDirectory): boolean {
  if (entry.kind === 'link') return readlinkSync(path) === entry.target;
  const stat = lstatSync(path);
  return stat.isDirectory() && (stat.mode & PERMISSION_BITS) === TREE_DIRECTORY_MODE;
}

async function compareFile(
  path: string,
  file: TreeFile,
  buffer: Buffer,
  known: Known,
): Promise<Problem | null> {
  try {
    return (await isFileAsListed(path, file, buffer, known)) ? null : 'changed';
  } catch (cause) {
    return problemBehind(cause);
  }
}

function problemBehind(cause: unknown): Problem {
  const problem = changeBehind(cause);
  if (problem === null) throw cause;
  return problem;
}

/**
 * Mode, size and content. Of a file that grows while it is read, no more than its size is. Opened and closed at once, as its directory
 * was walked: a thread is asked for its bytes alone, which the disk may have to be waited for.
 */
export async function isFileAsListed(
  path: string,
  file: TreeFile,
  buffer: Buffer,
  known: Known = NOTHING,
): Promise<boolean> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd, { bigint: true });
    // A pipe in the place of an empty file would read as empty, too.
    if (!isAsStored(stat, file)) return false;
    const readAt = known.now();
    if ((await hash(fd, file.size, buffer)) !== file.digest) return false;
    known.note(stat, file, readAt);
    return true;
  } finally {
    closeSync(fd);
  }
}

/** Null for a file that holds more than `size`, or ends before it. */
async function hash(fd: number, size: number, buffer: Buffer): Promise<Digest | null> {
  const whole = size <= buffer.length ? null : createDigester();
  let held = 0;
  for (let done = 0; done < size; ) {
    if (whole !== null) held = 0;
    const length = Math.min(buffer.length - held, size - done);
    const bytesRead = await readInto(fd, buffer, held, length);
    if (bytesRead === 0) return null;
    whole?.update(buffer.subarray(0, bytesRead));
    held += bytesRead;
    done += bytesRead;
  }
  // Behind its end there is nothing to wait for.
  if (readSync(fd, ONE_MORE) > 0) return null;
  return whole?.end() ?? digestOf(buffer.subarray(0, held));
}

const ONE_MORE = Buffer.alloc(1);

function readInto(fd: number, buffer: Buffer, offset: number, length: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, offset, length, null, (cause, bytesRead) =>
      cause === null ? resolve(bytesRead) : reject(cause),
    );
  });
}

const GONE = ['ENOENT', 'ENOTDIR'];
/** Another kind of entry by now, one that may not be read, or one that the disk cannot read any more. */
const OTHERWISE = ['ELOOP', 'EACCES', 'EPERM', 'EINVAL', 'EISDIR', 'ENXIO', 'ENODEV', 'EIO', 'ESTALE'];

/** The deviation that a refused look means, or null where it says nothing about the tree. */
export function changeBehind(cause: unknown): Problem | null {
  const code = systemCode(cause);
  if (GONE.includes(code)) return 'missing';
  return OTHERWISE.includes(code) ? 'changed' : null;
}
