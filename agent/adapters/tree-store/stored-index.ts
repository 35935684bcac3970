// The signed index beside a stored tree's files.
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { parseIndexInTurns } from '../../../shared/node/pack-source.ts';
import { isMomentary, readIfPresent } from '../../../shared/node/read-file.ts';
import type { TreeIndex } from '../../../shared/tree/tree-index.ts';
import { INDEX_FILE } from './layout.ts';

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

/** Null when it is gone or not what was signed. */
export async function readIndex(tree: string, digest: Digest): Promise<TreeIndex | null> {
  const bytes = await readIndexBytes(tree);
  return bytes === null || digestOf(bytes) !== digest ? null : await parseIndexInTurns(bytes);
}
