// How one tree enters the store: fetched, built apart, made durable, and only then renamed to where it counts.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hexOf } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { readPack } from '../../../shared/node/pack-reader.ts';
import { removeAll } from '../../../shared/node/remove-all.ts';
import { directoriesOf, TREE_DIRECTORY_MODE, unpackTree } from '../../../shared/node/unpack.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { maxPackBytes } from '../../../shared/tree/pack-format.ts';
import { type DiskSpace, requireSpace, spaceOf } from './disk-space.ts';
import { FILES_DIRECTORY, INDEX_FILE, type StoreLayout } from './layout.ts';
import { type OnLeft, putInPlace } from './places.ts';
import { syncTree } from './sync-tree.ts';

/**
 * Downloads the pack of a tree into `file`, going on where an earlier call stopped, and never past `maxBytes`.
 * Errors: transport/*, disk/*.
 */
export type FetchPack = (
  treeHex: string,
  file: string,
  options: { readonly maxBytes: number; readonly signal?: AbortSignal; readonly place: number },
) => Promise<void>;

export interface AddTreeOptions {
  readonly layout: StoreLayout;
  readonly fetchPack: FetchPack;
  /** How many there are to fetch from, the nearest first. */
  readonly places: () => Promise<number>;
  readonly diskSpace: (path: string) => Promise<DiskSpace>;
  /** Ends the wait for the network. */
  readonly signal: AbortSignal | undefined;
  readonly onLeft: OnLeft;
}

/** Errors: tree/*, transport/*, disk/*, and the file system's own. A refused pack leaves nothing behind. */
export async function addTree(ref: TreeRef, options: AddTreeOptions): Promise<void> {
  const { layout, onLeft } = options;
  await stageTree(ref, options, (staging) => putInPlace(layout, ref.digest, staging, onLeft));
}

/** Fetches the tree and builds it apart, durable; it is gone again once `use` has ended. Errors as above. */
export async function stageTree(
  ref: TreeRef,
  options: AddTreeOptions,
  use: (staging: string) => Promise<void>,
): Promise<void> {
  const { layout, diskSpace } = options;
  const hex = hexOf(ref.digest);
  const staging = await freeName(join(layout.temporary, `${hex}.tree`), async () => false);
  const need = { bytes: ref.bytes, inodes: ref.files };
  requireSpace(layout.temporary, need, await diskSpace(layout.temporary));
  try {
    await obtainTree(ref, staging, options);
    await use(staging);
  } finally {
    await removeAll(staging).catch(() => undefined);
  }
}

/**
 * From the first place that has it whole: one that cannot be reached, or whose bytes are not what was signed, is passed over.
 * Each has a file of its own: what a liar began no honest place goes on with. Errors: of the last.
 */
async function obtainTree(ref: TreeRef, staging: string, options: AddTreeOptions): Promise<void> {
  for (let place = 0; ; place++) {
    try {
      return await obtainFrom(place, ref, staging, options);
    } catch (error) {
      const isOfPlace = isFairleadError(error) && /^(?:transport|tree)\//.test(error.code);
      if (!isOfPlace || options.signal?.aborted === true || place + 1 >= (await options.places()))
        throw error;
      await removeAll(staging);
    }
  }
}

async function obtainFrom(
  place: number,
  ref: TreeRef,
  staging: string,
  options: AddTreeOptions,
): Promise<void> {
  const hex = hexOf(ref.digest);
  const name = place === 0 ? `${hex}.pack` : `${hex}.${place}.pack`;
  const pack = await freeName(join(options.layout.temporary, name), isResumable);
  await fetch(hex, pack, { ref, place }, options);
  try {
    await buildTree(ref, pack, staging, options);
  } finally {
    await removeAll(pack).catch(() => undefined);
  }
}

/** What an earlier attempt left gives way, or keeps its name where it cannot: the tree is built all the same. */
async function freeName(path: string, isUsable: (path: string) => Promise<boolean>): Promise<string> {
  if (await isUsable(path)) return path;
  const isFree = await removeAll(path).then(
    () => true,
    () => false,
  );
  return isFree ? path : path.replace(/(?=\.\w+$)/, `.${randomBytes(6).toString('hex')}`);
}

/** A file that can be written to: what came of the pack before. */
async function isResumable(path: string): Promise<boolean> {
  const { O_WRONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => null);
  const isFile = (await handle?.stat())?.isFile() === true;
  await handle?.close();
  return isFile;
}

/** An interrupted download stays, to be resumed; one that broke its bounds or filled the disk does not. */
async function fetch(
  hex: string,
  pack: string,
  { ref, place }: { readonly ref: TreeRef; readonly place: number },
  options: AddTreeOptions,
): Promise<void> {
  try {
    const { signal } = options;
    const maxBytes = maxPackBytes(ref);
    await options.fetchPack(hex, pack, { maxBytes, place, ...(signal === undefined ? {} : { signal }) });
  } catch (cause) {
    const resumable = isFairleadError(cause, 'transport/unreachable', 'transport/refused');
    if (!resumable) await removeAll(pack).catch(() => undefined);
    throw cause;
  }
}

async function buildTree(
  ref: TreeRef,
  pack: string,
  staging: string,
  options: AddTreeOptions,
): Promise<void> {
  const handle = await open(pack, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await buildFrom(handle, ref, staging, options);
  } finally {
    await handle.close();
  }
}

async function buildFrom(
  pack: FileHandle,
  ref: TreeRef,
  staging: string,
  { layout, diskSpace }: AddTreeOptions,
): Promise<void> {
  const contents = await readPack(pack, ref);
  const space = await diskSpace(layout.temporary);
  requireSpace(layout.temporary, spaceOf(contents.index, space.blockBytes), space);

  const files = join(staging, FILES_DIRECTORY);
  await mkdir(files, { recursive: true });
  await unpackTree(contents, ref.digest, files);
  await writeFile(join(staging, INDEX_FILE), contents.indexBytes, { flag: 'wx' });
  await chmod(join(staging, INDEX_FILE), 0o444);
  for (const directory of [files, staging]) await chmod(directory, TREE_DIRECTORY_MODE);

  const paths = [
    ...contents.index.entries.flatMap((entry) => (entry.kind === 'file' ? [join(files, entry.path)] : [])),
    ...directoriesOf(contents.index).map((path) => join(files, path)),
  ];
  await syncTree(staging, [...paths, join(staging, INDEX_FILE), files, staging]);
}
