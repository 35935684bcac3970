// The bytes of a pack: magic, header, index, then independent units. A pack carries a tree and needs no trust.
import { utf8 } from '../encoding/bytes.ts';
import { canonicalize } from '../encoding/canonical.ts';
import { type Digest, shortDigest } from '../encoding/digest.ts';
import { type JsonLimits, type JsonValue, parseJson } from '../encoding/json.ts';
import { FairleadError, isFairleadError } from '../errors/error.ts';
import type { TreeRef } from '../schema/release.ts';
import { MAX_TREE_ENTRIES } from '../schema/tree-bounds.ts';
import { MAX_INDEX_BYTES } from './parse-index.ts';
import { count, digest, list, nullable, object, type Shape } from './shapes.ts';

/*
 *   "FLPACK1\n"
 *   frame: header
 *   index: zstd, header.index.packed bytes
 *   header.units times:
 *     frame: unit
 *     zstd, unit.packed bytes
 *
 * A frame is a length (4 bytes, big-endian) and that many bytes of canonical JSON. Nothing follows the last unit.
 */
export const PACK_MAGIC = utf8('FLPACK1\n');
export const FRAME_LENGTH_BYTES = 4;
export const MAX_FRAME_BYTES = 2 * 2 ** 20;
export const MAX_UNIT_BYTES = 8 * 2 ** 20;
/** The largest zstd window a reader has to hold: one unit. */
export const WINDOW_LOG = 23;

/** Compressing what cannot be compressed adds a little. */
export const EXPANSION_BYTES = 64 * 1024;
const FRAME_LIMITS: JsonLimits = { maxBytes: MAX_FRAME_BYTES, maxDepth: 4, maxNodes: 200_100 };

/** Bytes as they are, and compressed. */
export const packed = (maxRaw: number) => ({
  packed: count(maxRaw + EXPANSION_BYTES),
  raw: count(maxRaw),
});

const packHeader = object({
  tree: digest,
  /** The tree whose files serve as dictionaries; null in a full pack, the only kind this version reads. */
  base: nullable(digest),
  index: object(packed(MAX_INDEX_BYTES)),
  units: count(),
});

/** The files that have bytes in a unit. */
export const unitFiles = {
  /** Positions in the index, in the order in which the files' bytes stand in the unit, end to end. */
  files: list(count(), MAX_TREE_ENTRIES, 1),
  /** Where in the first file the unit starts; the last file may end in a later unit. */
  offset: count(),
};

const packUnit = object({ ...unitFiles, ...packed(MAX_UNIT_BYTES) });

export type PackHeader = ReturnType<typeof packHeader>;
export type PackUnit = ReturnType<typeof packUnit>;

/** Header and unit descriptions as they stand in a pack. */
export function writeFrame(value: JsonValue): Uint8Array {
  const json = canonicalize(value);
  const frame = Buffer.alloc(FRAME_LENGTH_BYTES + json.length);
  frame.writeUInt32BE(json.length);
  frame.set(json, FRAME_LENGTH_BYTES);
  return frame;
}

/** The number of JSON bytes a frame announces. Error: tree/pack-damaged above the cap. */
export function parseFrameLength(bytes: Uint8Array, tree: Digest): number {
  const length = Buffer.from(bytes).readUInt32BE();
  if (length > MAX_FRAME_BYTES) throw damagedPack(tree, `a description of ${length} bytes is too long`);
  return length;
}

/** Errors: tree/pack-damaged, tree/pack-unsupported, tree/mismatch when the pack is of another tree. */
export function parsePackHeader(bytes: Uint8Array, tree: Digest): PackHeader {
  const header = parseFrame(packHeader, bytes, tree);
  requireTree(header.tree, tree);
  if (header.base !== null) {
    throw new FairleadError('tree/pack-unsupported', {
      tree: shortDigest(tree),
      problem: `it is a delta from tree ${shortDigest(header.base)}`,
    });
  }
  return header;
}

/** The tree that a header names is the one that is wanted. Error: tree/mismatch. */
export function requireTree(found: Digest, tree: Digest): void {
  if (found === tree) return;
  throw new FairleadError('tree/mismatch', {
    tree: shortDigest(tree),
    what: 'the tree it names',
    expected: tree,
    found,
  });
}

/** Error: tree/pack-damaged. */
export function parsePackUnit(bytes: Uint8Array, tree: Digest): PackUnit {
  return parseFrame(packUnit, bytes, tree);
}

/** What a download of this tree's pack may measure at most: its files as they are, and a generous index. */
export function maxPackBytes(ref: TreeRef): number {
  return ref.bytes + Math.ceil(ref.bytes / 128) + ref.files * 1024 + 8 * 2 ** 20;
}

export function damagedPack(
  tree: Digest,
  problem: string,
  options?: { readonly cause: unknown },
): FairleadError {
  return new FairleadError('tree/pack-damaged', { tree: shortDigest(tree), problem }, options);
}

/** Error: tree/pack-damaged. */
export function parseFrame<Value>(
  shape: Shape<Value>,
  bytes: Uint8Array,
  tree: Digest,
  limits = FRAME_LIMITS,
): Value {
  try {
    return shape(parseJson(bytes, 'a description in the pack', limits));
  } catch (cause) {
    if (!isFairleadError(cause)) throw cause;
    throw damagedPack(tree, 'a description in it cannot be read', { cause });
  }
}
