// The process that applies one patch: its memory is its own, a machine that has none left ends it before the agent, and it ends with the agent.
import { constants, writeFileSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { isFairleadError, toDiskError } from '../../../shared/errors/error.ts';
import { applyPatch } from '../../../shared/node/apply-patch.ts';
import { baseChanged } from '../../../shared/node/base-files.ts';
import { readPatch } from '../../../shared/node/patch-reader.ts';
import { buildTree } from './build-tree.ts';
import { readDiskSpace } from './disk-space.ts';
import type { PatchWork } from './downloads.ts';
import { FILES_DIRECTORY, readIndexBytes, SHAREABLE_FILE } from './layout.ts';
import { mayShare } from './shareable.ts';

/** What it says at its end, as one line of JSON. */
export type PatchOutcome =
  | { readonly kind: 'built' }
  | { readonly kind: 'refused'; readonly code: string; readonly data: object }
  | { readonly kind: 'failed'; readonly problem: string };

/** `work` is a `PatchWork` in JSON. Standard input stays open for as long as the agent lives. */
export async function answerPatch(work: string): Promise<void> {
  // What a tree's directories have: they need not be asked for another mode. Their place is in a directory that is the agent's alone.
  process.umask(0o022);
  offerToTheKernel();
  process.stdin.resume().once('close', () => process.exit(1));
  const outcome = await attempt(JSON.parse(work) as PatchWork);
  writeSync(1, `${JSON.stringify(outcome)}\n`);
  process.exit(0);
}

/** Without memory for both, the agent and what it looks after are worth more. */
function offerToTheKernel(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Where there is no such file, the kernel chooses.
  }
}

async function attempt(work: PatchWork): Promise<PatchOutcome> {
  try {
    await buildFromPatch(work);
    return { kind: 'built' };
  } catch (cause) {
    const isOfSystem = cause instanceof Error && 'syscall' in cause;
    const error = isOfSystem ? toDiskError(work.staging, cause, work.ref.bytes) : cause;
    if (isFairleadError(error)) return { kind: 'refused', code: error.code, data: error.data };
    return { kind: 'failed', problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Errors: tree/*, disk/*, and the file system's own. */
export async function buildFromPatch(work: PatchWork): Promise<void> {
  const { layout, patch, ref, base, staging, shareable } = work;
  const file = await open(patch, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const contents = await readPatch(file, ref, async () => {
      const indexBytes = await readIndexBytes(base);
      return indexBytes === null ? null : { directory: join(base, FILES_DIRECTORY), indexBytes };
    });
    const { digest } = contents.base;
    const mayLink = shareable && (await mayShare(layout, digest));
    await buildTree(contents, { staging, diskSpace: readDiskSpace, shareable }, async (files) => {
      await applyPatch(contents, files, mayLink);
      if (mayLink && !(await mayShare(layout, digest))) throw baseChanged(digest, SHAREABLE_FILE);
    });
  } finally {
    await file.close();
  }
}
