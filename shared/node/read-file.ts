// Reading what may not be there yet, or not be what it should be.
import { constants, open, readdir, stat } from 'node:fs/promises';
import { FairleadError, isFairleadError, isShortage, systemCode } from '../errors/error.ts';

/** More than any of the programs keeps: what is larger is not what it wrote, and would only take its memory. */
const MAX_BYTES = 256 << 20;

/** The file's bytes, or null when there is no such file. Error: disk/unreadable. */
export async function readIfPresent(path: string, maxBytes = MAX_BYTES): Promise<Uint8Array | null> {
  try {
    return await readRegular(path, maxBytes);
  } catch (cause) {
    return absentOr(path, cause, null);
  }
}

/** The same as text. Error: disk/unreadable. */
export async function readTextIfPresent(path: string, maxBytes?: number): Promise<string | null> {
  const bytes = await readIfPresent(path, maxBytes);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** The names in a directory; none when there is no such directory. Error: disk/unreadable. */
export async function namesIfPresent(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    return absentOr(path, cause, []);
  }
}

/** Whether anything stands there. What cannot be asked now is an error: it may well be there. Error: disk/unreadable. */
export async function isPresent(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    return absentOr(path, cause, false);
  }
}

/** What cannot be read now is not absent: a process out of descriptors would take its own past for empty. */
export function absentOr<T>(path: string, cause: unknown, absent: T): T {
  if (systemCode(cause) === 'ENOENT') return absent;
  if (isFairleadError(cause)) throw cause;
  throw new FairleadError('disk/unreadable', { path, problem: systemCode(cause) }, { cause });
}

/** The process has too little of something now; the file may be as whole as ever. */
export function isMomentary(error: unknown): boolean {
  return isFairleadError(error, 'disk/unreadable') && isShortage(error.cause);
}

/** What stands there is no file of ours at all, and asking again will not make it one: unlike a disk that fails. */
export function isNoFile(error: unknown): boolean {
  if (!isFairleadError(error, 'disk/unreadable')) return false;
  return error.cause === undefined || systemCode(error.cause) === 'ELOOP';
}

/**
 * Only a regular file ends: a pipe in its place would be waited for, a device read, for ever.
 * Errors: disk/unreadable, and those of the system as they are.
 */
export async function readRegular(path: string, maxBytes: number): Promise<Buffer> {
  // Without O_NONBLOCK opening a pipe waits for its writer already.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat();
    if (!found.isFile())
      throw new FairleadError('disk/unreadable', { path, problem: 'it is no regular file' });
    if (found.size > maxBytes) {
      throw new FairleadError('disk/unreadable', { path, problem: `it holds more than ${maxBytes} bytes` });
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
