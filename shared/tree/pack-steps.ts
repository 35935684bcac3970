// Takes a pack apart without reading it: each step yields how many bytes it wants next and is resumed with exactly those.
//
// The bytes are hostile: every size is bounded before memory is taken for it, and all is held against what was signed.
import { constants as zlib, zstdDecompressSync } from 'node:zlib';
import { equalBytes } from '../encoding/bytes.ts';
import { type Digest, digestOf, shortDigest } from '../encoding/digest.ts';
import { FairleadError } from '../errors/error.ts';
import type { TreeRef } from '../schema/release.ts';
import {
  damagedPack,
  FRAME_LENGTH_BYTES,
  PACK_MAGIC,
  type PackHeader,
  parseFrameLength,
  parsePackHeader,
  parsePackUnit,
  WINDOW_LOG,
} from './pack-format.ts';
import { resolveParts, type UnitPart } from './pack-plan.ts';
import { measureTree, parseTreeIndex, type TreeIndex } from './tree-index.ts';

/** What was handed in may be overwritten once the next bytes are asked for. */
export type PackSteps<Result> = Generator<number, Result, Uint8Array>;

export interface PackStart {
  readonly header: PackHeader;
  readonly index: TreeIndex;
  /** The signed bytes: their SHA-256 is the tree's digest. */
  readonly indexBytes: Uint8Array;
}

/** A run of one file's bytes, not held against the file's digest yet. */
export interface UnpackedPart extends UnitPart {
  readonly bytes: Uint8Array;
}

/** All before the first unit. Errors: tree/pack-damaged, tree/pack-unsupported, tree/mismatch, and what an impossible index raises. */
export function* unpackStart(tree: Digest): PackSteps<PackStart> {
  if (!equalBytes(yield PACK_MAGIC.length, PACK_MAGIC)) {
    throw damagedPack(tree, 'it does not start as a pack does');
  }
  const header = parsePackHeader(yield* takeFrame(tree), tree);
  const indexBytes = decompressExactly(yield header.index.packed, header.index.raw, tree);
  // Before the first look at the index: from here on these are the vendor's own bytes.
  requireSame(tree, 'the digest of its index', tree, digestOf(indexBytes));
  return { header, index: parseTreeIndex(indexBytes), indexBytes };
}

/** The next unit: the runs of file content in it, in order. Error: tree/pack-damaged. */
export function* unpackUnit(index: TreeIndex, tree: Digest): PackSteps<readonly UnpackedPart[]> {
  const unit = parsePackUnit(yield* takeFrame(tree), tree);
  const parts = resolveParts(index, unit, tree);
  const bytes = decompressExactly(yield unit.packed, unit.raw, tree);
  let end = 0;
  return parts.map((part) => {
    end += part.length;
    return { ...part, bytes: bytes.subarray(end - part.length, end) };
  });
}

/** The files and bytes that a release promises are those of the index. Error: tree/mismatch. */
export function verifyMeasures(index: TreeIndex, ref: TreeRef): void {
  const { files, bytes } = measureTree(index);
  requireSame(ref.digest, 'its number of files', ref.files, files);
  requireSame(ref.digest, 'the sum of its file sizes', ref.bytes, bytes);
}

function* takeFrame(tree: Digest): PackSteps<Uint8Array> {
  return yield parseFrameLength(yield FRAME_LENGTH_BYTES, tree);
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

/** The smallest output chunk that zlib takes. */
const MIN_CHUNK_BYTES = 64;

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
