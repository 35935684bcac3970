// Packs, unpacks, or makes a patch in a process of its own, and prints what that took once its code was loaded.
import { link } from 'node:fs/promises';
import { createTreeStore } from '../../agent/adapters/tree-store/tree-store.ts';
import { writePack } from '../../server/vendor/workspace/pack-writer.ts';
import type { PatchSide } from '../../server/vendor/workspace/patch-bases.ts';
import { writePatch } from '../../server/vendor/workspace/patch-writer.ts';
import { readTree } from '../../server/vendor/workspace/tree-reader.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { treeDigest, treeRefOf } from '../../shared/tree/tree-index.ts';
import { residentBytes } from './processes.ts';
import { type Took, take } from './rounds.ts';

export interface TreeTook extends Took {
  readonly peakBytes: number;
  /** Of the tree that was packed, or that a patch leads to. */
  readonly ref: TreeRef;
}

type Act = (...words: readonly string[]) => Promise<TreeRef>;

const ACTS: Readonly<Record<string, Act>> = {
  async pack(directory = '', file = '') {
    const index = await readTree(directory);
    await writePack(directory, index, file);
    return treeRefOf(index);
  },
  async unpack(file = '', ref = '', stateDir = '') {
    const store = createTreeStore({ stateDir, fetchPack: (_, to) => link(file, to) });
    const wanted = JSON.parse(ref) as TreeRef;
    await store.add(wanted);
    return wanted;
  },
  async make(file = '', from = '', to = '') {
    const [old, next] = [await sideOf(from), await sideOf(to)];
    await writePatch({ from: old, to: next, outFile: file });
    return treeRefOf(next.index);
  },
};

const [name = '', ...words] = process.argv.slice(2);
const act = ACTS[name];
if (act === undefined) throw new Error(`no act ${name}`);
let ref: TreeRef | undefined;
const took = await take(async () => {
  ref = await act(...words);
});
console.log(JSON.stringify({ ...took, peakBytes: residentBytes(process.pid, 'VmHWM'), ref }));

async function sideOf(directory: string): Promise<PatchSide> {
  const index = await readTree(directory);
  return { digest: treeDigest(index), directory, index };
}
