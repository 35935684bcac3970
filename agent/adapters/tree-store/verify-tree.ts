// Holds a stored tree against its index: what is missing, what changed, what should not be there.
import { type Dirent, lstatSync, opendirSync, readlinkSync, type Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../../shared/errors/error.ts';
import { directoriesOf, PERMISSION_BITS, TREE_DIRECTORY_MODE } from '../../../shared/node/tree-places.ts';
import { createRests, forEachBounded } from '../../../shared/node/turns.ts';
import { isWritable } from '../../../shared/schema/service.ts';
import type {
  TreeDirectory,
  TreeEntry,
  TreeFile,
  TreeIndex,
  TreeLink,
} from '../../../shared/tree/tree-index.ts';
import type { TreeDeviation } from '../../ports/state.ts';
import { isFileAsListed, type Known, NOTHING_KNOWN } from './listed-file.ts';

const PARALLEL_FILES = 4;
/** A service may have left a million files beside its code: so many are named, and are enough to know what to do. */
const MOST_UNEXPECTED = 1_000;
const READ_BYTES = 2 ** 20;

type Problem = TreeDeviation['problem'];

/** What is asked of a tree. */
export interface TreeQuestion {
  /** What the service may write: nothing is said of it. */
  readonly writable?: readonly string[] | undefined;
  /** What is not read, because it is known. */
  readonly known?: Known;
  /** What should not be there is then not looked for, which nobody who is in a hurry waits for. */
  readonly damageOnly?: boolean;
}

/**
 * Every deviation, sorted by path; of a directory that should not be there, the directory alone. Modes count; owners and
 * times do not: they are no part of a tree. Whatever runs from the tree may change it meanwhile: that is a deviation too,
 * never an error, for nobody could update a service that keeps moving its files otherwise.
 */
export async function compareTree(
  index: TreeIndex,
  directory: string,
  { writable = [], known = NOTHING_KNOWN, damageOnly = false }: TreeQuestion = {},
): Promise<readonly TreeDeviation[]> {
  const listed = new Map<string, TreeEntry>(index.entries.map((entry) => [entry.path, entry]));
  for (const path of directoriesOf(index)) listed.set(path, { kind: 'directory', path });
  const rest = createRests();
  const isListed = (path: string) => listed.has(path);
  const isIgnored = (path: string) => isWritable(path, writable);
  const isThere = await isRealDirectory(directory);
  const found = damageOnly && isThere ? null : new Map<string, FoundKind>();
  if (found !== null && isThere)
    await walk(directory, '', { found, rest, left: MOST_UNEXPECTED, isListed, isIgnored });

  const deviations: TreeDeviation[] = [];
  const note = (path: string, problem: Problem | null) => {
    if (problem !== null) deviations.push({ path, problem });
  };
  const unread: TreeFile[] = [];
  for (const entry of listed.values()) {
    const pause = rest();
    if (pause !== undefined) await pause;
    const path = `${directory}/${entry.path}`;
    if (isIgnored(entry.path)) continue;
    const isKnown = entry.kind === 'file' && known.has(path, entry);
    // One question to the kernel is enough.
    if (found === null && isKnown) continue;
    const kind = found === null ? kindAt(path) : found.get(entry.path);
    if (kind === undefined) note(entry.path, 'missing');
    else if (kind !== entry.kind) note(entry.path, 'changed');
    else if (entry.kind !== 'file') note(entry.path, compareEntry(path, entry));
    else if (!isKnown) unread.push(entry);
  }
  await readEach(unread, rest, async (file, buffer) => {
    note(file.path, await compareFile(join(directory, file.path), file, buffer, known));
  });
  for (const path of found?.keys() ?? []) if (!isListed(path)) note(path, 'unexpected');
  return deviations.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function readEach(
  files: readonly TreeFile[],
  rest: Walk['rest'],
  read: (file: TreeFile, buffer: Buffer) => Promise<void>,
): Promise<void> {
  const largest = files.reduce((most, { size }) => Math.max(most, size), 1);
  const newBuffer = () => Buffer.allocUnsafeSlow(Math.min(READ_BYTES, largest));
  const buffers = Array.from({ length: PARALLEL_FILES }, newBuffer);
  await forEachBounded(files, PARALLEL_FILES, async (file, worker) => {
    await read(file, buffers[worker] ?? newBuffer());
    // Of empty ones nothing is waited for.
    const pause = rest();
    if (pause !== undefined) await pause;
  });
}

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

function kindAt(path: string): FoundKind | undefined {
  try {
    return kindOf(lstatSync(path));
  } catch (cause) {
    return problemBehind(cause) === 'missing' ? undefined : 'other';
  }
}

function kindOf(dirent: Dirent | Stats): FoundKind {
  if (dirent.isFile()) return 'file';
  if (dirent.isSymbolicLink()) return 'link';
  return dirent.isDirectory() ? 'directory' : 'other';
}

function compareEntry(path: string, entry: TreeLink | TreeDirectory): Problem | null {
  try {
    return isAsListed(path, entry) ? null : 'changed';
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

const GONE = ['ENOENT', 'ENOTDIR'];
/** Another kind of entry by now, one that may not be read, or one that the disk cannot read any more. */
const OTHERWISE = ['ELOOP', 'EACCES', 'EPERM', 'EINVAL', 'EISDIR', 'ENXIO', 'ENODEV', 'EIO', 'ESTALE'];

/** The deviation that a refused look means, or null where it says nothing about the tree. */
export function changeBehind(cause: unknown): Problem | null {
  const code = systemCode(cause);
  if (GONE.includes(code)) return 'missing';
  return OTHERWISE.includes(code) ? 'changed' : null;
}
