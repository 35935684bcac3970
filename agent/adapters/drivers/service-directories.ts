// The directories of a service: its data made and owned by its account, and the way to its files passable.
import { constants } from 'node:fs';
import { chmod, chown, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import type { ServiceUnit } from '../../ports/driver.ts';
import type { Account } from '../machine/account.ts';

/** A directory of its tree that the service may write to. A link in its place would hand over whatever it leads to. */
async function openToService(path: string, { uid, gid }: Account): Promise<void> {
  await makeDirectory(path, 0o755);
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await handle.chmod(0o755);
    if (uid !== undefined && gid !== undefined) await handle.chown(uid, gid);
  } finally {
    await handle.close();
  }
}

/**
 * A service of another account must reach its files below the agent's own directories: passing through is allowed,
 * looking around is not.
 */
export async function prepareDirectories(
  stateDir: string,
  unit: ServiceUnit,
  account: Account,
): Promise<void> {
  await makeDirectory(unit.dataDirectory);
  for (const path of unit.writable ?? []) await openToService(path, account);
  if (account.uid === undefined || account.gid === undefined) return;
  await chown(unit.dataDirectory, account.uid, account.gid);
  for (const path of [unit.workingDirectory, dirname(unit.dataDirectory)]) await makePassable(stateDir, path);
}

/** Every directory from the agent's own down to this one. */
export async function makePassable(stateDir: string, directory: string): Promise<void> {
  const top = resolve(stateDir);
  for (let path = resolve(directory); path.startsWith(top); path = dirname(path)) {
    const { mode } = await stat(path);
    if ((mode & 0o011) !== 0o011) await chmod(path, (mode & 0o7777) | 0o011);
  }
}
