// What stands where a file or a directory of our own should be: it gives up its name, and a person may still look at it.
import { randomBytes } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode, toDiskError } from '../errors/system-error.ts';
import { isDirectory, syncDirectory, writeDurably } from './durable-file.ts';

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
  if (await isDirectory(path)) await setAside(path);
  await writeDurably(path, bytes);
}
