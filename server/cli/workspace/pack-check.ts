// Re-hashes a pack that was built: the tree is what its bytes say, not what the build said they would be.
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { equalBytes } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestFromHex } from '../../../shared/encoding/digest.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import {
  damagedPack,
  FRAME_LENGTH_BYTES,
  PACK_MAGIC,
  parseFrameLength,
  parsePackHeader,
  parsePackUnit,
} from '../../../shared/tree/pack-format.ts';
import { resolveParts } from '../../../shared/tree/pack-plan.ts';
import { parseTreeIndex, type TreeIndex, treeRefOf } from '../../../shared/tree/tree-index.ts';

const decompress = promisify(zstdDecompress);

/** Null when every byte of the tree is in the pack, else what is wrong with it. Error: vendor/file-unreadable. */
export async function findPackProblem(
  path: string,
  tree: TreeRef,
  onProgress: (done: number, total: number) => void,
): Promise<string | null> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new FairleadError(
      'vendor/file-unreadable',
      { path, problem: 'the pack cannot be opened' },
      { cause },
    );
  });
  try {
    await verifyPack(file, tree, onProgress);
    return null;
  } catch (error) {
    if (!isFairleadError(error)) throw error;
    return error.message;
  } finally {
    await file.close();
  }
}

type Take = (length: number) => Promise<Uint8Array>;

async function verifyPack(
  file: FileHandle,
  tree: TreeRef,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const { digest } = tree;
  const take = createReader(file, digest);
  const takeFrame = async () => take(parseFrameLength(await take(FRAME_LENGTH_BYTES), digest));

  if (!equalBytes(await take(PACK_MAGIC.length), PACK_MAGIC)) throw damagedPack(digest, 'it is no pack');
  const header = parsePackHeader(await takeFrame(), digest);
  const index = parseTreeIndex(await unpack(await take(header.index.packed), header.index.raw, digest));
  const found = treeRefOf(index);
  if (found.digest !== digest || found.files !== tree.files || found.bytes !== tree.bytes) {
    throw damagedPack(digest, `its index is that of ${found.digest}`);
  }
  const contents = createContentCheck(index, digest);
  for (let unit = 0; unit < header.units; unit++) {
    await verifyUnit(take, takeFrame, index, digest, contents.accept);
    onProgress(unit + 1, header.units);
  }
  contents.requireComplete();
}

async function verifyUnit(
  take: Take,
  takeFrame: () => Promise<Uint8Array>,
  index: TreeIndex,
  tree: Digest,
  accept: ContentCheck['accept'],
): Promise<void> {
  const unit = parsePackUnit(await takeFrame(), tree);
  const bytes = await unpack(await take(unit.packed), unit.raw, tree);
  let at = 0;
  for (const { file, offset, length } of resolveParts(index, unit, tree)) {
    accept(file.digest, offset, bytes.subarray(at, at + length), offset + length === file.size);
    at += length;
  }
}

interface ContentCheck {
  readonly accept: (digest: Digest, offset: number, bytes: Uint8Array, isLast: boolean) => void;
  readonly requireComplete: () => void;
}

/** A file cut into several units is hashed across them, in order. */
function createContentCheck(index: TreeIndex, tree: Digest): ContentCheck {
  const missing = new Set(index.entries.flatMap((entry) => (entry.kind === 'file' ? [entry.digest] : [])));
  let hash: Hash = createHash('sha256');
  return {
    accept: (digest, offset, bytes, isLast) => {
      if (offset === 0) hash = createHash('sha256');
      hash.update(bytes);
      if (!isLast) return;
      if (digestFromHex(hash.digest('hex')) !== digest)
        throw damagedPack(tree, `${digest} holds other bytes`);
      missing.delete(digest);
    },
    requireComplete: () => {
      if (missing.size > 0) throw damagedPack(tree, `the content of ${missing.size} files is missing`);
    },
  };
}

function createReader(file: FileHandle, tree: Digest): Take {
  let position = 0;
  return async (length) => {
    const buffer = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(buffer, done, length - done, position);
      if (bytesRead === 0) throw damagedPack(tree, 'it ends too early');
      done += bytesRead;
      position += bytesRead;
    }
    return buffer;
  };
}

async function unpack(packed: Uint8Array, raw: number, tree: Digest): Promise<Uint8Array> {
  try {
    const bytes = await decompress(packed, { maxOutputLength: Math.max(raw, 1024) });
    if (bytes.length === raw) return bytes;
  } catch (cause) {
    throw damagedPack(tree, 'a part of it cannot be unpacked', { cause });
  }
  throw damagedPack(tree, 'a part of it is not as long as it says');
}
