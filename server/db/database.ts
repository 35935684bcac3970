// Opening the database: the embedded file or PostgreSQL, brought to today's tables.
import { closeSync, openSync } from 'node:fs';
import { type Dialect, Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { FairleadError, isDiskFull, systemCode, toDiskError } from '../../shared/errors/error.ts';
import type { DatabaseAddress, PostgresAddress } from '../core/database-address.ts';
import { MIGRATIONS } from './migrations.ts';
import { createSqliteDialect } from './node-sqlite.ts';
import { AT_LENGTH, createPostgresDialect, unreachable } from './postgres.ts';
import type { Database, Tables } from './tables.ts';
import { createThreadedDialect } from './threaded-sqlite.ts';

/** Where queries run: beside the caller, who serves others meanwhile, or in its own thread, for a command. */
export type Place = 'beside' | 'inline';

/**
 * A file is created when it does not exist. The caller ends with `destroy()`.
 * Errors: server/database-unreadable, server/database-unreachable, disk/full.
 */
export async function openDatabase(address: DatabaseAddress, place: Place = 'inline'): Promise<Database> {
  return address.kind === 'file' ? openFile(address.path, place) : openPostgres(address);
}

async function openFile(file: string, place: Place): Promise<Database> {
  try {
    // SQLite would make it readable for everyone; its companion files take the mode of this one.
    closeSync(openSync(file, 'a', 0o600));
    return await migrated(place === 'beside' ? createThreadedDialect(file) : createSqliteDialect(file));
  } catch (cause) {
    if (isDiskFull(cause)) throw toDiskError(file, cause);
    const problem = cause instanceof Error ? cause.message : 'unknown error';
    throw new FairleadError('server/database-unreadable', { path: file, problem }, { cause });
  }
}

/** Tables are changed without the limits of serving: an index over a large fleet takes its time. */
async function openPostgres(address: PostgresAddress): Promise<Database> {
  const db = new Kysely<Tables>({ dialect: createPostgresDialect(address) });
  try {
    if (!(await isOfToday(db))) await (await migrated(createPostgresDialect(address, AT_LENGTH))).destroy();
    return db;
  } catch (cause) {
    await db.destroy();
    throw unreachable(address, cause);
  }
}

/** For one who moves a whole fleet: nothing it asks ends for want of time. Error: server/database-unreachable. */
export async function openAtLength(address: PostgresAddress): Promise<Database> {
  try {
    return await migrated(createPostgresDialect(address, AT_LENGTH));
  } catch (cause) {
    throw unreachable(address, cause);
  }
}

/** Error: only where nothing can be asked at all. */
async function isOfToday(db: Database): Promise<boolean> {
  try {
    const { rows } = await sql<{ readonly name: string }>`select name from kysely_migration`.execute(db);
    return rows.length === Object.keys(MIGRATIONS).length && rows.every(({ name }) => name in MIGRATIONS);
  } catch (cause) {
    if (systemCode(cause) === NO_SUCH_TABLE) return false;
    throw cause;
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const NO_SUCH_TABLE = '42P01';

async function migrated(dialect: Dialect): Promise<Database> {
  const db = new Kysely<Tables>({ dialect });
  try {
    await migrate(db);
    return db;
  } catch (cause) {
    await db.destroy();
    throw cause;
  }
}

async function migrate(db: Database): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
