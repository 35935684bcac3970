// Makes or applies one patch in a process of its own, and prints what that took.
import { open } from 'node:fs/promises';
import type { PatchSide } from '../../server/vendor/workspace/patch-plan.ts';
import { writePatch } from '../../server/vendor/workspace/patch-writer.ts';
import { readTree } from '../../server/vendor/workspace/tree-reader.ts';
import { applyPatch } from '../../shared/node/apply-patch.ts';
import { readPatch } from '../../shared/node/patch-reader.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { treeDigest, treeIndexBytes, treeRefOf } from '../../shared/tree/tree-index.ts';
import { timed } from './figures.ts';
import { residentBytes } from './processes.ts';

export interface DeltaResult {
  readonly ms: number;
  readonly cpuMs: number;
  readonly peakBytes: number;
  /** Of the tree it leads to. */
  readonly ref: TreeRef;
}

const [act, patch = '', fromDirectory = '', toDirectory = '', ref = ''] = process.argv.slice(2);
const run = act === 'make' ? make : apply;
let found: TreeRef | undefined;
const ms = await timed(async () => {
  found = await run();
});
const { user, system } = process.cpuUsage();
const result = {
  ms,
  cpuMs: (user + system) / 1e3,
  peakBytes: residentBytes(process.pid, 'VmHWM'),
  ref: found,
};
console.log(JSON.stringify(result));

async function sideOf(directory: string): Promise<PatchSide> {
  const index = await readTree(directory);
  return { digest: treeDigest(index), directory, index };
}

async function make(): Promise<TreeRef> {
  const [from, to] = [await sideOf(fromDirectory), await sideOf(toDirectory)];
  await writePatch({ from, to, outFile: patch });
  return treeRefOf(to.index);
}

/** The old index is read from the disk by an agent; here it is made, which takes as long again as all the rest. */
async function apply(): Promise<TreeRef> {
  const wanted = JSON.parse(ref) as TreeRef;
  const indexBytes = treeIndexBytes(await readTree(fromDirectory));
  const handle = await open(patch);
  await applyPatch(
    await readPatch(handle, wanted, async () => ({ directory: fromDirectory, indexBytes })),
    toDirectory,
  );
  await handle.close();
  return wanted;
}
