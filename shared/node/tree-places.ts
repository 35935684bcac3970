// The places of a tree, its directories and new files: made by threads while whoever fills them is at work already on those that are there.
import { closeSync, lstatSync, open } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { TreeIndex } from '../tree/tree-index.ts';
import { forEachBounded } from './turns.ts';

export const TREE_DIRECTORY_MODE = 0o755;
/** Of a mode: all that `chmod` sets. */
export const PERMISSION_BITS = 0o7777;

export interface TreePlaces {
  /** Undefined where that path of the tree is there, else for how long to wait. Errors: the file system's own. */
  reach(path: string): Promise<void> | undefined;
  /** Nothing more is begun. Error: that one. */
  giveUp(cause: unknown): never;
  /** Ends once nothing is being made any more. */
  readonly all: Promise<void>;
}

/** A file system may take a millisecond for one, most of it for finding a number that is free (ADR 151). */
const AT_ONCE = 3;

interface Awaited {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(cause: unknown): void;
}

/** Every directory, and these files: empty, and for their owner alone until they are filled. */
export function makePlaces(index: TreeIndex, directory: string, files: readonly string[] = []): TreePlaces {
  const there = new Set(['']);
  const awaited = new Map<string, Awaited>();
  let failure: { readonly cause: unknown } | null = null;

  const reach = (path: string): Promise<void> | undefined => {
    if (there.has(path)) return undefined;
    if (failure !== null) return Promise.reject(failure.cause);
    const one = awaited.get(path) ?? Promise.withResolvers<void>();
    awaited.set(path, one);
    return one.promise;
  };
  const giveUp = (cause: unknown): never => {
    failure ??= { cause };
    for (const one of awaited.values()) one.reject(cause);
    throw cause;
  };
  const make = async (path: string, create: (path: string) => Promise<void>) => {
    try {
      if (failure !== null) throw failure.cause;
      await reach(parentOf(path));
      await create(`${directory}/${path}`);
    } catch (cause) {
      giveUp(cause);
    }
    there.add(path);
    awaited.get(path)?.resolve();
    awaited.delete(path);
  };
  const makeAll = async () => {
    await forEachBounded(directoriesOf(index), AT_ONCE, (path) => make(path, createDirectory));
    await forEachBounded(files, AT_ONCE, (path) => make(path, createFile));
  };
  const all = makeAll();
  // Whoever waits for one of them may hear of it first.
  all.catch(() => undefined);
  return { reach, giveUp, all };
}

/** Empty for what lies in the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The mode is looked at, not believed: it must not depend on the umask, nor on what the directory above hands down. */
async function createDirectory(path: string): Promise<void> {
  await mkdir(path, TREE_DIRECTORY_MODE);
  if ((lstatSync(path).mode & PERMISSION_BITS) !== TREE_DIRECTORY_MODE)
    await chmod(path, TREE_DIRECTORY_MODE);
}

const openFile = promisify(open);

/** A thread is asked once: to close what nothing was written to takes no time. */
async function createFile(path: string): Promise<void> {
  closeSync(await openFile(path, 'wx', 0o600));
}

/** Every directory of a tree below its root, parents before children. */
export function directoriesOf(index: TreeIndex): readonly string[] {
  const directories = new Set<string>();
  for (const entry of index.entries) {
    for (let end = entry.path.indexOf('/'); end !== -1; end = entry.path.indexOf('/', end + 1)) {
      directories.add(entry.path.slice(0, end));
    }
    if (entry.kind === 'directory') directories.add(entry.path);
  }
  return [...directories];
}
