// Finding a program as the system would: by its path, or in the directories of PATH.
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { FindProgram } from '../../ports/programs.ts';

export const findProgram: FindProgram = async (program, workingDirectory) => {
  const directories = program.includes('/') ? [workingDirectory] : (process.env.PATH ?? '').split(delimiter);
  for (const directory of directories) {
    if (await isExecutable(resolve(directory, program))) return;
  }
  throw new FairleadError('service/no-program', { program, where: directories.join(', ') });
};

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
