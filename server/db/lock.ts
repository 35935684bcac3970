// One server process for each directory: a lock that dies with whoever holds it.
import { DatabaseSync } from 'node:sqlite';
import { FairleadError } from '../../shared/errors/error.ts';

/**
 * Locks `file`, which holds nothing else. The lock is the kernel's, taken through SQLite since Node has no flock: a killed
 * process leaves nothing to clean up. `dir` names the server in the error. Error: server/in-use.
 */
export function lockServer(file: string, dir: string): { release(): void } {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw new FairleadError('server/in-use', { dir }, { cause });
  }
  return { release: () => database.close() };
}
