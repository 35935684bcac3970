// Who is at work on backups beside others in a server's directory, told by locks that end with their holders.
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FairleadError } from '../../shared/errors/error.ts';
import { tryLock } from '../../shared/node/lock.ts';
import { namesIfPresent } from '../../shared/node/read-file.ts';
import type { Layout } from '../repository/layout.ts';

/** One drill at a time; what a killed one left goes first. Errors: backup/drilling, disk/*, and those of `work`. */
export async function drillAlone<Result>(layout: Layout, work: () => Promise<Result>): Promise<Result> {
  const lock = await tryLock(layout.drillLock);
  if (lock === null) throw new FairleadError('backup/drilling', {});
  try {
    for (const name of await drillsIn(layout))
      await rm(join(layout.dir, name), { recursive: true, force: true });
    return await work();
  } finally {
    lock.release();
  }
}

/**
 * What a server that starts leaves as it is, at the top of its directory, by name: a backup or a drill is under way there.
 * Errors: disk/*.
 */
export async function findUnderWay(layout: Layout): Promise<ReadonlySet<string>> {
  return new Set([
    ...((await isHeld(layout.backupLock)) ? [basename(layout.backupStaging)] : []),
    ...((await isHeld(layout.drillLock)) ? await drillsIn(layout) : []),
  ]);
}

async function isHeld(file: string): Promise<boolean> {
  const lock = await tryLock(file);
  lock?.release();
  return lock === null;
}

async function drillsIn({ dir }: Layout): Promise<readonly string[]> {
  return (await namesIfPresent(dir)).filter((name) => /^\.drill-.+\.tmp$/.test(name));
}
