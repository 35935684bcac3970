// Where each tree stands: under its digest, or beside what stands there and can neither be mended nor moved.
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { chmod, lstat, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Digest, digestFromHex, hexOf } from '../../../shared/encoding/digest.ts';
import { FairleadError, systemCode } from '../../../shared/errors/error.ts';
import { syncDirectory } from '../../../shared/node/durable-file.ts';
import { removeAll } from '../../../shared/node/remove-all.ts';
import { TREE_DIRECTORY_MODE } from '../../../shared/node/tree-places.ts';
import type { StoreLayout } from './layout.ts';

/** Hears of what is left lying, for a person to remove. */
export type OnLeft = (left: FairleadError) => void;

/** The newest of its places: an immutable file, or what is mounted there, keeps no tree from being what was signed. */
export function placeOf({ trees }: Pick<StoreLayout, 'trees'>, tree: Digest): string {
  const hex = hexOf(tree);
  const newest = newestBeside(trees, hex);
  return join(trees, newest === 0 ? hex : `${hex}.${newest}`);
}

/** The tree of such a place, or of what is on its way there: all of it is named after its tree first. */
export function treeOf(path: string): Digest {
  return digestFromHex(basename(path).slice(0, 64));
}

function newestBeside(trees: string, hex: string): number {
  const beside = namesIn(trees).flatMap((name) => new RegExp(`^${hex}\\.(\\d{1,6})$`).exec(name)?.[1] ?? []);
  return Math.max(0, ...beside.map(Number));
}

function namesIn(trees: string): readonly string[] {
  try {
    return readdirSync(trees);
  } catch {
    // There is no store yet.
    return [];
  }
}

/** What is built and durable counts from here on. Errors: those of the file system. */
export async function putInPlace(
  layout: StoreLayout,
  tree: Digest,
  staged: string,
  onLeft: OnLeft,
): Promise<void> {
  const place = placeOf(layout, tree);
  try {
    await discard(layout, place);
    await rename(staged, place);
  } catch (cause) {
    if (!isHeld(cause)) throw cause;
    onLeft(new FairleadError('disk/immovable', { path: place, problem: systemCode(cause) }, { cause }));
    await putBeside(layout, tree, staged);
    return;
  }
  await syncDirectory(layout.trees);
}

/** The same, where what stands there is left: something may run from it. */
export async function putBeside({ trees }: StoreLayout, tree: Digest, staged: string): Promise<void> {
  const hex = hexOf(tree);
  await rename(staged, join(trees, `${hex}.${newestBeside(trees, hex) + 1}`));
  await syncDirectory(trees);
}

/** Immutable, mounted, or on what can only be read. */
const HELD: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EBUSY', 'EROFS', 'EXDEV']);

export function isHeld(cause: unknown): boolean {
  return HELD.has(systemCode(cause));
}

/** Out of its place at once; it is gone when that is possible. Errors: those of the file system, for what cannot be moved. */
export async function discard(layout: StoreLayout, path: string): Promise<void> {
  const aside = asideIn(layout);
  try {
    await rename(path, aside).catch(async (cause: unknown) => {
      // A directory that may not be written to may not be moved either, by an agent without root. One with root never comes
      // here: by now a service may have put a link there, which this would follow.
      if (systemCode(cause) !== 'EACCES' || !(await lstat(path)).isDirectory()) throw cause;
      await chmod(path, TREE_DIRECTORY_MODE).catch(() => undefined);
      await rename(path, aside);
    });
  } catch (cause) {
    // What lay in a directory that is gone already went with it.
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(cause))) return;
    throw cause;
  }
  // What cannot be removed yet is out of the way, and the next collection tries again.
  await removeAll(aside).catch(() => undefined);
}

// Whatever a kill leaves here is removed by the next collection.
export function asideIn({ temporary }: StoreLayout): string {
  return join(temporary, `repair.${randomBytes(6).toString('hex')}`);
}
