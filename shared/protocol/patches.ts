// Patches: the short ways to a tree from others that an install may have, and the list of them beside its full pack. Nothing of it is believed.
import { z } from 'zod';
import { utf8 } from '../encoding/bytes.ts';
import type { Digest } from '../encoding/digest.ts';
import type { JsonLimits } from '../encoding/json.ts';
import { byteCount, digest } from '../schema/common.ts';
import { parseDocumentBytes } from '../schema/parse-document.ts';
import type { TreeRef } from '../schema/release.ts';
import { maxPackBytes } from '../tree/pack-format.ts';
import { PATCH_FORM } from '../tree/patch-format.ts';

/** Of one tree. The ones that were sent last stay. */
export const MOST_PATCHES = 16;
/** What `MOST_PATCHES` take, and as much again for what a later version may add. */
export const MAX_PATCH_LIST_BYTES = 8 * 1024;

const LIST_LIMITS: JsonLimits = { maxBytes: MAX_PATCH_LIST_BYTES, maxDepth: 4, maxNodes: 500 };

/** A hint that a later version may add to: unknown keys are passed over. */
const patchList = z.object({
  schema: z.literal('fairlead/patches@1'),
  /** The full pack, to compare with. */
  full: byteCount,
  patches: z
    .array(
      z.object({
        from: digest,
        bytes: byteCount,
        form: z.int().min(1).optional(),
        /** Of its file, for copies to see that it was replaced; absent where an earlier server or mirror listed it. */
        digest: digest.optional(),
      }),
    )
    .max(MOST_PATCHES),
});

/** Of a patch, in hexadecimal: the tree it leads to, and the one it starts at. */
export interface PatchEnds {
  readonly treeHex: string;
  readonly fromHex: string;
}

export type PatchList = z.output<typeof patchList>;
export type ListedPatch = PatchList['patches'][number];

/** Errors: json/*, document/invalid. */
export function parsePatchList(bytes: Uint8Array, name: string): PatchList {
  return parseDocumentBytes(patchList, bytes, name, LIST_LIMITS);
}

export function encodePatchList(list: Omit<PatchList, 'schema'>): Uint8Array {
  return utf8(`${JSON.stringify({ schema: 'fairlead/patches@1', ...list })}\n`);
}

/** What a patch may measure at most: where it saves less, the full pack is as good, and needs nothing but itself. */
export function maxPatchBytes(fullBytes: number): number {
  return Math.floor(fullBytes * 0.6);
}

/** As above, by the word of a list: whoever wrote it may say anything of the full pack too. */
export function maxListedBytes(full: number, to: TreeRef): number {
  return maxPatchBytes(Math.min(full, maxPackBytes(to)));
}

/** The first that a released program reads, and that of what an earlier server listed, which did not say. */
export const FIRST_FORM = 2;

export function listedForm({ form = FIRST_FORM }: Pick<ListedPatch, 'form'>): number {
  return form;
}

/** Of another form it would be fetched in vain. */
export function isReadablePatch(listed: ListedPatch): boolean {
  return listedForm(listed) === PATCH_FORM;
}

/** The smallest one from a tree that is at hand, and no larger than any honest one; null where there is none. */
export function cheapestPatch(
  { full, patches }: Omit<PatchList, 'schema'>,
  to: TreeRef,
  isAtHand: (tree: Digest) => boolean,
): ListedPatch | null {
  const most = maxListedBytes(full, to);
  const usable = patches.filter(isReadablePatch).filter(({ from, bytes }) => bytes <= most && isAtHand(from));
  return usable.toSorted((a, b) => a.bytes - b.bytes)[0] ?? null;
}

/** Where the list of the patches to a tree is downloaded, below the repository: beside its pack. */
export function patchListPath(toHex: string): string {
  return `packs/${toHex}/patches.json`;
}

/** Where one is sent to (PUT), and asked about (HEAD). */
export function patchUploadPath(toHex: string, fromHex: string): string {
  return `/api/v1/packs/${toHex}/patches/${fromHex}`;
}
