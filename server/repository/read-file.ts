// Reading files that may not be there.
import { access, readFile } from 'node:fs/promises';
import { FairleadError } from '../../shared/errors/error.ts';
import { systemCode } from '../../shared/errors/system-error.ts';

/** Null when there is no such file. Error: disk/unreadable. */
export async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (cause) {
    const problem = systemCode(cause);
    if (problem === 'ENOENT') return null;
    throw new FairleadError('disk/unreadable', { path, problem }, { cause });
  }
}

export async function readTextIfThere(path: string): Promise<string | null> {
  const bytes = await readIfThere(path);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

export function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
