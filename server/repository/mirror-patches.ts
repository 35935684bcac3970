// Patches on a mirror: copied with their lists, which are written once what they name is here. What cannot be had is left out, and holds nothing up.
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFromHex, hexOf } from '../../shared/encoding/digest.ts';
import { isFairleadError, orNull } from '../../shared/errors/error.ts';
import { readPatchHeader } from '../../shared/node/patch-reader.ts';
import { forEachBounded } from '../../shared/node/turns.ts';
import {
  encodePatchList,
  FIRST_FORM,
  isReadablePatch,
  type ListedPatch,
  listedForm,
  MAX_PATCH_LIST_BYTES,
  maxListedBytes,
  parsePatchList,
  patchListPath,
} from '../../shared/protocol/patches.ts';
import { patchPath } from '../../shared/protocol/publication.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { damagedPack, maxPackBytes } from '../../shared/tree/pack-format.ts';
import { FORM_BYTES, patchFormOf } from '../../shared/tree/patch-format.ts';
import { PACKS, patchListName, patchName } from './names.ts';
import type { Origin } from './origin.ts';
import { digestIn, digestOfStream, isSamePatch, measuresOf } from './patch-upload.ts';
import type { RepositoryStore } from './store.ts';

export interface PatchCopying {
  readonly origin: Origin;
  readonly store: RepositoryStore;
  /** Where downloads lie until they are looked at. */
  readonly staging: string;
  /** False where there is no room for them. */
  readonly patches: boolean;
}

export interface CopiedPatches {
  /** All that belong to the copy now, lists among them. */
  readonly names: readonly string[];
  /** Lists and patches that could not be had, by their paths. */
  readonly missing: readonly string[];
}

const PARALLEL = 8;

/** Looked for when something was published, or signed anew: a question for every tree is much for nothing. Errors: as below. */
export async function copyNewPatches(
  isNew: boolean,
  trees: ReadonlyMap<string, TreeRef>,
  copying: PatchCopying,
): Promise<CopiedPatches> {
  if (!copying.patches) return { names: [], missing: [] };
  return isNew ? copyPatches(trees, copying) : { names: await keptPatches(copying.store), missing: [] };
}

/** By hexadecimal digest. Where the disk takes no more, none stays. Errors: server/repository-*. */
async function copyPatches(
  trees: ReadonlyMap<string, TreeRef>,
  copying: PatchCopying,
): Promise<CopiedPatches> {
  const names: string[] = [];
  const missing: string[] = [];
  try {
    await forEachBounded(trees, PARALLEL, async ([treeHex, tree]) => {
      const found = await unlessLeftOut(patchListPath(treeHex), missing, () =>
        copyOf(treeHex, tree, copying, missing),
      );
      names.push(...(found ?? []));
    });
    return { names, missing };
  } catch (error) {
    if (!isFairleadError(error) || !error.code.startsWith('disk/')) throw error;
    await dropPatches(copying.store);
    return { names: [], missing: [...trees.keys()].map(patchListPath) };
  }
}

/** All that are here, for want of room; answers which. */
export async function dropPatches(store: RepositoryStore): Promise<readonly string[]> {
  const names = await keptPatches(store);
  for (const name of names) {
    const tag = await store.tagOf(name);
    if (tag !== null) await store.clear(name, tag);
  }
  return names;
}

/** Of those that are here already. */
async function keptPatches(store: RepositoryStore): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of store.list(PACKS)) if (/\.patch$|\/patches\.json$/.test(name)) names.push(name);
  return names;
}

async function copyOf(
  treeHex: string,
  tree: TreeRef,
  copying: PatchCopying,
  missing: string[],
): Promise<readonly string[]> {
  const { origin, store } = copying;
  const path = patchListPath(treeHex);
  const bytes = await origin.read(path, MAX_PATCH_LIST_BYTES);
  if (bytes === null) return [];
  const { full, patches } = parsePatchList(bytes, path);
  const most = maxListedBytes(full, tree);
  const own = await ownList(treeHex, store);
  const here: ListedPatch[] = [];
  // All together take no more than one pack, the smallest first: an origin may list what it likes.
  let room = Math.min(full, maxPackBytes(tree));
  const fits = ({ bytes: length }: ListedPatch) => length <= Math.min(most, room);
  for (const patch of patches.toSorted((a, b) => a.bytes - b.bytes)) {
    const place = patchPath(treeHex, hexOf(patch.from));
    let kept = await keptOf(treeHex, patch, store, own);
    if (kept === null || !isSamePatch(kept, patch)) {
      const isReplacing = kept !== null;
      if (!fits(patch)) missing.push(place);
      else await unlessLeftOut(place, missing, () => copyPatch(treeHex, patch, copying, isReplacing));
      // Where the origin's cannot be had, what is here is as good as it was.
      kept = await keptOf(treeHex, patch, store);
    }
    if (kept === null) continue;
    if (fits(kept)) {
      here.push(kept);
      room -= kept.bytes;
    } else if (!missing.includes(place)) missing.push(place);
  }
  const list = encodePatchList({ full, patches: here });
  const name = patchListName(treeHex);
  if ((await store.read(name))?.bytes.equals(list) !== true) await store.write(name, list);
  return [name, ...here.map(({ from }) => patchName(treeHex, hexOf(from)))];
}

