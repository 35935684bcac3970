// Patches on the vendor's machine: trees laid out again from the packs of the workspace, and what was tried between them.
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type Digest, hexOf, shortDigest } from '../../../shared/encoding/digest.ts';
import { isFairleadError, orNull } from '../../../shared/errors/error.ts';
import { applyPatch } from '../../../shared/node/apply-patch.ts';
import { makeDirectory, moveDurably } from '../../../shared/node/durable-file.ts';
import { readPack } from '../../../shared/node/pack-reader.ts';
import { readPatch } from '../../../shared/node/patch-reader.ts';
import { namesIfPresent, readIfPresent } from '../../../shared/node/read-file.ts';
import { removeAll } from '../../../shared/node/remove-all.ts';
import { unpackTree } from '../../../shared/node/unpack.ts';
import { patchListPath } from '../../../shared/protocol/patches.ts';
import { packPath } from '../../../shared/protocol/publication.ts';
import { digest } from '../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { treeIndexBytes, treeRefOf } from '../../../shared/tree/tree-index.ts';
import type { PatchSide } from './patch-bases.ts';
import { writePatch } from './patch-writer.ts';
import { openRequired, writeJson } from './workspace.ts';

export interface PatchBench {
  /** Lays out a tree, once. Where its pack is not here, or is damaged, `fetch` brings another to keep. Errors: tree/*, disk/*, and those of `fetch`. */
  layOut(tree: TreeRef, fetch: FetchPack): Promise<PatchSide>;
  /** Applied once, as installs do; the file is gone with the bench. Errors: those of `writePatch`. */
  make(
    from: PatchSide,
    to: PatchSide,
    how: Pick<Parameters<typeof writePatch>[0], 'writable' | 'small' | 'onProgress'>,
  ): Promise<MadePatch>;
}

/** Into a file, going on with what is there. */
export type FetchPack = (file: string) => Promise<void>;

export type MadePatch =
  | { readonly kind: 'made'; readonly file: string; readonly bytes: number }
  /** Installs would refuse it, and so they would the next one: the same two trees give the same bytes. */
  | { readonly kind: 'refused'; readonly problem: string };

/** One name for every attempt: what a killed one left goes before the next begins. */
export async function withPatchBench<Result>(
  directory: string,
  work: (bench: PatchBench) => Promise<Result>,
): Promise<Result> {
  const place = join(directory, 'packs', '.patching');
  await removeAll(place);
  await removeOldPartials(join(directory, 'packs')).catch(() => undefined);
  try {
    return await work(createBench(directory, place));
  } finally {
    await removeAll(place).catch(() => undefined);
  }
}

/** Of a pack that a broken line brought in part. */
const PARTIAL = '.fetched.pack';

/** The newest may be gone on with; the others are of trees that nobody may want again. */
async function removeOldPartials(packs: string): Promise<void> {
  const found: { readonly path: string; readonly mtimeMs: number }[] = [];
  for (const name of await namesIfPresent(packs)) {
    const path = join(packs, name, PARTIAL);
    const about = await stat(path).catch(() => null);
    if (about !== null) found.push({ path, mtimeMs: about.mtimeMs });
  }
  found.sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const { path } of found.slice(1)) await removeAll(path);
}

function createBench(directory: string, place: string): PatchBench {
  const laid = new Map<Digest, Promise<PatchSide>>();
  return {
    layOut: (tree, fetch) => {
      const known = laid.get(tree.digest) ?? layOut(directory, join(place, hexOf(tree.digest)), tree, fetch);
      laid.set(tree.digest, known);
      return known;
    },
    make: async (from, to, how) => {
      const file = join(place, `${shortDigest(from.digest)}-${shortDigest(to.digest)}.patch`);
      try {
        const { bytes } = await writePatch({ from, to, outFile: file, ...how });
        await provePatch(file, from, to);
        return { kind: 'made', file, bytes };
      } catch (error) {
        if (!isFairleadError(error, 'tree/pack-damaged', 'tree/mismatch')) throw error;
        return { kind: 'refused', problem: 'problem' in error.data ? error.data.problem : error.message };
      }
    },
  };
}

/** A server keeps the patch that came first, for good: one that leads elsewhere would cost every install its bytes. */
async function provePatch(file: string, from: PatchSide, to: PatchSide): Promise<void> {
  const directory = `${file}.proof`;
  const patch = await open(file, 'r');
  try {
    const base = { directory: from.directory, indexBytes: treeIndexBytes(from.index) };
    const contents = await readPatch(patch, treeRefOf(to.index), async () => base);
    await mkdir(directory, { mode: 0o700 });
    await applyPatch(contents, directory);
  } finally {
    await patch.close();
    await removeAll(directory);
  }
}

async function layOut(
  workspace: string,
  directory: string,
  tree: TreeRef,
  fetch: FetchPack,
): Promise<PatchSide> {
  const path = join(workspace, packPath(hexOf(tree.digest)));
  try {
    return await unpackTo(directory, path, tree);
  } catch (error) {
    if (!isFairleadError(error, 'vendor/file-unreadable', 'tree/pack-damaged', 'tree/mismatch')) throw error;
    await removeAll(directory);
  }
  const fetched = join(dirname(path), PARTIAL);
  await makeDirectory(dirname(path));
  try {
    await fetch(fetched);
    const side = await unpackTo(directory, fetched, tree);
    // Under that name it is believed to be whole.
    await moveDurably(fetched, path);
    return side;
  } catch (error) {
    // What a broken line left is gone on with; all else may be wrong, or is in the way of the release.
    if (!isFairleadError(error, 'transport/unreachable')) await removeAll(fetched);
    await removeAll(directory);
    throw error;
  }
}

async function unpackTo(directory: string, path: string, tree: TreeRef): Promise<PatchSide> {
  const pack = await openRequired(path);
  try {
    const contents = await readPack(pack, tree);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await unpackTree(contents, tree.digest, directory);
    return { directory, index: contents.index, digest: tree.digest };
  } finally {
    await pack.close();
  }
}

/** Bytes of a tree's pack; null where it is not in the workspace. */
export async function packBytes(directory: string, tree: Digest): Promise<number | null> {
  return (await stat(join(directory, packPath(hexOf(tree)))).catch(() => null))?.size ?? null;
}

const triedFile = z.strictObject({ schema: z.literal('fairlead-vendor/patches@1'), tried: z.array(digest) });

/** From where a patch to the tree was tried, and sent or found to be of no use. */
export async function readTried(directory: string, tree: Digest): Promise<ReadonlySet<Digest>> {
  const path = join(directory, patchListPath(hexOf(tree)));
  const bytes = await readIfPresent(path);
  // It saves work, and is worth no more than that.
  const known = bytes === null ? null : orNull(() => parseDocumentBytes(triedFile, bytes, path));
  return new Set(known?.tried);
}

export async function writeTried(directory: string, tree: Digest, tried: ReadonlySet<Digest>): Promise<void> {
  const path = join(directory, patchListPath(hexOf(tree)));
  await makeDirectory(dirname(path));
  await writeJson(path, { schema: 'fairlead-vendor/patches@1', tried: [...tried].toSorted() });
}
