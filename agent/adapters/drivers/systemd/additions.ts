// What an operator added to one slot's unit confines the other slot too, or an update would set the service free.
import type { Dirent } from 'node:fs';
import { readdir, rm, rmdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeDirectory } from '../../../../shared/node/durable-file.ts';

/**
 * Both are drop-in directories, side by side, and need not be there. systemd follows a link to a file, but none to a
 * directory. A name that the operator used in both means what each of them says.
 */
export async function shareAdditions(from: string, to: string): Promise<void> {
  await forgetShared(to);
  const own = new Set((await entriesOf(to)).map(({ name }) => name));
  const files = (await entriesOf(from)).filter((one) => one.isFile() && one.name.endsWith('.conf'));
  const missing = files.filter(({ name }) => !own.has(name));
  if (missing.length > 0) await makeDirectory(to, 0o755);
  for (const { name } of missing) await symlink(join('..', basename(from), name), join(to, name));
}

/** Removes what was linked there, and the directory unless something is left in it. */
export async function forgetShared(directory: string): Promise<void> {
  const entries = await entriesOf(directory);
  const links = entries.filter((one) => one.isSymbolicLink());
  for (const { name } of links) await rm(join(directory, name));
  if (links.length > 0 && links.length === entries.length) await rmdir(directory);
}

async function entriesOf(directory: string): Promise<readonly Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch(() => []);
}
