// The bytes of a patch: magic, header, what changed in the index, a plan, then independent units. It carries a tree to who has another.
import { utf8 } from '../encoding/bytes.ts';
import type { Digest } from '../encoding/digest.ts';
import type { JsonLimits } from '../encoding/json.ts';
import { MAX_TREE_ENTRIES } from '../schema/tree-bounds.ts';
import { damagedPack, MAX_UNIT_BYTES, packed, parseFrame, requireTree, unitFiles } from './pack-format.ts';
import { copiedBytes, type FileScripts, MAX_SCRIPTS_BYTES } from './patch-script.ts';
import { count, digest, list, object, tuple } from './shapes.ts';

/*
 *   "FLPATCH2\n"
 *   frame: header
 *   index: zstd, header.index.packed bytes; its dictionary is the index of the tree it starts from
 *   scripts: zstd, header.scripts.packed bytes; which files are built from which old one, see patch-script.ts
 *   plan: zstd, header.plan.packed bytes of canonical JSON
 *   for each unit of the plan:
 *     its length (4 bytes, big-endian), and that many bytes of zstd: what the script of its file needs, or the bytes
 *     of its files, with stretches of old files for a dictionary
 *
 * Every dictionary begins with the magic: zstd would take one that begins with its own mark for a trained one. Contents
 * that stand in no unit are taken from the old tree. Nothing follows the last unit.
 */
/** Another one for whatever a reader of this one would refuse. */
export const PATCH_FORM = 2;
export const PATCH_MAGIC = utf8(`FLPATCH${PATCH_FORM}\n`);
/** As many bytes of a patch as say of which form it is, whichever comes yet. */
export const FORM_BYTES = 16;
/** Larger trees travel whole: their index would not fit into the reader's memory twice. */
export const MAX_PATCH_INDEX_BYTES = 16 * 2 ** 20;
export const MAX_PLAN_BYTES = 2 * 2 ** 20;
export const MAX_PLAN_NODES = 500_000;
export const MAX_DICTIONARY_BYTES = 10 * 2 ** 20;
/** The largest zstd window: that of an index. */
export const MAX_PATCH_WINDOW_LOG = 24;

/** The smallest that zstd knows. */
const MIN_WINDOW_LOG = 10;

/** What all dictionaries together may measure: work that grows with the bytes that were signed. */
export function maxDictionaryBytes(rawBytes: number): number {
  return 8 * rawBytes + 64 * 2 ** 20;
}

const PLAN_LIMITS: JsonLimits = { maxBytes: MAX_PLAN_BYTES, maxDepth: 8, maxNodes: MAX_PLAN_NODES };

const patchHeader = object({
  from: digest,
  to: digest,
  index: object(packed(MAX_PATCH_INDEX_BYTES)),
  scripts: object(packed(MAX_SCRIPTS_BYTES)),
  plan: object(packed(MAX_PLAN_BYTES)),
  /** What the largest part asks of its reader: zstd's window as a power of two, and the bytes of a dictionary. */
  window: count(MAX_PATCH_WINDOW_LOG, MIN_WINDOW_LOG),
  dictionary: count(MAX_DICTIONARY_BYTES),
});

/** Of the old index: the position of a file, where in it the stretch starts, how long it is. */
const stretch = tuple(count(), count(), count(Number.MAX_SAFE_INTEGER, 1));

const patchUnit = object({
  /** What its dictionary is made of, end to end; nothing where its file has a script. */
  bases: list(stretch, MAX_TREE_ENTRIES),
  /** Where the last file ends in a later unit, this one is full. */
  ...unitFiles,
  raw: count(MAX_UNIT_BYTES),
});

const patchPlan = object({ units: list(patchUnit, MAX_TREE_ENTRIES) });

export type PatchHeader = ReturnType<typeof patchHeader>;
export type PatchUnit = ReturnType<typeof patchUnit>;
export type Stretch = ReturnType<typeof stretch>;

/** By its first bytes; null of what is no patch. */
export function patchFormOf(start: Uint8Array): number | null {
  const form = /^FLPATCH([1-9]\d{0,5})\n/.exec(Buffer.from(start.subarray(0, FORM_BYTES)).toString('latin1'));
  return form === null ? null : Number(form[1]);
}

/** Errors: tree/pack-damaged, tree/mismatch when the patch leads to another tree. */
export function parsePatchHeader(bytes: Uint8Array, to: Digest): PatchHeader {
  const header = parseFrame(patchHeader, bytes, to);
  requireTree(header.to, to);
  for (const { raw } of [header.index, header.scripts, header.plan]) requireWithin(header, raw);
  return header;
}

/** Error: tree/pack-damaged. */
export function parsePatchPlan(
  bytes: Uint8Array,
  header: PatchHeader,
  scripts: FileScripts,
): readonly PatchUnit[] {
  const { to, dictionary } = header;
  const { units } = parseFrame(patchPlan, bytes, to, PLAN_LIMITS);
  let raw = 0;
  let bases = 0;
  const made = new Map<number, number>();
  for (const unit of units) {
    if (unit.files.some((position) => scripts.has(position))) requireNextOfScript(unit, made, to);
    const size = dictionaryBytes(unit, scripts);
    if (size > dictionary) throw damagedPack(to, 'a dictionary is larger than its header says');
    requireWithin(header, unit.raw);
    raw += unit.raw;
    bases += size;
  }
  if (bases > maxDictionaryBytes(raw)) throw damagedPack(to, 'its dictionaries are out of proportion');
  return units;
}

/** What a unit copies is counted step by step: named again and again, one long script would keep its reader for minutes. */
function requireNextOfScript(
  { files, bases, offset, raw }: PatchUnit,
  made: Map<number, number>,
  to: Digest,
): void {
  if (files.length + bases.length > 1) {
    throw damagedPack(to, 'a file with a script does not stand alone in its unit');
  }
  const position = files[0] as number;
  if (offset !== (made.get(position) ?? 0)) {
    throw damagedPack(to, 'the units of a file with a script do not follow one another');
  }
  made.set(position, offset + raw);
}

/** What a reader sets aside by the header's word has to do for every part. */
function requireWithin({ to, window }: PatchHeader, raw: number): void {
  if (windowLogOf(raw) > window) throw damagedPack(to, 'a part is larger than the window its header states');
}

/** Of old files, with the magic: what a unit is compressed with, or built of. */
export function dictionaryBytes(unit: PatchUnit, scripts: FileScripts): number {
  const script = scripts.get(unit.files[0] as number);
  if (script !== undefined) return PATCH_MAGIC.length + copiedBytes(script, unit);
  return unit.bases.reduce((sum, [, , length]) => sum + length, PATCH_MAGIC.length);
}

/** The least window, as a power of two, that holds so many bytes at once. */
export function windowLogOf(raw: number): number {
  return Math.max(MIN_WINDOW_LOG, Math.ceil(Math.log2(raw)));
}
