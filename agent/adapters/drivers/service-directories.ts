// The directories of a service: its data made and owned by its account, and the way to its files passable.
import { constants } from 'node:fs';
import { access, chmod, chown, type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { delimiter, dirname, relative, resolve } from 'node:path';
import { FairleadError, systemCode } from '../../../shared/errors/error.ts';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import type { ProgramUnit, ServiceUnit } from '../../ports/deploy.ts';
import type { Account } from '../machine/account.ts';

/**
 * A directory of its tree that the service may write to. A link anywhere on the way would hand over whatever it leads to: the
 * release's own may lead into a directory that the service had before, and there it writes what it likes. So none is walked,
 * and what was looked at stays held open until the next is found inside it.
 */
async function openToService(unit: ServiceUnit, path: string, { uid, gid }: Account): Promise<void> {
  let held = await open(unit.workingDirectory, DIRECTORY);
  try {
    for (const name of relative(unit.workingDirectory, path).split('/')) {
      const next = await enter(held, name).catch((cause: unknown) => {
        const problem = `its directory ${path} cannot be handed to it: ${systemCode(cause)} at ${name}`;
        throw new FairleadError('service/start-failed', { component: unit.component, problem }, { cause });
      });
      await held.close();
      held = next;
    }
    await held.chmod(0o755);
    if (uid !== undefined && gid !== undefined) await held.chown(uid, gid);
  } finally {
    await held.close();
  }
}

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;

/** Made where it is missing. As openat(2) would: by the directory itself, whatever is put in its place meanwhile. */
async function enter(directory: FileHandle, name: string): Promise<FileHandle> {
  const path = `/proc/self/fd/${directory.fd}/${name}`;
  await mkdir(path, { mode: 0o755 }).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
  return open(path, DIRECTORY | constants.O_NOFOLLOW);
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
  for (const path of unit.writable ?? []) await openToService(unit, path, account);
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

/** The whole path, looked for as execvp(3) would, in the tree and on the service's own PATH. Error: service/start-failed. */
export async function findServiceProgram(
  unit: ProgramUnit,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const [name = ''] = unit.exec;
  const directories = name.includes('/') ? [unit.workingDirectory] : (env.PATH ?? '').split(delimiter);
  for (const path of directories.map((directory) => resolve(unit.workingDirectory, directory, name))) {
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return path;
  }
  const problem = `there is no program ${name}`;
  throw new FairleadError('service/start-failed', { component: unit.component, problem });
}
