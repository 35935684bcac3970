// Reading what stands in the workspace: what is not there, or not readable, is an error that names the path.
import { type FileHandle, open } from 'node:fs/promises';
import { FairleadError, systemCode } from '../../../shared/errors/error.ts';
import { namesIfPresent, readIfPresent } from '../../../shared/node/read-file.ts';

/** A file that a person named by a flag. Errors: vendor/file-unreadable, disk/unreadable. */
export async function readOption(option: string, path: string): Promise<Uint8Array> {
  const bytes = await readIfPresent(path);
  if (bytes === null) throw optionProblem(option, path, 'there is no such file');
  return bytes;
}

export function optionProblem(option: string, path: string, problem: string): FairleadError {
  return new FairleadError('vendor/file-unreadable', { path, problem, option });
}

/** Error: vendor/file-unreadable. */
export async function openRequired(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new FairleadError('vendor/file-unreadable', { path, problem: systemCode(cause) }, { cause });
  }
}

/** The names in a directory, none when it does not exist; what a killed write left behind is not listed. Error: disk/unreadable. */
export async function listFiles(directory: string): Promise<readonly string[]> {
  return (await namesIfPresent(directory)).filter((name) => !name.startsWith('.')).sort();
}
