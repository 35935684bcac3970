// A directory after a kill: half-written files go, and what was renamed but not synced is made to last.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toDiskError } from '../errors/system-error.ts';
import { syncDirectory } from './durable-file.ts';

/** `.name.….tmp` of durable writes and of what is on its way in or out, `name.tmp-…` of the agent's settings. */
const LEFTOVER = /^\..+\.tmp$|\.tmp-[0-9a-f]{16}$/;

/**
 * Once at the start, while nothing else writes; the directories named `except` at its top are not entered. Without the
 * sync this process would act on a file that the next power cut takes back, because the one that renamed it died before
 * it could sync the directory. Error: disk/failed.
 */
export async function settleDirectory(directory: string, except: ReadonlySet<string>): Promise<void> {
  await settle(directory, except).catch((cause: unknown) => {
    throw toDiskError(directory, cause);
  });
}

async function settle(directory: string, except: ReadonlySet<string>): Promise<void> {
  // First: what was renamed to go must have left its old name for good before anything in it goes.
  await syncDirectory(directory);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (LEFTOVER.test(entry.name)) await rm(path, { recursive: true, force: true });
    else if (entry.isDirectory())
      await (except.has(entry.name) ? syncDirectory(path) : settle(path, new Set()));
  }
}
