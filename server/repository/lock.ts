// A lock on a file that dies with whoever holds it: SQLite's, since Node offers no other that the kernel frees.
import { DatabaseSync } from 'node:sqlite';
import { isDatabaseBusy, toDiskError } from '../../shared/errors/system-error.ts';

export interface Lock {
  release(): void;
}

/** Locks `file`, which holds nothing else; null when another process has it. Error: disk/*. */
export function tryLock(file: string): Lock | null {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
    const held = database;
    return { release: () => held.close() };
  } catch (cause) {
    database?.close();
    if (isDatabaseBusy(cause)) return null;
    throw toDiskError(file, cause);
  }
}
