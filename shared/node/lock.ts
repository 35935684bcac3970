// A lock on a file that the kernel releases when its holder dies, however it dies.
import { lstat, stat, truncate } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { isDatabaseBusy, systemCode, toDiskError } from '../errors/error.ts';
import { setAside } from './set-aside.ts';

export interface Lock {
  /** False once another file, or none, stands where the lock was: what it guards is no longer what was locked. */
  isInPlace(): Promise<boolean>;
  release(): void;
}

/**
 * Locks `file`, which holds nothing else; null when another process has it. Node has no flock(2); an exclusive SQLite
 * transaction holds the same kind of kernel lock on a file. A pid file would outlive a kill and could name a stranger; an
 * abstract socket could be taken by any local account. Error: disk/*.
 */
export async function tryLock(file: string): Promise<Lock | null> {
  return await lockOnce(file).catch(async (error: unknown) => {
    if (!(await empty(file))) throw error;
    return lockOnce(file);
  });
}

/**
 * A file that holds something is no lock of ours: whoever had it locked would be told apart before its bytes are looked at.
 * It is emptied in place, so that two who find it so still meet at one file. True when something changed.
 */
async function empty(file: string): Promise<boolean> {
  const found = await lstat(file).catch(() => null);
  if (found === null || (found.isFile() && found.size === 0)) return false;
  await (found.isFile() ? truncate(file, 0) : setAside(file));
  return true;
}

async function lockOnce(file: string): Promise<Lock | null> {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    const held = database;
    const { dev, ino } = await stat(file);
    return { isInPlace: () => isSame(file, dev, ino), release: () => held.close() };
  } catch (cause) {
    database?.close();
    if (isDatabaseBusy(cause)) return null;
    throw toDiskError(file, cause);
  }
}

async function isSame(file: string, dev: number, ino: number): Promise<boolean> {
  try {
    const found = await stat(file);
    return found.dev === dev && found.ino === ino;
  } catch (error) {
    // Whatever else keeps it from being looked at says nothing about it.
    return !['ENOENT', 'ENOTDIR'].includes(systemCode(error));
  }
}
