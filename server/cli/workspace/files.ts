// Reading files a person may have misplaced: their absence is an answer or an error that names the path.
import { type FileHandle, open, readdir, readFile } from 'node:fs/promises';
import { FairleadError } from '../../../shared/errors/error.ts';

/** Null when there is no such file. Error: vendor/file-unreadable. */
export async function readOptional(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return null;
    throw unreadable(path, cause);
  }
}

/** Error: vendor/file-unreadable. */
export async function readRequired(path: string): Promise<Uint8Array> {
  const bytes = await readOptional(path);
  if (bytes === null)
    throw new FairleadError('vendor/file-unreadable', { path, problem: 'there is no such file' });
  return bytes;
}

/** Error: vendor/file-unreadable. */
export async function openRequired(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** A secret kept in a file of its own: its text without the line break at the end. */
export async function readSecret(path: string): Promise<string> {
  return Buffer.from(await readRequired(path))
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** The names in a directory, none when it does not exist; what a killed write left behind is not listed. */
export async function listFiles(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith('.')).sort();
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return [];
    throw unreadable(directory, cause);
  }
}

function unreadable(path: string, cause: unknown): FairleadError {
  return new FairleadError('vendor/file-unreadable', { path, problem: errorCode(cause) }, { cause });
}

function errorCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
}
