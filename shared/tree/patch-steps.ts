// Takes a patch apart without reading it, in the steps of pack-steps.ts. What is read of the old tree is as untrusted as the patch.
import { constants as zlib } from 'node:zlib';
import { equalBytes, freeLarge } from '../encoding/bytes.ts';
import type { Digest } from '../encoding/digest.ts';
import { damagedPack, EXPANSION_BYTES, FRAME_LENGTH_BYTES, MAX_UNIT_BYTES } from './pack-format.ts';
import { resolveParts, type UnitPart } from './pack-plan.ts';
import {
  cutUnit,
  decompressExactly,
  type PackSteps,
  takeFrame,
  type UnpackedPart,
  verifiedIndex,
} from './pack-steps.ts';
import {
  PATCH_MAGIC,
  type PatchHeader,
  type PatchUnit,
  PLAIN_UNIT,
  parsePatchHeader,
  parsePatchPlan,
  SCRIPT_UNIT,
} from './patch-format.ts';
import { maxScriptBytes, runScript } from './patch-script.ts';
import type { TreeFile, TreeIndex } from './tree-index.ts';

export interface PatchStart {
  readonly header: PatchHeader;
  readonly index: TreeIndex;
  /** The signed bytes: their SHA-256 is the tree's digest. */
  readonly indexBytes: Uint8Array;
  readonly plan: readonly PatchUnit[];
}

/** A run of an old file's bytes. */
export interface BasePart {
  readonly file: TreeFile;
  readonly offset: number;
  readonly length: number;
}

/** Errors: tree/pack-damaged, tree/mismatch when the patch leads to another tree. */
export function* patchHeader(to: Digest): PackSteps<PatchHeader> {
  if (!equalBytes(yield PATCH_MAGIC.length, PATCH_MAGIC)) {
    throw damagedPack(to, 'it does not start as a patch does');
  }
  return parsePatchHeader(yield* takeFrame(to), to);
}

/** The rest up to the first unit. Errors: tree/pack-damaged, tree/mismatch, and what an impossible index raises. */
export function* patchStart(header: PatchHeader, baseIndexBytes: Uint8Array): PackSteps<PatchStart> {
  const { to, index: packedIndex, plan: packedPlan } = header;
  const dictionary = Buffer.concat([PATCH_MAGIC, baseIndexBytes]);
  const indexBytes = decompressPart(header, yield packedIndex.packed, packedIndex.raw, dictionary);
  const index = yield* verifiedIndex(indexBytes, to);
  const planBytes = decompressPart(header, yield packedPlan.packed, packedPlan.raw, PATCH_MAGIC);
  return { header, index, indexBytes, plan: parsePatchPlan(planBytes, header) };
}

/** The runs of which a unit's dictionary is made. Error: tree/pack-damaged when the old tree has no such runs. */
export function resolveBases(old: TreeIndex, { bases }: PatchUnit, to: Digest): readonly BasePart[] {
  return bases.map(([position, offset, length]) => {
    const file = old.entries[position];
    if (file?.kind !== 'file') throw damagedPack(to, `it starts from entry ${position}, which is no file`);
    if (offset + length > file.size) throw damagedPack(to, 'it starts from more than an old file has');
    return { file, offset, length };
  });
}

/** The next unit: the runs of file content in it, in order. `dictionary` begins with the magic. Error: tree/pack-damaged. */
export function* patchedUnit(
  { header, index }: Pick<PatchStart, 'header' | 'index'>,
  unit: PatchUnit,
  dictionary: Uint8Array,
): PackSteps<readonly UnpackedPart[]> {
  const parts = resolveParts(index, unit, header.to);
  requireFull(parts, unit.raw, header.to);
  const body = yield parseUnitLength(yield FRAME_LENGTH_BYTES, header.to);
  return cutUnit(parts, unpackBody(header, body, unit.raw, dictionary));
}

function unpackBody(header: PatchHeader, body: Uint8Array, raw: number, dictionary: Uint8Array): Uint8Array {
  const { to } = header;
  const [coding] = body;
  if (coding === PLAIN_UNIT) return decompressPart(header, body.subarray(1), raw, dictionary);
  if (coding !== SCRIPT_UNIT || body.length < 1 + FRAME_LENGTH_BYTES)
    throw damagedPack(to, 'a unit has no known coding');
  const length = Buffer.from(body.subarray(1, 1 + FRAME_LENGTH_BYTES)).readUInt32BE();
  if (length > maxScriptBytes(raw)) throw damagedPack(to, `a script of ${length} bytes is too long`);
  const script = decompressPart(header, body.subarray(1 + FRAME_LENGTH_BYTES), length, dictionary);
  const made = runScript(script, dictionary, raw, to);
  freeLarge(script);
  return made;
}

/** Else a file could come byte by byte, and each take the time that a unit takes. */
function requireFull(parts: readonly UnitPart[], raw: number, to: Digest): void {
  const last = parts.at(-1);
  if (last === undefined || last.offset + last.length === last.file.size || raw === MAX_UNIT_BYTES) return;
  throw damagedPack(to, 'a unit ends within a file before it is full');
}

function parseUnitLength(bytes: Uint8Array, to: Digest): number {
  const length = Buffer.from(bytes).readUInt32BE();
  if (length > MAX_UNIT_BYTES + EXPANSION_BYTES)
    throw damagedPack(to, `a unit of ${length} bytes is too long`);
  return length;
}

function decompressPart(
  { to, window }: PatchHeader,
  packed: Uint8Array,
  raw: number,
  dictionary: Uint8Array,
): Uint8Array {
  return decompressExactly(packed, raw, to, {
    dictionary,
    params: { [zlib.ZSTD_d_windowLogMax]: window },
  });
}
