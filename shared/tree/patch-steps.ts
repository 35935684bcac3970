// Takes a patch apart without reading it, in the steps of pack-steps.ts. What is read of the old tree is as untrusted as the patch.
import { constants as zlib } from 'node:zlib';
import { equalBytes, freeLarge } from '../encoding/bytes.ts';
import type { Digest } from '../encoding/digest.ts';
import {
  damagedPack,
  EXPANSION_BYTES,
  FRAME_LENGTH_BYTES,
  MAX_UNIT_BYTES,
  WINDOW_LOG,
} from './pack-format.ts';
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
  MAX_PATCH_WINDOW_LOG,
  PATCH_MAGIC,
  type PatchHeader,
  type PatchUnit,
  parsePatchHeader,
  parsePatchPlan,
  type Stretch,
} from './patch-format.ts';
import { type createMovers, type FileScripts, parseScripts, runScript, stepsWithin } from './patch-script.ts';
import type { TreeFile, TreeIndex } from './tree-index.ts';

export interface PatchStart {
  readonly header: PatchHeader;
  readonly index: TreeIndex;
  /** The signed bytes: their SHA-256 is the tree's digest. */
  readonly indexBytes: Uint8Array;
  readonly scripts: FileScripts;
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
export function* patchStart(
  header: PatchHeader,
  base: { readonly index: TreeIndex; readonly indexBytes: Uint8Array },
): PackSteps<PatchStart> {
  const { to, index: packedIndex, scripts: packedScripts, plan: packedPlan } = header;
  const dictionary = Buffer.concat([PATCH_MAGIC, base.indexBytes]);
  const indexBytes = decompressPart(header, yield packedIndex.packed, packedIndex.raw, dictionary);
  const index = yield* verifiedIndex(indexBytes, to);
  const scriptBytes = decompressPart(header, yield packedScripts.packed, packedScripts.raw, PATCH_MAGIC);
  const scripts = parseScripts(scriptBytes, base.index, index, to);
  const planBytes = decompressPart(header, yield packedPlan.packed, packedPlan.raw, PATCH_MAGIC);
  return { header, index, indexBytes, scripts, plan: parsePatchPlan(planBytes, header, scripts) };
}

/** The runs that its script copies, or of which its dictionary is made. Error: tree/pack-damaged when the old tree has no such runs. */
export function resolveBases(
  old: TreeIndex,
  unit: PatchUnit,
  scripts: FileScripts,
  to: Digest,
): readonly BasePart[] {
  return stretchesOf(unit, scripts).map(([position, offset, length]) => {
    const file = old.entries[position];
    if (file?.kind !== 'file') throw damagedPack(to, `it starts from entry ${position}, which is no file`);
    if (offset + length > file.size) throw damagedPack(to, 'it starts from more than an old file has');
    return { file, offset, length };
  });
}

function stretchesOf(unit: PatchUnit, scripts: FileScripts): readonly Stretch[] {
  const script = scripts.get(unit.files[0] as number);
  if (script === undefined) return unit.bases;
  return [...stepsWithin(script, unit)]
    .filter(({ copied }) => copied > 0)
    .map(({ source, copied }) => [script.from, source, copied]);
}

/** The next unit: the runs of file content in it, in order. `old` is what stands in its bases, behind the magic. Error: tree/pack-damaged. */
export function* patchedUnit(
  { header, index, scripts }: Pick<PatchStart, 'header' | 'index' | 'scripts'>,
  unit: PatchUnit,
  old: Uint8Array,
  moverOf: ReturnType<typeof createMovers>,
): PackSteps<readonly UnpackedPart[]> {
  const { to } = header;
  const parts = resolveParts(index, unit, to);
  requireFull(parts, unit.raw, to);
  const packed = yield parseUnitLength(yield FRAME_LENGTH_BYTES, to);
  const script = scripts.get(unit.files[0] as number);
  const dictionary = script === undefined ? old : PATCH_MAGIC;
  const bytes = decompressPart(header, packed, unit.raw, dictionary, WINDOW_LOG);
  if (script === undefined) return cutUnit(parts, bytes);
  const made = runScript(script, moverOf(script), unit, old.subarray(PATCH_MAGIC.length), bytes);
  freeLarge(bytes);
  return cutUnit(parts, made);
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
  largest: number = MAX_PATCH_WINDOW_LOG,
): Uint8Array {
  return decompressExactly(packed, raw, to, {
    dictionary,
    params: { [zlib.ZSTD_d_windowLogMax]: Math.min(window, largest) },
  });
}
