// Kysely on PostgreSQL: a bounded pool, and numbers that come as numbers.
import { type Dialect, PostgresDialect } from 'kysely';
import pg from 'pg';

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
