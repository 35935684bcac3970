// The directories of a tree, made by threads while whoever wants them is at work already on the files of those that are there.
import { chmod, mkdir } from 'node:fs/promises';
import type { TreeIndex } from '../tree/tree-index.ts';
import { forEachBounded } from './turns.ts';

export const TREE_DIRECTORY_MODE = 0o755;

/** Undefined where that directory of the tree is there, else for how long to wait. Errors: the file system's own. */
export type Reach = (path: string) => Promise<void> | undefined;

/** A file system may take a millisecond for one, most of it for finding a place for it. */
const AT_ONCE = 3;

interface Awaited {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(cause: unknown): void;
}

/** `all` ends once none is being made any more. */
export function makeDirectories(
  index: TreeIndex,
  directory: string,
): { readonly reach: Reach; readonly all: Promise<void> } {
  const there = new Set(['']);
  const awaited = new Map<string, Awaited>();
  let failure: { readonly cause: unknown } | null = null;

  const reach: Reach = (path) => {
    if (there.has(path)) return undefined;
    if (failure !== null) return Promise.reject(failure.cause);
    const one = awaited.get(path) ?? Promise.withResolvers<void>();
    awaited.set(path, one);
    return one.promise;
  };
  const make = async (path: string) => {
    try {
      await reach(parentOf(path));
      await createDirectory(`${directory}/${path}`);
    } catch (cause) {
      failure ??= { cause };
      for (const one of awaited.values()) one.reject(cause);
      awaited.clear();
      throw cause;
    }
    there.add(path);
    awaited.get(path)?.resolve();
    awaited.delete(path);
  };
  const all = forEachBounded(directoriesOf(index), AT_ONCE, make);
  // Whoever waits for one of them may hear of it first.
  all.catch(() => undefined);
  return { reach, all };
}

/** Empty for what lies in the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The mode is set, not passed: it must not depend on the umask the agent was started with. */
async function createDirectory(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, TREE_DIRECTORY_MODE);
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
