// Where a stored tree lies, and with which modes.

import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { parseIndexInTurns } from '../../../shared/node/pack-source.ts';
import { isMomentary, readIfPresent } from '../../../shared/node/read-file.ts';
import type { TreeIndex } from '../../../shared/tree/tree-index.ts';

/*
 *   store/                          0711: a service finds its own tree by name, and lists nobody else's
 *     trees/<hex>/index.json        the signed bytes
 *     trees/<hex>/files/…           directories 0755, files 0444 or 0555
 *     trees/<hex>/shareable         there while nothing that could write to the files has run from it; see shareable.ts
 *     handed/<hex>                  there once the tree was handed to what may write to it, also while the tree is gone
 *     tmp/                          0700: downloads, trees under construction, trees on their way out
 *
 * Files are read-only for everyone: services may run under the agent's own account, and what runs is what was signed.
 * Directories stay writable for that account, so that an agent without root can remove a tree.
 * Trees share no file that what runs from one of them could write to: the other would be damaged, which a rollback needs.
 */
export const STORE_MODE = 0o711;
export const INDEX_FILE = 'index.json';
export const FILES_DIRECTORY = 'files';
export const SHAREABLE_FILE = 'shareable';

export interface StoreLayout {
  readonly store: string;
  readonly trees: string;
  readonly handed: string;
  readonly temporary: string;
}

export function storeLayout(stateDir: string): StoreLayout {
  const store = join(stateDir, 'store');
  return { store, trees: join(store, 'trees'), handed: join(store, 'handed'), temporary: join(store, 'tmp') };
}

/** Null when nothing is there that can be read as a file: a pipe or a link in its place is damage, not an error. */
export async function readIndexBytes(tree: string): Promise<Uint8Array | null> {
  const path = join(tree, INDEX_FILE);
  const found = await lstat(path).catch(() => null);
  if (!found?.isFile()) return null;
  return readIfPresent(path).catch((cause: unknown) => {
    if (isMomentary(cause)) throw cause;
    return null;
  });
}

/** Null when it is gone or not what was signed: that may be any bytes, and is not parsed. */
export async function readIndex(
  tree: string,
  digest: Digest,
  parse: (tree: Digest, bytes: Uint8Array) => Promise<TreeIndex> = (_, bytes) => parseIndexInTurns(bytes),
): Promise<TreeIndex | null> {
  const bytes = await readIndexBytes(tree);
  return bytes === null || digestOf(bytes) !== digest ? null : await parse(digest, bytes);
}
