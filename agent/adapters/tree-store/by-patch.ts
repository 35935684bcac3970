// The shorter way into the store: a patch from a tree that is here. Whatever is wrong with it, nothing of it stays, and the full pack is fetched.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, hexOf, shortDigest } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { removeAll } from '../../../shared/node/remove-all.ts';
import { cheapestPatch, type ListedPatch } from '../../../shared/protocol/patches.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { type DiskSpace, requireSpace } from './disk-space.ts';
import { bytesIn, freeName, isResumable, keepingWhatResumes, type Patches } from './downloads.ts';
import type { KnownFiles } from './known-files.ts';
import { readIndex, type StoreLayout } from './layout.ts';
import { placeOf, treeOf } from './places.ts';
import type { Transfers } from './transfers.ts';

export type PatchAttempt =
  /** Nobody offers one that starts here. */
  | { readonly kind: 'none' }
  | { readonly kind: 'built'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly bytes: number; readonly cause: unknown };

export interface PatchOptions {
  readonly layout: StoreLayout;
  readonly patches: Patches;
  readonly diskSpace: (path: string) => Promise<DiskSpace>;
  readonly signal: AbortSignal | undefined;
  readonly transfers: Transfers;
  readonly shareable: boolean;
}

/**
 * Throws only where whoever waits ended it, or where the tree itself has no room on the disk: what a place says of a patch
 * is no proof that its full pack has none, nor that no other place has a smaller one.
 */
export async function buildByPatch(
  place: number,
  ref: TreeRef,
  staging: string,
  options: PatchOptions,
): Promise<PatchAttempt> {
  const attempt = { bytes: 0, isFetched: false };
  try {
    const patch = await findPatch(place, ref, options);
    if (patch === null) return { kind: 'none' };
    await fetchAndApply(place, { ref, patch, staging }, options, attempt);
    return { kind: 'built', bytes: attempt.bytes };
  } catch (cause) {
    const hasNoRoom = attempt.isFetched && isFairleadError(cause, 'disk/full', 'disk/no-inodes');
    if (options.signal?.aborted === true || hasNoRoom) throw cause;
    return { kind: 'failed', bytes: attempt.bytes, cause };
  }
}

/** What would be fetched of a tree; null where nobody says. Errors: transport/*, json/*, document/invalid. */
export async function weighTree(
  place: number,
  ref: TreeRef,
  { patches, layout, signal }: Pick<PatchOptions, 'patches' | 'layout' | 'signal'>,
): Promise<{ readonly way: 'pack' | 'patch'; readonly bytes: number } | null> {
  const list = await patches.list(hexOf(ref.digest), place, signal);
  if (list === null) return null;
  const here = await treesBeside(layout, ref.digest);
  const patch = cheapestPatch(list, ref, (tree) => here.has(tree));
  return patch === null ? { way: 'pack', bytes: list.full } : { way: 'patch', bytes: patch.bytes };
}

/** Where no tree is here that one could start at, nobody is asked. */
async function findPatch(
  place: number,
  ref: TreeRef,
  { patches, layout, signal }: Pick<PatchOptions, 'patches' | 'layout' | 'signal'>,
): Promise<ListedPatch | null> {
  const here = await treesBeside(layout, ref.digest);
  if (here.size === 0) return null;
  const list = await patches.list(hexOf(ref.digest), place, signal);
  return list === null ? null : cheapestPatch(list, ref, (tree) => here.has(tree));
}

/** All but the one that is wanted. */
async function treesBeside(layout: StoreLayout, wanted: Digest): Promise<ReadonlySet<Digest>> {
  const here = await treesIn(layout);
  return new Set([...here].filter((tree) => tree !== wanted));
}

export async function treesIn({ trees }: StoreLayout): Promise<ReadonlySet<Digest>> {
  const names = await readdir(trees).catch(() => []);
  return new Set(names.filter((name) => /^[0-9a-f]{64}/.test(name)).map(treeOf));
}

interface Wanted {
  readonly ref: TreeRef;
  readonly patch: ListedPatch;
  readonly staging: string;
}

async function fetchAndApply(
  place: number,
  { ref, patch, staging }: Wanted,
  { patches, layout, diskSpace, signal, transfers, shareable }: PatchOptions,
  attempt: { bytes: number; isFetched: boolean },
): Promise<void> {
  const ends = { treeHex: hexOf(ref.digest), fromHex: hexOf(patch.from) };
  const need = { bytes: ref.bytes + patch.bytes, inodes: ref.files + 1 };
  requireSpace(layout.temporary, need, await diskSpace(layout.temporary));
  const name = `${ends.treeHex}.${shortDigest(patch.from)}.${place}.patch`;
  const file = await freeName(join(layout.temporary, name), isResumable);
  const onBytes = transfers.begin(ref.digest, 'patch');
  const limits = { maxBytes: patch.bytes, place, onBytes, ...(signal === undefined ? {} : { signal }) };
  try {
    await keepingWhatResumes(file, () => overOneCut(file, signal, () => patches.fetch(ends, file, limits)));
  } finally {
    attempt.bytes = await bytesIn(file);
  }
  attempt.isFetched = true;
  try {
    const base = placeOf(layout, patch.from);
    await patches.apply({ layout, patch: file, ref, base, staging, shareable }, signal);
  } finally {
    await removeAll(file).catch(() => undefined);
  }
}

/** What the patch starts at runs, and is looked at next: its index is read while another process is at work. */
export function readingBases(patches: Patches, index: KnownFiles['index']): Patches {
  return {
    ...patches,
    apply: async (work, signal) => {
      // What is wrong with it is found by whoever needs it.
      const read = readIndex(work.base, treeOf(work.base), index).catch(() => undefined);
      await patches.apply(work, signal).finally(() => read);
    },
  };
}

/** A line that broke once is no reason to fetch all; one that breaks again may break at every patch. */
async function overOneCut(
  file: string,
  signal: AbortSignal | undefined,
  fetch: () => Promise<void>,
): Promise<void> {
  const before = await bytesIn(file);
  try {
    await fetch();
  } catch (cause) {
    const isCut = isFairleadError(cause, 'transport/unreachable') && (await bytesIn(file)) > before;
    if (!isCut || signal?.aborted === true) throw cause;
    await fetch();
  }
}
