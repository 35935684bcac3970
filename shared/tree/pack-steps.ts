// Takes a pack apart without reading it: each step yields what it wants next and is resumed with exactly that.
//
// The bytes are hostile: every size is bounded before memory is taken for it, and all is held against what was signed.
import { createHash } from 'node:crypto';
import { type ZstdOptions, constants as zlib, zstdDecompressSync } from 'node:zlib';
import { equalBytes } from '../encoding/bytes.ts';
import { type Digest, digestFromHex, shortDigest } from '../encoding/digest.ts';
import type { Pieces } from '../encoding/pieces.ts';
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
import { parseTreeIndexSliced } from './parse-index.ts';
import { measureTree, type TreeIndex } from './tree-index.ts';

/** The next so many bytes of the pack (none: it only rests), or a large part decompressed to exactly `raw` bytes. */
export type PackWant = number | { readonly packed: Uint8Array; readonly raw: number };

/** What was handed in may be overwritten once the next bytes are asked for. */
export type PackSteps<Result> = Generator<PackWant, Result, Uint8Array>;

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
  const indexBytes = yield* decompressIndex(yield header.index.packed, header.index.raw, tree);
  return { header, index: yield* verifiedIndex(indexBytes, tree), indexBytes };
}

/** Errors: tree/mismatch where the bytes are not what was signed, and what an impossible index raises. */
export function* verifiedIndex(indexBytes: Uint8Array, tree: Digest): PackSteps<TreeIndex> {
  // Before the first look at the index: from here on these are the vendor's own bytes.
  requireSame(tree, 'the digest of its index', tree, yield* resting(digestSliced(indexBytes)));
  return yield* resting(parseTreeIndexSliced(indexBytes));
}

/** The next unit: the runs of file content in it, in order. Error: tree/pack-damaged. */
export function* unpackUnit(index: TreeIndex, tree: Digest): PackSteps<readonly UnpackedPart[]> {
  const unit = parsePackUnit(yield* takeFrame(tree), tree);
  const parts = resolveParts(index, unit, tree);
  return cutUnit(parts, decompressExactly(yield unit.packed, unit.raw, tree));
}

export function cutUnit(parts: readonly UnitPart[], bytes: Uint8Array): readonly UnpackedPart[] {
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

/** Beyond a megabyte it would take the turn of everybody else. */
const MAX_SYNCHRONOUS_BYTES = 2 ** 20;

function* decompressIndex(packed: Uint8Array, raw: number, tree: Digest): PackSteps<Uint8Array> {
  if (raw <= MAX_SYNCHRONOUS_BYTES) return decompressExactly(packed, raw, tree);
  return requireExact(yield { packed, raw }, raw, tree);
}

function* resting<Result>(work: Pieces<Result>): PackSteps<Result> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    yield 0;
  }
}

const HASH_SLICE_BYTES = 4 * 2 ** 20;

function* digestSliced(bytes: Uint8Array): Pieces<Digest> {
  const hash = createHash('sha256');
  for (let start = 0; start < bytes.length; start += HASH_SLICE_BYTES) {
    hash.update(bytes.subarray(start, start + HASH_SLICE_BYTES));
    yield HASH_SLICE_BYTES;
  }
  return digestFromHex(hash.digest('hex'));
}

export function* takeFrame(tree: Digest): PackSteps<Uint8Array> {
  return yield parseFrameLength(yield FRAME_LENGTH_BYTES, tree);
}

/**
 * Bounded in output and in window: a few bytes can announce gigabytes of either. Synchronous on purpose: a unit takes
 * some 15 ms, and a queue of results waiting for collection would double the memory.
 */
export function decompressExactly(
  packed: Uint8Array,
  raw: number,
  tree: Digest,
  more: ZstdOptions = {},
): Uint8Array {
  return requireExact(decompress(packed, raw, tree, more), raw, tree);
}

function requireExact(bytes: Uint8Array, raw: number, tree: Digest): Uint8Array {
  if (bytes.length === raw) return bytes;
  throw damagedPack(tree, `a part of it decompresses to ${bytes.length} bytes instead of ${raw}`);
}

/** The smallest output chunk that zlib takes. */
const MIN_CHUNK_BYTES = 64;

/** Bounded in output and in window, in one piece. */
export function decompressionOf(raw: number) {
  return {
    maxOutputLength: Math.max(raw, 1),
    chunkSize: raw + MIN_CHUNK_BYTES,
    params: { [zlib.ZSTD_d_windowLogMax]: WINDOW_LOG },
  };
}

function decompress(packed: Uint8Array, raw: number, tree: Digest, more: ZstdOptions): Uint8Array {
  try {
    return zstdDecompressSync(packed, { ...decompressionOf(raw), ...more });
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
