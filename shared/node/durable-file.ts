// The one way to put bytes on disk so that a power cut leaves the old file or the new one.
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { toDiskError } from '../errors/error.ts';

/**
 * Temp file, fsync, rename, fsync of the directory: when this returns, the new bytes survive a power cut.
 * The mode is 0600 unless given. Errors: disk/full, disk/failed; the old file is then untouched.
 */
export async function writeDurably(path: string, bytes: Uint8Array, mode = 0o600): Promise<void> {
  const temporary = await stageFile(path, bytes, mode);
  try {
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(temporary).catch(() => undefined);
    throw toDiskError(path, cause, bytes.length);
  }
}

/** The first half of a durable write: the bytes are on disk, under the name that is returned, beside `path`. Errors: disk/full, disk/failed. */
export async function stageFile(path: string, bytes: Uint8Array, mode = 0o600): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeAndSync(temporary, bytes, mode);
    return temporary;
  } catch (cause) {
    await rm(temporary).catch(() => undefined);
    throw toDiskError(path, cause, bytes.length);
  }
}

/** One that is not there is removed. When this returns, a power cut does not bring it back. Errors: disk/full, disk/failed. */
export async function removeDurably(path: string): Promise<void> {
  await rm(path, { force: true }).catch((cause: unknown) => {
    throw toDiskError(path, cause);
  });
  const directory = dirname(path);
  if (await isDirectory(directory)) await syncDirectory(directory);
}

/** Makes renames, links and removals in a directory survive a power cut. Errors: disk/full, disk/failed. */
export async function syncDirectory(path: string): Promise<void> {
  await syncPath(path);
}

/** What somebody wrote to `from`, whole, in the place of `path`. Errors: disk/full, disk/failed. */
export async function moveDurably(from: string, path: string): Promise<void> {
  await syncPath(from);
  await rename(from, path).catch((cause: unknown) => {
    throw toDiskError(path, cause);
  });
  await syncPath(dirname(path));
}

async function syncPath(path: string): Promise<void> {
  await withHandle(path, 'r', undefined, (handle) => handle.sync()).catch((cause: unknown) => {
    throw toDiskError(path, cause);
  });
}

/**
 * Creates a directory and its parents, each made durable. Owner-only unless a mode is given. Node's own recursion never
 * ends where a directory answers ENOENT to every new name, as /proc does. Errors: disk/*.
 */
export async function makeDirectory(path: string, mode = 0o700): Promise<void> {
  if (await isDirectory(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeDirectory(parent, mode);
  await mkdir(path, { mode }).catch(async (cause: unknown) => {
    // Another process may have made it meanwhile.
    if (!(await isDirectory(path))) throw toDiskError(path, cause);
  });
  await syncDirectory(parent).catch(async (cause: unknown) => {
    // Left there it would be found, and taken for one that lasts, by whoever comes next.
    await rmdir(path).catch(() => undefined);
    throw cause;
  });
}

/** A link to one is one. */
export async function isDirectory(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** A file that was not there before. Not durable until its directory is synced. */
export async function writeAndSync(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  // A failed fsync is never retried on the same descriptor: the kernel may have dropped the dirty pages.
  await withHandle(path, 'wx', mode, async (handle) => {
    await handle.writeFile(bytes);
    await handle.sync();
  });
}

async function withHandle<T>(
  path: string,
  flags: string,
  mode: number | undefined,
  use: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await open(path, flags, mode);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}
