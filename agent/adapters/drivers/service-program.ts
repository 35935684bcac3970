// The program behind the first word of a service's command, as the service itself would find it.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ProgramUnit } from '../../ports/deploy.ts';

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
