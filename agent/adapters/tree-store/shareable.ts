// Which trees may share files with others: those that are marked, and were never handed to what could write to them.
import { chmod, lstat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, hexOf } from '../../../shared/encoding/digest.ts';
import { systemCode } from '../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory } from '../../../shared/node/durable-file.ts';
import { SHAREABLE_FILE, type StoreLayout } from './layout.ts';
import { placeOf } from './places.ts';

/**
 * Asked before its files are linked and again after: in between it may have been handed over. The mark alone says nothing: it
 * stays where it cannot be removed, and the place that has it may be the newest once more.
 */
export async function mayShare(layout: StoreLayout, tree: Digest): Promise<boolean> {
  return (await isMarked(placeOf(layout, tree))) && !(await wasHanded(layout, tree));
}

/** Of a tree that is being built: nothing has run from it. */
export async function markShareable(tree: string): Promise<void> {
  await writeFile(join(tree, SHAREABLE_FILE), '', { flag: 'wx' });
  await chmod(join(tree, SHAREABLE_FILE), 0o444);
}

/** Whether that place has the mark. */
export async function isMarked(tree: string): Promise<boolean> {
  return (await lstat(join(tree, SHAREABLE_FILE)).catch(() => null))?.isFile() === true;
}

export async function wasHanded({ handed }: StoreLayout, tree: Digest): Promise<boolean> {
  return await mayBeThere(join(handed, hexOf(tree)));
}

/** Where its files were lost and are fetched again it may be started as before, with no deployment to hand it over. */
export async function noteHanded({ handed }: StoreLayout, tree: Digest): Promise<void> {
  await makeDirectory(handed);
  await writeFile(join(handed, hexOf(tree)), '', { flag: 'wx' }).catch((cause: unknown) => {
    if (systemCode(cause) !== 'EEXIST') throw cause;
  });
  await syncDirectory(handed);
}

/** What a disk does not tell may be there. */
export async function mayBeThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    (cause: unknown) => !['ENOENT', 'ENOTDIR'].includes(systemCode(cause)),
  );
}
