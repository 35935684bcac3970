// One agent for one state directory: a lock that the kernel releases when its holder dies, however it dies.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { FairleadError } from '../../../shared/errors/error.ts';
import { systemCode } from '../../../shared/errors/system-error.ts';
import { makeDirectory, toDiskError } from './durable-file.ts';

export interface StateLock {
  /** False once another file, or none, stands where the lock was: the directory is no longer the one that was locked. */
  isInPlace(): Promise<boolean>;
  release(): void;
}

const SQLITE_BUSY = 5;

/**
 * Node has no flock(2); an exclusive SQLite transaction holds the same kind of kernel lock on a file. A pid file would
 * outlive a kill and could name a stranger; an abstract socket could be taken by any local account.
 * Errors: agent/already-running, disk/*.
 */
export async function acquireStateLock(stateDir: string): Promise<StateLock> {
  await makeDirectory(stateDir);
  const path = join(stateDir, 'lock');
  try {
    const database = new DatabaseSync(path, { timeout: 0 });
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    const { dev, ino } = await stat(path);
    return {
      async isInPlace() {
        try {
          const found = await stat(path);
          return found.dev === dev && found.ino === ino;
        } catch (error) {
          // Whatever else keeps it from being looked at says nothing about it.
          return !['ENOENT', 'ENOTDIR'].includes(systemCode(error));
        }
      },
      release: () => database.close(),
    };
  } catch (cause) {
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY) {
      throw new FairleadError('agent/already-running', { stateDir }, { cause });
    }
    throw toDiskError(path, cause);
  }
}
