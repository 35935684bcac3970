// Reads packs on the vendor's side: of one that comes in, whose index it carries; of one that was built, every byte.
import type { FileHandle } from 'node:fs/promises';
import type { Digest } from '../encoding/digest.ts';
import type { TreeRef } from '../schema/release.ts';
import { createContentCheck } from '../tree/content-check.ts';
import { damagedPack } from '../tree/pack-format.ts';
import { type PackSteps, unpackStart, unpackUnit, verifyMeasures } from '../tree/pack-steps.ts';
import type { TreeIndex } from '../tree/tree-index.ts';

/** The index that a pack starts with. Errors: tree/pack-damaged, tree/pack-unsupported, tree/mismatch, tree/*. */
export async function readPackIndex(pack: FileHandle, tree: Digest): Promise<TreeIndex> {
  const { index } = await createSource(pack, tree).run(unpackStart(tree));
  return index;
}

/**
 * Every byte of the tree is in the pack, once, with the digest it should have, and nothing else; `onUnit` hears of each
 * unit that is. Errors: those of `readPackIndex`.
 */
export async function verifyPack(
  pack: FileHandle,
  ref: TreeRef,
  onUnit: (done: number, total: number) => void,
): Promise<void> {
  const tree = ref.digest;
  const source = createSource(pack, tree);
  const { header, index } = await source.run(unpackStart(tree));
  verifyMeasures(index, ref);
  const check = createContentCheck(index, tree);
  for (let done = 1; done <= header.units; done++) {
    for (const part of await source.run(unpackUnit(index, tree))) check.accept(part);
    onUnit(done, header.units);
  }
  check.requireComplete();
  await source.requireEnd();
}

interface Source {
  /** Hands the steps what they ask for, front to back. */
  run<Result>(steps: PackSteps<Result>): Promise<Result>;
  requireEnd(): Promise<void>;
}

function createSource(pack: FileHandle, tree: Digest): Source {
  let position = 0;
  const take = async (length: number) => {
    const { bytesRead, buffer } = await pack.read(Buffer.allocUnsafe(length), 0, length, position);
    if (bytesRead < length) throw damagedPack(tree, 'it ends early');
    position += length;
    return buffer;
  };
  return {
    run: async (steps) => {
      let step = steps.next();
      while (step.done !== true) step = steps.next(await take(step.value));
      return step.value;
    },
    requireEnd: async () => {
      if ((await pack.stat()).size > position) throw damagedPack(tree, 'bytes follow its last unit');
    },
  };
}
