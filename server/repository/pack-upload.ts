// Packs, and the bills of materials beside them, on their way in: streamed to disk under a cap, checked against the tree they claim to carry, then taken into the store.
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type Digest, digestFromHex, digestOf, hexOf, shortDigest } from '../../shared/encoding/digest.ts';
import { FairleadError, isFairleadError, toDiskError } from '../../shared/errors/error.ts';
import { readPackIndex } from '../../shared/node/pack-reader.ts';
import { readRegular } from '../../shared/node/read-file.ts';
import { MAX_SBOM_BYTES } from '../../shared/schema/sbom.ts';
import { damagedPack, maxPackBytes } from '../../shared/tree/pack-format.ts';
import { measureTree } from '../../shared/tree/tree-index.ts';
import type { Layout } from './layout.ts';
import { packName, sbomName } from './names.ts';
import type { RepositoryStore } from './store.ts';
import { withUpload } from './uploads.ts';

/** The largest pack taken at all; what its own index allows is checked once it is here. */
export const MAX_UPLOAD_BYTES = 16 * 2 ** 30;

export interface Receiving {
  readonly store: RepositoryStore;
  /** Has the room on this machine's disk where a pack is looked at before it goes into the store. */
  readonly layout: Layout;
}

/**
 * Answers the bytes kept. A pack that is damaged, too long or of another tree leaves nothing behind.
 * Errors: publication/unfit-pack, request/too-large, disk/*, and those of the store.
 */
export async function receivePack(
  { store, layout }: Receiving,
  treeHex: string,
  body: Readable,
  cap = MAX_UPLOAD_BYTES,
): Promise<number> {
  return withUpload(layout, body, cap, async (file) => {
    try {
      const bytes = await measurePack(file, digestFromHex(treeHex));
      await store.take(packName(treeHex), file);
      return bytes;
    } catch (cause) {
      throw toRefusal(cause, treeHex);
    }
  });
}

/**
 * Takes the bill of materials of a tree by its digest; what it says is for whoever reads it.
 * Errors: publication/unfit-sbom, request/too-large, disk/*, and those of the store.
 */
export async function receiveSbom(
  { store, layout }: Receiving,
  { treeHex, sbomHex }: { readonly treeHex: string; readonly sbomHex: string },
  body: Readable,
): Promise<number> {
  return withUpload(layout, body, MAX_SBOM_BYTES, async (file) => {
    const bytes = await readRegular(file, MAX_SBOM_BYTES);
    if (hexOf(digestOf(bytes)) !== sbomHex)
      throw new FairleadError('publication/unfit-sbom', { sbom: sbomHex });
    await store.take(sbomName(treeHex, sbomHex), file);
    return bytes.length;
  });
}

/** The units are not unpacked: agents verify every file anyway. */
async function measurePack(path: string, tree: Digest): Promise<number> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > maxPackBytes({ digest: tree, ...measureTree(await readPackIndex(file, tree)) })) {
      throw damagedPack(tree, 'it is longer than its index can account for');
    }
    return size;
  } finally {
    await file.close();
  }
}

/** To an agent a bad pack is its server's fault; here it is the sender's. */
function toRefusal(cause: unknown, treeHex: string): unknown {
  if (isFairleadError(cause) && cause.code.startsWith('tree/')) {
    const data = { tree: shortDigest(digestFromHex(treeHex)), problem: cause.message };
    return new FairleadError('publication/unfit-pack', data, { cause });
  }
  const isSystemError = cause instanceof Error && 'syscall' in cause;
  return isSystemError ? toDiskError(packName(treeHex), cause) : cause;
}
