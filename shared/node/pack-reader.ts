// Reads a pack front to back: no length is believed before the file is known to reach that far.
import type { FileHandle } from 'node:fs/promises';
import type { Digest } from '../encoding/digest.ts';
import type { TreeRef } from '../schema/release.ts';
import { createContentCheck } from '../tree/content-check.ts';
import {
  type PackStart,
  type UnpackedPart,
  unpackStart,
  unpackUnit,
  verifyMeasures,
} from '../tree/pack-steps.ts';
import type { TreeIndex } from '../tree/tree-index.ts';
import { createPackSource, type PackSource } from './pack-source.ts';

export interface PackContents extends PackStart {
  /** Unit after unit, the runs of file content in it. Their bytes are not verified yet. Error: tree/pack-damaged. */
  readonly units: AsyncIterable<readonly UnpackedPart[]>;
}

/** The index a pack starts with. Errors: tree/pack-damaged, tree/pack-unsupported, tree/mismatch, tree/*. */
export async function readPackIndex(pack: FileHandle, tree: Digest): Promise<TreeIndex> {
  const { index } = await createPackSource(pack, tree).run(unpackStart(tree));
  return index;
}

/** Errors: those of `readPackIndex`, and tree/mismatch where the index is not as large as was signed. */
export async function readPack(pack: FileHandle, ref: TreeRef): Promise<PackContents> {
  const source = createPackSource(pack, ref.digest);
  const start = await source.run(unpackStart(ref.digest));
  verifyMeasures(start.index, ref);
  return { ...start, units: readUnits(source, start) };
}

/**
 * Every byte of the tree is in the pack, once, with the digest it should have, and nothing else; `onUnit` hears of each
 * unit that is, `onPart` of its content. Errors: those of `readPack`.
 */
export async function verifyPack(
  pack: FileHandle,
  ref: TreeRef,
  onUnit: (done: number, total: number) => void,
  onPart: (part: UnpackedPart) => void = () => undefined,
): Promise<void> {
  const { header, index, units } = await readPack(pack, ref);
  const check = createContentCheck(index, ref.digest);
  let done = 0;
  for await (const parts of units) {
    for (const part of parts) {
      check.accept(part);
      onPart(part);
    }
    onUnit(++done, header.units);
  }
  check.requireComplete();
}

async function* readUnits(
  source: PackSource,
  { header, index }: PackStart,
): AsyncGenerator<readonly UnpackedPart[]> {
  for (let unit = 0; unit < header.units; unit++) yield await source.run(unpackUnit(index, header.tree));
  await source.requireEnd();
}
