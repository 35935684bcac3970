// Reads a patch front to back, the tree it starts from beside it: no byte of either is believed before the new index has said so.
import type { FileHandle } from 'node:fs/promises';
import { freeLarge } from '../encoding/bytes.ts';
import { type Digest, digestOf } from '../encoding/digest.ts';
import type { TreeRef } from '../schema/release.ts';
import { damagedPack } from '../tree/pack-format.ts';
import { type UnpackedPart, verifyMeasures } from '../tree/pack-steps.ts';
import { MAX_PATCH_INDEX_BYTES, type PatchHeader } from '../tree/patch-format.ts';
import { createMovers } from '../tree/patch-script.ts';
import { type PatchStart, patchedUnit, patchHeader, patchStart, resolveBases } from '../tree/patch-steps.ts';
import type { TreeIndex } from '../tree/tree-index.ts';
import { type BaseTree, baseChanged, readDictionary } from './base-files.ts';
import { createPackSource, type PackSource, parseIndexInTurns } from './pack-source.ts';

/** Where a tree lies that a patch may start from. */
export interface PatchBase {
  readonly directory: string;
  /** The signed bytes. */
  readonly indexBytes: Uint8Array;
}

export interface PatchContents extends PatchStart {
  readonly base: BaseTree & { readonly index: TreeIndex };
  /** As of a pack: unit after unit, not verified yet, whose bytes are gone when the next one is asked for. Errors: tree/pack-damaged, tree/base-changed. */
  readonly units: AsyncIterable<readonly UnpackedPart[]>;
}

/** From which tree it starts. Errors: tree/pack-damaged, tree/mismatch. */
export async function readPatchHeader(patch: FileHandle, to: Digest): Promise<PatchHeader> {
  return await createPackSource(patch, to).run(patchHeader(to));
}

/**
 * `findBase` answers null where that tree is not to be had.
 * Errors: tree/pack-damaged, tree/base-changed, tree/mismatch, and what an impossible index raises.
 */
export async function readPatch(
  patch: FileHandle,
  ref: TreeRef,
  findBase: (tree: Digest) => Promise<PatchBase | null>,
): Promise<PatchContents> {
  const source = createPackSource(patch, ref.digest);
  const header = await source.run(patchHeader(ref.digest));
  const found = await findBase(header.from);
  if (found === null) throw baseChanged(header.from, 'index.json');
  // Parsed, it takes seven times as much memory, and whoever writes patches makes none from such a tree.
  if (found.indexBytes.length > MAX_PATCH_INDEX_BYTES) {
    throw damagedPack(ref.digest, 'the tree it starts from is too large for that');
  }
  if (digestOf(found.indexBytes) !== header.from) throw baseChanged(header.from, 'index.json');
  const index = await parseIndexInTurns(found.indexBytes);
  const start = await source.run(patchStart(header, { index, indexBytes: found.indexBytes }));
  verifyMeasures(start.index, ref);
  const base = { digest: header.from, directory: found.directory, index };
  return { ...start, base, units: readUnits(source, start, base) };
}

async function* readUnits(
  source: PackSource,
  start: PatchStart,
  base: PatchContents['base'],
): AsyncGenerator<readonly UnpackedPart[]> {
  // One buffer for all, and what was made is given back at once: it would pile up faster than it is collected.
  const room = Buffer.allocUnsafeSlow(start.header.dictionary);
  const moverOf = createMovers();
  for (const unit of start.plan) {
    const bases = resolveBases(base.index, unit, start.scripts, start.header.to);
    const parts = await source.run(patchedUnit(start, unit, readDictionary(base, bases, room), moverOf));
    yield parts;
    for (const { bytes } of parts.slice(0, 1)) freeLarge(bytes);
  }
  await source.requireEnd();
}
