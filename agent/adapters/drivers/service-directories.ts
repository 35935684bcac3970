// The directories of a service: its data made and owned by its account, and the way to its files passable.
import { chmod, chown, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import type { ServiceUnit } from '../../ports/driver.ts';
import type { Account } from '../machine/account.ts';

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
  if (account.uid === undefined || account.gid === undefined) return;
  await chown(unit.dataDirectory, account.uid, account.gid);
  const top = resolve(stateDir);
  for (const start of [unit.workingDirectory, dirname(unit.dataDirectory)]) {
    for (let path = resolve(start); path.startsWith(top); path = dirname(path)) {
      const { mode } = await stat(path);
      if ((mode & 0o011) !== 0o011) await chmod(path, (mode & 0o7777) | 0o011);
    }
  }
}