/** What this copy listed last, where that can be read. */
async function ownList(treeHex: string, store: RepositoryStore): Promise<readonly ListedPatch[]> {
  const name = patchListName(treeHex);
  const stored = await store.read(name);
  return stored === null ? [] : (orNull(() => parsePatchList(stored.bytes, name))?.patches ?? []);
}

/** With the measures of its own file, whatever the origin's list says; null where none is here. What `own` says of it is not read again. */
async function keptOf(
  treeHex: string,
  { from, digest: listed }: ListedPatch,
  store: RepositoryStore,
  own: readonly ListedPatch[] = [],
): Promise<ListedPatch | null> {
  const name = patchName(treeHex, hexOf(from));
  const kept = await measuresOf(store, name);
  if (kept === null) return null;
  const known = own.find((one) => one.from === from && isSamePatch(one, kept));
  if (known?.digest !== undefined) return { from, ...kept, digest: known.digest };
  return { from, ...kept, ...(listed === undefined ? {} : await digestIn(store, name)) };
}

/** In the place of what is here, where it replaces one. Errors: transport/*, tree/*, disk/*, and those of the store. */
async function copyPatch(
  treeHex: string,
  listed: ListedPatch,
  { origin, store, staging }: PatchCopying,
  isReplacing: boolean,
): Promise<void> {
  const { from, bytes } = listed;
  const name = patchName(treeHex, hexOf(from));
  await mkdir(staging, { recursive: true, mode: 0o700 });
  const file = join(staging, `${treeHex}.${hexOf(from)}.patch`);
  try {
    await origin.download(patchPath(treeHex, hexOf(from)), file, bytes);
    await verifyPatch(file, treeHex, listed, isReplacing);
    const before = isReplacing ? await store.tagOf(name) : null;
    if (before !== null) await store.clear(name, before);
    await store.take(name, file);
  } finally {
    await rm(file, { force: true });
  }
}

/** Errors: tree/pack-damaged, tree/mismatch. */
async function verifyPatch(
  file: string,
  treeHex: string,
  listed: ListedPatch,
  isReplacing: boolean,
): Promise<void> {
  const to = digestFromHex(treeHex);
  const patch = await open(file, 'r');
  try {
    // A cache on the way may still give the one before, and a cut one replaces no whole one.
    if (isReplacing && (await patch.stat()).size !== listed.bytes)
      throw damagedPack(to, 'its size is not the one that is listed');
    if (isReplacing && listed.digest !== undefined) {
      const digest = await digestOfStream(patch.createReadStream({ start: 0, autoClose: false }));
      if (digest !== listed.digest) throw damagedPack(to, 'its digest is not the one that is listed');
    }
    const { buffer, bytesRead } = await patch.read(Buffer.alloc(FORM_BYTES), 0, FORM_BYTES, 0);
    const form = patchFormOf(buffer.subarray(0, bytesRead));
    if (form !== listedForm(listed)) throw damagedPack(to, 'its form is not the one that is listed');
    if (form < FIRST_FORM) throw damagedPack(to, 'its form is one that no program reads');
    // Of another form nothing can be read here: it is for agents of other versions.
    if (isReadablePatch(listed)) await readPatchHeader(patch, to);
  } finally {
    await patch.close();
  }
}

/** Null for what this origin has not, or has wrong. */
async function unlessLeftOut<Result>(
  path: string,
  missing: string[],
  copy: () => Promise<Result>,
): Promise<Result | null> {
  try {
    return await copy();
  } catch (error) {
    if (!isFairleadError(error) || !/^(?:transport|tree|document|json)\//.test(error.code)) throw error;
    missing.push(path);
    return null;
  }
}
