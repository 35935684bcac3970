// Reading files a person may have misplaced: their absence is an answer or an error that names the path.
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { FairleadError } from '../../../shared/errors/error.ts';
import { systemCode } from '../../../shared/errors/system-error.ts';
import { readIfThere } from '../../repository/read-file.ts';

/** Errors: vendor/file-unreadable, disk/unreadable. */
export async function readRequired(path: string): Promise<Uint8Array> {
  const bytes = await readIfThere(path);
  if (bytes !== null) return bytes;
  throw new FairleadError('vendor/file-unreadable', { path, problem: 'there is no such file' });
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
  return new TextDecoder().decode(await readRequired(path)).replace(/\r?\n$/, '');
}

/** The names in a directory, none when it does not exist; what a killed write left behind is not listed. */
export async function listFiles(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith('.')).sort();
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return [];
    throw unreadable(directory, cause);
  }
}

function unreadable(path: string, cause: unknown): FairleadError {
  return new FairleadError('vendor/file-unreadable', { path, problem: systemCode(cause) }, { cause });
}
