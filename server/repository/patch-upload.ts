// Patches on their way in, and out again: no larger than is worth it, between trees that are here, listed beside the full pack as long as they can be had.
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  createDigester,
  type Digest,
  digestFromHex,
  digestOf,
  hexOf,
  shortDigest,
} from '../../shared/encoding/digest.ts';
import { FairleadError, isFairleadError, orNull } from '../../shared/errors/error.ts';
import { readPatchHeader } from '../../shared/node/patch-reader.ts';
import { createTurns } from '../../shared/node/turns.ts';
import {
  encodePatchList,
  type ListedPatch,
  listedForm,
  MOST_PATCHES,
  maxPatchBytes,
  type PatchEnds,
  type PatchList,
  parsePatchList,
} from '../../shared/protocol/patches.ts';
import { FORM_BYTES, patchFormOf } from '../../shared/tree/patch-format.ts';
import { packName, patchListName, patchName } from './names.ts';
import type { Receiving } from './pack-upload.ts';
import type { RepositoryStore } from './store.ts';
import { withUpload } from './uploads.ts';

/**
 * Answers the bytes kept. Its units are not applied: agents verify every file of what comes of it anyway.
 * Errors: publication/unfit-patch, request/too-large, disk/*, and those of the store.
 */
export async function receivePatch(
  { store, layout }: Receiving,
  ends: PatchEnds,
  body: Readable,
): Promise<number> {
  const { treeHex, fromHex } = ends;
  const full = await sizeOf(store, packName(treeHex));
  if (full === null) throw unfit(ends, 'there is no pack of the tree it leads to');
  if (fromHex === treeHex) throw unfit(ends, 'it leads where it starts');
  if ((await store.tagOf(packName(fromHex))) === null)
    throw unfit(ends, 'there is no pack of the tree it starts at');
  return withUpload(layout, body, maxPatchBytes(full), async (file) => {
    await verifyStart(file, ends);
    const name = patchName(treeHex, fromHex);
    await store.take(name, file);
    // An earlier one that is here stays, with its own size, form and digest.
    const kept = { bytes: 0, ...(await measuresOf(store, name)), ...(await digestIn(store, name)) };
    await inLine(() => listPatch(store, treeHex, full, { from: digestFromHex(fromHex), ...kept }));
    return kept.bytes;
  });
}

/** Whether agents find it: what is not on the list may as well not be there. */
export async function hasPatch(store: RepositoryStore, { treeHex, fromHex }: PatchEnds): Promise<boolean> {
  const from = digestFromHex(fromHex);
  const { patches } = (await readPatchList(store, treeHex)) ?? { patches: [] };
  if (!patches.some((one) => one.from === from)) return false;
  return (await store.tagOf(patchName(treeHex, fromHex))) !== null;
}

/** Null where there is none, or none that anybody could read. */
async function readPatchList(store: RepositoryStore, treeHex: string): Promise<PatchList | null> {
  const name = patchListName(treeHex);
  const stored = await store.read(name);
  return stored === null ? null : orNull(() => parsePatchList(stored.bytes, name));
}

/** Another process may list at the same time and miss ours: whoever reads back what it wrote sees that. */
const ATTEMPTS = 8;
/** Within one they come one after the other: a directory knows no conditions. */
const inLine = createTurns();

async function listPatch(
  store: RepositoryStore,
  treeHex: string,
  full: number,
  patch: ListedPatch,
): Promise<void> {
  await changeList(store, treeHex, (list) => {
    const known = list?.patches ?? [];
    if (known.some((one) => one.from === patch.from && isSamePatch(one, patch))) return null;
    return { full, patches: [...known.filter(({ from }) => from !== patch.from), patch] };
  });
}

