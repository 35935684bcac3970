// What stands where a file or a directory of our own should be: it gives up its name, and a person may still look at it.
import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode, toDiskError } from '../errors/error.ts';
import { stageFile, syncDirectory } from './durable-file.ts';
import { absentOr } from './read-file.ts';

/** To `.damaged` beside it, over an earlier one where that is a file; to a name nobody has where it is not. Errors: disk/*. */
export async function setAside(path: string): Promise<void> {
  const aside = `${path}.damaged`;
  try {
    await rename(path, aside).catch(async (cause: unknown) => {
      if (!OCCUPIED.has(systemCode(cause))) throw cause;
      await rename(path, `${aside}-${randomBytes(4).toString('hex')}`);
    });
    await syncDirectory(dirname(path));
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw toDiskError(path, cause);
  }
}

/** A directory stands there that something else cannot take the place of, or the other way round. */
const OCCUPIED: ReadonlySet<string> = new Set(['EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST']);

/**
 * As a durable write, in a directory of our own: a rename takes the place of a file, a pipe or a link by itself, and of a
 * directory only once that has given up its name. Errors: disk/*.
 */
export async function replaceDurably(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = await stageFile(path, bytes);
  await replaceWith(temporary, path).catch(async (cause: unknown) => {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw cause;
  });
  await syncDirectory(dirname(path));
}

/** Gives staged bytes their name, durable once the directory is synced. Errors: disk/*. */
export async function replaceWith(temporary: string, path: string): Promise<void> {
  try {
    await rename(temporary, path).catch(async (cause: unknown) => {
      if (!OCCUPIED.has(systemCode(cause))) throw cause;
      await setAside(path);
      await rename(temporary, path);
    });
  } catch (cause) {
    throw toDiskError(path, cause);
  }
}

/** `.name.….tmp` of durable writes and of what is on its way in or out, `name.tmp-…` of the agent's settings. */
const LEFTOVER = /^\..+\.tmp$|\.tmp-[0-9a-f]{16}$/;

/**
 * Once at the start, while nothing else writes; the directories named `except` at its top stay as they are. Without the
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
    if (entry.isDirectory() && except.has(entry.name)) await syncDirectory(path);
    else if (LEFTOVER.test(entry.name)) await rm(path, { recursive: true, force: true });
    else if (entry.isDirectory()) await settle(path, new Set());
  }
}

/** The same while others write there: what nobody wrote to for so long, at any depth. A directory that is not there has none. */
export async function removeIdle(directory: string, idleMs: number): Promise<void> {
  const found = await readdir(directory, { withFileTypes: true, recursive: true }).catch((cause: unknown) =>
    absentOr(directory, cause, []),
  );
  for (const entry of found) {
    if (!entry.isFile() || !LEFTOVER.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const about = await stat(path).catch(() => null);
    if (about !== null && about.mtimeMs < Date.now() - idleMs) await rm(path, { force: true });
  }
}
