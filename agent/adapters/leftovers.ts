// What killed writes left behind: cleared once at the start, while nothing else writes.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toDiskError } from './durable-file.ts';

/** The tree store clears its own; what services keep, and what they log, is theirs. */
const NOT_OURS = new Set(['store', 'data', 'logs']);

/** `.name.….tmp` of durable writes and of generations on their way in or out, `name.tmp-…` of the settings. */
const LEFTOVER = /^\..+\.tmp$|\.tmp-[0-9a-f]{16}$/;

/** For the holder of the state directory's lock. Error: disk/failed. */
export async function removeLeftovers(stateDir: string): Promise<void> {
  await clear(stateDir, NOT_OURS).catch((cause: unknown) => {
    throw toDiskError(stateDir, cause);
  });
}

async function clear(directory: string, except: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (LEFTOVER.test(entry.name)) await rm(path, { recursive: true, force: true });
    else if (entry.isDirectory() && !except.has(entry.name)) await clear(path, new Set());
  }
}
