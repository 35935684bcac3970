// Two trees on disk and the patch between them, for tests that apply it.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PatchSide } from '../../server/vendor/workspace/patch-bases.ts';
import { writePatch } from '../../server/vendor/workspace/patch-writer.ts';
import { readTree } from '../../server/vendor/workspace/tree-reader.ts';
import { applyPatch } from '../../shared/node/apply-patch.ts';
import { readPatch } from '../../shared/node/patch-reader.ts';
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
