// Builds patches section by section, so that a test can lie in any of them.
import { constants as zlib, zstdCompressSync } from 'node:zlib';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import type { JsonObject, JsonValue } from '../../../../shared/encoding/json.ts';
import type { TreeRef } from '../../../../shared/schema/release.ts';
import { MAX_UNIT_BYTES } from '../../../../shared/tree/pack-format.ts';
import {
  MAX_DICTIONARY_BYTES,
  MAX_PATCH_WINDOW_LOG,
  PATCH_MAGIC,
} from '../../../../shared/tree/patch-format.ts';
import { patternedBytes } from '../../../support/directories.ts';
import { frameSections, type Section } from './pack-builder.ts';

/** A patch before it is bytes. Every field may be a lie. */
export interface PatchDraft {
  readonly ref: TreeRef;
  readonly header: JsonObject;
  readonly index: Uint8Array;
  readonly scripts: Uint8Array;
  readonly plan: Uint8Array;
  readonly units: readonly { readonly length: number; readonly packed: Uint8Array }[];
}

const NOTHING = new Uint8Array();
const TEXT = patternedBytes(2_000, 'text');
export const LATER = Buffer.concat([TEXT.subarray(0, 700), utf8('something new'), TEXT.subarray(700)]);
const LONG = Buffer.concat([Buffer.alloc(MAX_UNIT_BYTES, 'long'), patternedBytes(1_500, 'long')]);

/** The last bytes of `cut`. */
export const TAIL = LONG.subarray(MAX_UNIT_BYTES);

export const OLD_FILES = { keep: utf8('the same in both'), text: TEXT } as const;

const fileOf = (path: string, content: Uint8Array, more: JsonObject = {}): JsonObject => ({
  ...{ kind: 'file', path, mode: 0o644, size: content.length, digest: digestOf(content), ...more },
});

const OLD_ENTRIES: readonly JsonObject[] = [
  fileOf('keep', OLD_FILES.keep),
  { kind: 'link', path: 'link', target: 'keep' },
  fileOf('text', OLD_FILES.text),
];
/** `cut` stands in two units; `keep` and its copy come from the old tree. */
export const NEW_ENTRIES: readonly JsonObject[] = [
  fileOf('copy', OLD_FILES.keep),
  fileOf('cut', LONG),
  { kind: 'directory', path: 'empty' },
  fileOf('keep', OLD_FILES.keep),
  { kind: 'link', path: 'link', target: 'text' },
  fileOf('nothing', Buffer.alloc(0)),
  fileOf('text', LATER),
];

export const OLD_INDEX = indexOf(OLD_ENTRIES);
export const OLD_REF = refOf(OLD_ENTRIES);
/** An honest plan of the sample: `text` from the old one, `cut` from nothing. */
export const PLAN: readonly JsonObject[] = [
  { bases: [[2, 0, 2_000]], files: [6, 5], offset: 0, raw: LATER.length },
  { bases: [], files: [1], offset: 0, raw: MAX_UNIT_BYTES },
  { bases: [[2, 100, 50]], files: [1], offset: MAX_UNIT_BYTES, raw: 1_500 },
];

export function draftPatch(entries: readonly JsonValue[] = NEW_ENTRIES): PatchDraft {
  const newIndex = indexOf(entries);
  const units = [
    unitOf(LATER, TEXT),
    unitOf(LONG.subarray(0, MAX_UNIT_BYTES)),
    unitOf(TAIL, TEXT.subarray(100, 150)),
  ];
  const draft = { ref: refOf(entries), index: compressed(newIndex, OLD_INDEX), units };
  const header = {
    ...{ from: OLD_REF.digest, to: draft.ref.digest, window: 24, dictionary: 2_100 },
    index: { packed: draft.index.length, raw: newIndex.length },
  };
  return withPlan(withScripts({ ...draft, header, scripts: NOTHING, plan: NOTHING }), PLAN);
}

interface PlainTrees {
  readonly old: Readonly<Record<string, Uint8Array>>;
  readonly next: Readonly<Record<string, Uint8Array>>;
  readonly plan: JsonValue;
  readonly units: PatchDraft['units'];
}

/** Between two trees of plain files, with the largest window and dictionary that there may be. */
export function draftOf({
  old,
  next,
  plan,
  units,
}: PlainTrees): PatchDraft & { readonly oldIndex: Uint8Array } {
  const [oldEntries, entries] = [old, next].map((files) =>
    Object.entries(files).map(([path, content]) => fileOf(path, content)),
  ) as [JsonObject[], JsonObject[]];
  const [oldIndex, newIndex, ref] = [indexOf(oldEntries), indexOf(entries), refOf(entries)];
  const index = compressed(newIndex, oldIndex);
  const header = {
    ...{ from: digestOf(oldIndex), to: ref.digest, index: { packed: index.length, raw: newIndex.length } },
    ...{ window: MAX_PATCH_WINDOW_LOG, dictionary: MAX_DICTIONARY_BYTES },
  };
  const draft = withScripts({ ref, header, index, units, scripts: NOTHING, plan: NOTHING });
  return { ...withPlan(draft, plan), oldIndex };
}

/** The draft with another plan, whose size its header says. */
export function withPlan(draft: PatchDraft, units: JsonValue, more: JsonObject = {}): PatchDraft {
  const raw = canonicalize({ units, ...more });
  return withPart(draft, 'plan', compressed(raw), raw.length);
}

/** The draft with other scripts: how many files, and what is said of each. */
export function withScripts(draft: PatchDraft, numbers: readonly number[] = [0]): PatchDraft {
  const raw = Buffer.from(numbers);
  return withPart(draft, 'scripts', compressed(raw), raw.length);
}

export function withPart(
  draft: PatchDraft,
  part: 'index' | 'scripts' | 'plan',
  packed: Uint8Array,
  raw: number,
): PatchDraft {
  const header = { ...draft.header, [part]: { packed: packed.length, raw } };
  return { ...draft, header, [part]: packed };
}

export function unitOf(raw: Uint8Array, dictionary: Uint8Array = NOTHING) {
  return unitFrom(compressed(raw, dictionary));
}

export function unitFrom(packed: Uint8Array) {
  return { length: packed.length, packed };
}

export function compressed(bytes: Uint8Array, dictionary: Uint8Array = NOTHING): Uint8Array {
  return zstdCompressSync(bytes, {
    dictionary: Buffer.concat([PATCH_MAGIC, dictionary]),
    pledgedSrcSize: bytes.length,
    params: { [zlib.ZSTD_c_compressionLevel]: 3 },
  });
}

export function patchSections({ header, index, scripts, plan, units }: PatchDraft): readonly Section[] {
  return [
    { name: 'magic', bytes: PATCH_MAGIC },
    ...frameSections('header', header),
    { name: 'index', bytes: index },
    { name: 'scripts', bytes: scripts },
    { name: 'plan', bytes: plan },
    ...units.flatMap(({ length, packed }, i) => [
      { name: `unit ${i} length`, bytes: lengthOf(length) },
      { name: `unit ${i}`, bytes: packed },
    ]),
  ];
}

function lengthOf(length: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

function indexOf(entries: readonly JsonValue[]): Uint8Array {
  return canonicalize({ schema: 'fairlead/tree@1', entries });
}

function refOf(entries: readonly JsonValue[]): TreeRef {
  const sizes = entries.map((entry) => Number((entry as { size?: number }).size)).filter((n) => n >= 0);
  return {
    digest: digestOf(indexOf(entries)),
    files: sizes.length,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}
