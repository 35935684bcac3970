// Opening the database: the embedded file or PostgreSQL, brought to today's tables.
import { closeSync, openSync } from 'node:fs';
import { type Dialect, Kysely, PostgresDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import { FairleadError, isDiskFull, toDiskError } from '../../shared/errors/error.ts';
import { MIGRATIONS } from './migrations.ts';
import { createSqliteDialect } from './node-sqlite.ts';
import type { Database, Tables } from './tables.ts';
import { createThreadedDialect } from './threaded-sqlite.ts';

/** Where queries run: beside the caller, who serves others meanwhile, or in its own thread, for a command. */
export type Place = 'beside' | 'inline';

/**
 * A file, which is created when it does not exist, or the address of a PostgreSQL database. The caller ends with
 * `destroy()`. Errors: server/database-unreadable, server/database-unreachable, disk/full.
 */
export async function openDatabase(location: string, place: Place = 'inline'): Promise<Database> {
  if (isPostgresUrl(location)) return openPostgres(location);
  const file = location;
  try {
    // SQLite would make it readable for everyone; its companion files take the mode of this one.
    closeSync(openSync(file, 'a', 0o600));
    return await open(place === 'beside' ? createThreadedDialect(file) : createSqliteDialect(file));
  } catch (cause) {
    if (isDiskFull(cause)) throw toDiskError(file, cause);
    const problem = cause instanceof Error ? cause.message : 'unknown error';
    throw new FairleadError('server/database-unreadable', { path: file, problem }, { cause });
  }
}

/** The address holds a password: errors name the host and the database alone. */
async function openPostgres(url: string): Promise<Database> {
  try {
    return await open(createPostgresDialect(url));
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : 'unknown error';
    throw new FairleadError('server/database-unreachable', { database: placeOf(url), problem }, { cause });
  }
}

function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

async function open(dialect: Dialect): Promise<Database> {
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

/** Of one process; PostgreSQL itself takes a hundred unless told otherwise. */
const CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 5_000;
/** A statement that takes longer is nobody's any more. */
const STATEMENT_TIMEOUT_MS = 30_000;

/** `int8` and `numeric`, which counts and sums are, come as text: what we count is far below 2^53. */
const NUMBERS = new Set<number>([pg.types.builtins.INT8, pg.types.builtins.NUMERIC]);

/** `url` as in libpq: postgres://account:password@host/database, or with a socket's directory as `?host=`. */
export function createPostgresDialect(url: string): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'fairlead-server',
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        NUMBERS.has(oid) ? Number : pg.types.getTypeParser(oid, format ?? 'text'),
    },
  });
  // A connection that breaks while nobody uses it is replaced; unheard, its error would end the process.
  pool.on('error', () => undefined);
  return new PostgresDialect({ pool });
}

export function isPostgresUrl(location: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(location);
}
