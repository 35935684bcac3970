// Reading a state file that may not be there yet.
import { readFile } from 'node:fs/promises';
import { toDiskError } from './durable-file.ts';

/** The file's bytes, or null when there is no such file. Error: disk/failed. */
export async function readIfPresent(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw toDiskError(path, cause);
  }
}
