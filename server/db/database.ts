// Opening the database: the embedded file or PostgreSQL, brought to today's tables.
import { closeSync, openSync } from 'node:fs';
import { type Dialect, Kysely } from 'kysely';
import { FairleadError, isDiskFull, isFairleadError, toDiskError } from '../../shared/errors/error.ts';
import type { DatabaseAddress, PostgresAddress } from '../core/database-address.ts';
import { MIGRATIONS } from './migrations.ts';
import { createSqliteDialect } from './node-sqlite.ts';
import { AT_LENGTH, createPostgresDialect, unreachable } from './postgres.ts';
import { judgeSteps, takeSteps } from './steps.ts';
import type { Database, Tables } from './tables.ts';
import { createThreadedDialect } from './threaded-sqlite.ts';

/** Where queries run: beside the caller, who serves others meanwhile, or in its own thread, for a command. */
export type Place = 'beside' | 'inline';

/**
 * A file is created when it does not exist. The caller ends with `destroy()`.
 * Errors: server/database-unreadable, server/database-unreachable, server/database-newer, disk/full.
 */
export async function openDatabase(address: DatabaseAddress, place: Place = 'inline'): Promise<Database> {
  return address.kind === 'file' ? openFile(address.path, place) : openPostgres(address);
}

async function openFile(file: string, place: Place): Promise<Database> {
  try {
    // SQLite would make it readable for everyone; its companion files take the mode of this one.
    closeSync(openSync(file, 'a', 0o600));
    return await migrated(place === 'beside' ? createThreadedDialect(file) : createSqliteDialect(file), file);
  } catch (cause) {
    if (cause instanceof FairleadError) throw cause;
    if (isDiskFull(cause)) throw toDiskError(file, cause);
    const problem = cause instanceof Error ? cause.message : 'unknown error';
    throw new FairleadError('server/database-unreadable', { path: file, problem }, { cause });
  }
}

/** Tables are changed without the limits of serving: an index over a large fleet takes its time. */
async function openPostgres(address: PostgresAddress): Promise<Database> {
  const db = new Kysely<Tables>({ dialect: createPostgresDialect(address) });
  try {
    // What is to be done to the tables is done by another connection, without the limits of serving.
    if ((await judgeSteps(db, address.place, MIGRATIONS)) === 'behind')
      await (await openAtLength(address)).destroy();
    return db;
  } catch (cause) {
    await db.destroy();
    throw isOurs(cause) ? cause : unreachable(address, cause);
  }
}

/** For one who moves a whole fleet: nothing it asks ends for want of time. Errors: server/database-unreachable, server/database-newer. */
export async function openAtLength(address: PostgresAddress): Promise<Database> {
  try {
    return await migrated(createPostgresDialect(address, AT_LENGTH), address.place);
  } catch (cause) {
    throw isOurs(cause) ? cause : unreachable(address, cause);
  }
}

/** Said already; what the pool says of a database that is away is a reason, and no more. */
function isOurs(cause: unknown): boolean {
  return isFairleadError(cause, 'server/database-newer', 'server/database-unreachable');
}

async function migrated(dialect: Dialect, place: string): Promise<Database> {
  const db = new Kysely<Tables>({ dialect });
  try {
    if ((await judgeSteps(db, place, MIGRATIONS)) === 'behind') await takeSteps(db, MIGRATIONS);
    return db;
  } catch (cause) {
    await db.destroy();
    throw cause;
  }
}
