// Builds a tree apart from whatever brings it: room for it, its files, its index, and all of it durable.
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { directoriesOf, TREE_DIRECTORY_MODE } from '../../../shared/node/tree-places.ts';
import type { PackStart } from '../../../shared/tree/pack-steps.ts';
import type { TreeIndex } from '../../../shared/tree/tree-index.ts';
import { type DiskSpace, requireSpace, spaceOf } from './disk-space.ts';
import { FILES_DIRECTORY, INDEX_FILE, SHAREABLE_FILE } from './layout.ts';
import { markShareable } from './shareable.ts';
import { syncTree } from './sync-tree.ts';

export interface BuildPlace {
  /** Where it is built, which is not there yet. */
  readonly staging: string;
  readonly diskSpace: (path: string) => Promise<DiskSpace>;
  /** False where something that may write to its files ran from it, or will unasked: nothing makes it shareable again. */
  readonly shareable: boolean;
}

/** `unpack` fills an empty directory with the files, every one verified. Errors: its own, disk/*, and the file system's. */
export async function buildTree(
  { index, indexBytes }: Pick<PackStart, 'index' | 'indexBytes'>,
  { staging, diskSpace, shareable }: BuildPlace,
  unpack: (files: string) => Promise<void>,
): Promise<void> {
  const beside = dirname(staging);
  const space = await diskSpace(beside);
  requireSpace(beside, spaceOf(index, space.blockBytes), space);
  const files = join(staging, FILES_DIRECTORY);
  await mkdir(files, { recursive: true });
  await unpack(files);
  await writeFile(join(staging, INDEX_FILE), indexBytes, { flag: 'wx' });
  await chmod(join(staging, INDEX_FILE), 0o444);
  if (shareable) await markShareable(staging);
  for (const directory of [files, staging]) await chmod(directory, TREE_DIRECTORY_MODE);

  await syncTree(staging, pathsIn(index, staging, shareable));
}

/** Where the whole cannot be made durable at once, each of them is. Where it can, none is named. */
function* pathsIn({ entries }: TreeIndex, staging: string, shareable: boolean): Iterable<string> {
  const files = join(staging, FILES_DIRECTORY);
  for (const { kind, path } of entries) if (kind === 'file') yield join(files, path);
  for (const path of directoriesOf({ entries })) yield join(files, path);
  yield join(staging, INDEX_FILE);
  if (shareable) yield join(staging, SHAREABLE_FILE);
  yield* [files, staging];
}