/** Its file stays: whoever is fetching it ends well. Errors: publication/overtaken, and those of the store. */
export async function unlistPatch(store: RepositoryStore, { treeHex, fromHex }: PatchEnds): Promise<void> {
  const unwanted = digestFromHex(fromHex);
  await changeList(store, treeHex, (list) => {
    if (list === null || !list.patches.some(({ from }) => from === unwanted)) return null;
    return { full: list.full, patches: list.patches.filter(({ from }) => from !== unwanted) };
  });
}

/** Until `change` finds nothing to do. What is one too many goes, the oldest first. */
async function changeList(
  store: RepositoryStore,
  treeHex: string,
  change: (known: PatchList | null) => Omit<PatchList, 'schema'> | null,
): Promise<void> {
  const name = patchListName(treeHex);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await store.read(name);
    const changed = change(stored === null ? null : orNull(() => parsePatchList(stored.bytes, name)));
    if (changed === null) return;
    const { full, patches } = changed;
    const bytes = encodePatchList({ full, patches: patches.slice(-MOST_PATCHES) });
    if (await store.replace(name, bytes, stored?.tag ?? null)) {
      for (const { from } of patches.slice(0, -MOST_PATCHES))
        await remove(store, patchName(treeHex, hexOf(from)));
    }
  }
  throw new FairleadError('publication/overtaken', {});
}

async function remove(store: RepositoryStore, name: string): Promise<void> {
  const tag = await store.tagOf(name);
  if (tag !== null) await store.clear(name, tag);
}

async function sizeOf(store: RepositoryStore, name: string): Promise<number | null> {
  const file = await store.open(name);
  if (file === null) return null;
  if (file.kind === 'small') return file.bytes.length;
  await file.close();
  return file.size;
}

/** As a list says it of the file that is here; null where there is none. */
export async function measuresOf(
  store: RepositoryStore,
  name: string,
): Promise<Omit<Measures, 'digest'> | null> {
  const file = await store.open(name);
  if (file === null) return null;
  const start = file.kind === 'small' ? file.bytes : await buffer(await file.read(0, FORM_BYTES));
  const bytes = file.kind === 'small' ? file.bytes.length : file.size;
  const form = patchFormOf(start);
  return form === null ? { bytes } : { bytes, form };
}

/** The same, of all of its bytes. */
export async function digestIn(store: RepositoryStore, name: string): Promise<Pick<ListedPatch, 'digest'>> {
  const file = await store.open(name);
  if (file === null) return {};
  if (file.kind === 'small') return { digest: digestOf(file.bytes) };
  return { digest: await digestOfStream(await file.read(0, file.size)) };
}

export async function digestOfStream(stream: Readable): Promise<Digest> {
  const digester = createDigester();
  for await (const piece of stream) digester.update(piece);
  return digester.end();
}

/** Whether what is here is what was listed, as far as that list tells: an earlier one says nothing of digests. */
export function isSamePatch(kept: Measures, listed: Measures): boolean {
  const isOther = listed.digest !== undefined && kept.digest !== listed.digest;
  return kept.bytes === listed.bytes && listedForm(kept) === listedForm(listed) && !isOther;
}

type Measures = Omit<ListedPatch, 'from'>;

/** To an agent a bad patch is its server's fault; here it is the sender's. */
async function verifyStart(path: string, ends: PatchEnds): Promise<void> {
  const file = await open(path, 'r');
  try {
    const { from } = await readPatchHeader(file, digestFromHex(ends.treeHex));
    if (hexOf(from) !== ends.fromHex) throw unfit(ends, `it starts at ${shortDigest(from)}`);
  } catch (cause) {
    if (!isFairleadError(cause) || !cause.code.startsWith('tree/')) throw cause;
    throw unfit(ends, cause.message, cause);
  } finally {
    await file.close();
  }
}

function unfit({ treeHex, fromHex }: PatchEnds, problem: string, cause?: unknown): FairleadError {
  const short = (hex: string) => shortDigest(digestFromHex(hex));
  const data = { from: short(fromHex), to: short(treeHex), problem };
  return new FairleadError('publication/unfit-patch', data, { cause });
}
