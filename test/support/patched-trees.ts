// Two trees on disk and the patch between them, for tests that apply it.
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { writePack } from '../../server/vendor/workspace/pack-writer.ts';
import type { PatchSide } from '../../server/vendor/workspace/patch-bases.ts';
import { writePatch } from '../../server/vendor/workspace/patch-writer.ts';
import { readTree } from '../../server/vendor/workspace/tree-reader.ts';
import { applyPatch } from '../../shared/node/apply-patch.ts';
import { readPatch } from '../../shared/node/patch-reader.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { type TreeIndex, treeDigest, treeIndexBytes, treeRefOf } from '../../shared/tree/tree-index.ts';
import { subdirectory } from './directories.ts';

/** By path: a file's bytes, `-> target` of a link, `directory` where it is empty. What ends in `!` may be executed. */
export type TreeOnPaper = Readonly<Record<string, Uint8Array | string>>;

export async function writeTree(directory: string, tree: TreeOnPaper): Promise<PatchSide> {
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of Object.entries(tree)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    if (content === 'directory') mkdirSync(path);
    else if (typeof content === 'string' && content.startsWith('-> ')) symlinkSync(content.slice(3), path);
    else {
      writeFileSync(path, content);
      // As they stand in a store: the mode is the one that an index gives.
      chmodSync(path, name.endsWith('!') ? 0o555 : 0o444);
    }
  }
  const index = await readTree(directory);
  return { digest: treeDigest(index), directory, index };
}

/** The patch between two trees below `work`, made anew. */
export async function patchBetween(
  work: string,
  from: PatchSide,
  to: PatchSide,
  writable: readonly string[] = [],
): Promise<string> {
  const outFile = join(work, 'a.patch');
  await writePatch({ from, to, writable, outFile });
  return outFile;
}

export interface PackedTree {
  readonly ref: TreeRef;
  readonly pack: Buffer;
}

/** Two trees as a vendor sends them, and the patches from each to the other; nothing of them is left on the disk. */
export async function packedPair(old: TreeOnPaper, next: TreeOnPaper) {
  const work = await mkdtemp(join(tmpdir(), 'fairlead-trees-'));
  const from = await writeTree(join(work, 'from'), old);
  const to = await writeTree(join(work, 'to'), next);
  const packed = async ({ directory, index }: PatchSide): Promise<PackedTree> => {
    await writePack(directory, index, join(work, 'full.pack'));
    return { ref: treeRefOf(index), pack: readFileSync(join(work, 'full.pack')) };
  };
  const pair = {
    old: await packed(from),
    next: await packed(to),
    patch: readFileSync(await patchBetween(work, from, to)),
    back: readFileSync(await patchBetween(work, to, from)),
  };
  rmSync(work, { recursive: true });
  return pair;
}

/** The directory that came of it. Errors: those of applying. */
export async function applied(work: string, patch: string, from: PatchSide, to: TreeIndex): Promise<string> {
  const into = subdirectory(work, 'patched');
  const handle = await open(patch);
  try {
    const base = { directory: from.directory, indexBytes: treeIndexBytes(from.index) };
    const contents = await readPatch(handle, treeRefOf(to), async () => base);
    await applyPatch(contents, into);
    return into;
  } finally {
    await handle.close();
  }
}
