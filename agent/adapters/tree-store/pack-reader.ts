// Reads a downloaded pack as hostile bytes: every size bounded before it is allocated, every unit held against the index.
import type { FileHandle } from 'node:fs/promises';
import { constants as zlib, zstdDecompressSync } from 'node:zlib';
import { equalBytes } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestOf, shortDigest } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import {
  damagedPack,
  FRAME_LENGTH_BYTES,
  PACK_MAGIC,
  type PackHeader,
  parseFrameLength,
  parsePackHeader,
  parsePackUnit,
  WINDOW_LOG,
} from '../../../shared/tree/pack-format.ts';
import { resolveParts, type UnitPart } from '../../../shared/tree/pack-plan.ts';
import { measureTree, parseTreeIndex, type TreeIndex } from '../../../shared/tree/tree-index.ts';

/** The smallest output chunk that zlib takes. */
const MIN_CHUNK_BYTES = 64;

export interface PackContents {
  readonly index: TreeIndex;
  /** The signed bytes: their SHA-256 is the tree's digest. */
  readonly indexBytes: Uint8Array;
  /** Unit after unit, the runs of file content in it. Their bytes are not verified yet. Error: tree/pack-damaged. */
  readonly units: AsyncIterable<readonly UnpackedPart[]>;
}

export interface UnpackedPart extends UnitPart {
  readonly bytes: Uint8Array;
}

/** Errors: tree/pack-damaged, tree/pack-unsupported, tree/mismatch, and what parsing a signed but impossible index raises. */
export async function readPack(pack: FileHandle, ref: TreeRef): Promise<PackContents> {
  const source = createSource(pack, ref.digest);
  if (!equalBytes(await source.take(PACK_MAGIC.length), PACK_MAGIC)) {
    throw damagedPack(ref.digest, 'it does not start as a pack does');
  }
  const header = parsePackHeader(await source.takeFrame(), ref.digest);
  const packedIndex = await source.take(header.index.packed);
  const indexBytes = decompressExactly(packedIndex, header.index.raw, ref.digest);
  // Before the first look at the index: from here on these are the vendor's own bytes.
  requireSame(ref.digest, 'the digest of its index', ref.digest, digestOf(indexBytes));
  const index = parseTreeIndex(indexBytes);
  const { files, bytes } = measureTree(index);
  requireSame(ref.digest, 'its number of files', ref.files, files);
  requireSame(ref.digest, 'the sum of its file sizes', ref.bytes, bytes);
  return { index, indexBytes, units: readUnits(source, header, index) };
}

async function* readUnits(
  source: Source,
  header: PackHeader,
  index: TreeIndex,
): AsyncGenerator<readonly UnpackedPart[]> {
  for (let unit = 0; unit < header.units; unit++) {
    const description = parsePackUnit(await source.takeFrame(), header.tree);
    const parts = resolveParts(index, description, header.tree);
    const packed = await source.take(description.packed);
    const bytes = decompressExactly(packed, description.raw, header.tree);
    yield sliceParts(parts, bytes);
  }
  await source.requireEnd();
}

function sliceParts(parts: readonly UnitPart[], bytes: Uint8Array): readonly UnpackedPart[] {
  let end = 0;
  return parts.map((part) => {
    end += part.length;
    return { ...part, bytes: bytes.subarray(end - part.length, end) };
  });
}

interface Source {
  /** The bytes are overwritten by the next call. */
  take(length: number): Promise<Uint8Array>;
  takeFrame(): Promise<Uint8Array>;
  requireEnd(): Promise<void>;
}

/** Hands out the pack front to back; a length that points past its end is refused before memory is taken for it. */
function createSource(pack: FileHandle, tree: Digest): Source {
  let position = 0;
  // One buffer for all: fresh ones of 8 MB each would pile up faster than they are collected.
  let buffer = Buffer.allocUnsafeSlow(0);
  const left = async () => (await pack.stat()).size - position;
  const take = async (length: number) => {
    if (length > (await left())) throw damagedPack(tree, 'it ends early');
    if (length > buffer.length) buffer = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await pack.read(buffer, done, length - done, position + done);
      if (bytesRead === 0) throw damagedPack(tree, 'it ends early');
      done += bytesRead;
    }
    position += length;
    return buffer.subarray(0, length);
  };
  return {
    take,
    takeFrame: async () => take(parseFrameLength(await take(FRAME_LENGTH_BYTES), tree)),
    requireEnd: async () => {
      if ((await left()) > 0) throw damagedPack(tree, 'bytes follow its last unit');
    },
  };
}

/**
 * Bounded in output and in window: a few bytes can announce gigabytes of either. Synchronous on purpose: a unit takes
 * some 15 ms, and a queue of results waiting for collection would double the memory.
 */
function decompressExactly(packed: Uint8Array, raw: number, tree: Digest): Uint8Array {
  const bytes = decompress(packed, raw, tree);
  if (bytes.length === raw) return bytes;
  throw damagedPack(tree, `a part of it decompresses to ${bytes.length} bytes instead of ${raw}`);
}

function decompress(packed: Uint8Array, raw: number, tree: Digest): Uint8Array {
  try {
    return zstdDecompressSync(packed, {
      maxOutputLength: Math.max(raw, 1),
      chunkSize: raw + MIN_CHUNK_BYTES,
      params: { [zlib.ZSTD_d_windowLogMax]: WINDOW_LOG },
    });
  } catch (cause) {
    throw damagedPack(tree, 'a part of it does not decompress to the size it names', { cause });
  }
}

function requireSame(tree: Digest, what: string, expected: number | string, found: number | string): void {
  if (expected === found) return;
  throw new FairleadError('tree/mismatch', {
    tree: shortDigest(tree),
    what,
    expected: String(expected),
    found: String(found),
  });
}
