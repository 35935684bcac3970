// PostgreSQL behind kysely: bounded in time, and a connection that is lost costs the requests under way and nothing else.
import { type Dialect, PostgresDialect, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { FairleadError, systemCode } from '../../shared/errors/error.ts';
import type { PostgresAddress } from '../core/database-address.ts';

interface Limits {
  readonly connections: number;
  /** A statement that takes longer is nobody's any more; null lets it take what it needs. */
  readonly statementMs: number | null;
}

/** Of one process; PostgreSQL itself takes a hundred unless told otherwise. */
export const SERVING: Limits = { connections: 10, statementMs: 10_000 };
/** For one who changes tables or copies a whole fleet. */
export const AT_LENGTH: Limits = { connections: 1, statementMs: null };

const CONNECT_MS = 5_000;
/** Behind the database's own end of a statement: passed only where nothing is heard from it at all. */
const SILENCE_MS = 2_000;
/** A server that hangs inside a transaction must not hold up the others with its locks for longer. */
const IDLE_TRANSACTION_MS = 10_000;
/** A machine that is gone holds the locks of its sessions until the database notices; of itself it would take hours. */
const KEEPALIVE =
  '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=20000';

/** `int8` and `numeric`, which counts and sums are, come as text: what we count is far below 2^53. */
const NUMBERS = new Set<number>([pg.types.builtins.INT8, pg.types.builtins.NUMERIC]);

export function connectionOf({ url }: PostgresAddress, statementMs: number | null): pg.ClientConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    options: KEEPALIVE,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS,
    ...(statementMs === null
      ? {}
      : { statement_timeout: statementMs, query_timeout: statementMs + SILENCE_MS }),
    application_name: 'fairlead-server',
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        NUMBERS.has(oid) ? Number : pg.types.getTypeParser(oid, format ?? 'text'),
    },
  };
}

/** Its queries fail with server/database-away, server/busy and disk/full where the database is the reason. */
export function createPostgresDialect(
  address: PostgresAddress,
  { connections, statementMs }: Limits = SERVING,
): Dialect {
  const pool = new pg.Pool({ ...connectionOf(address, statementMs), max: connections });
  // What breaks while nobody uses it is replaced, in use the query fails; unheard, an error would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const outage = createOutage(() => performance.now());
  return new PostgresDialect({
    pool: {
      options: {},
      end: () => pool.end(),
      connect: async () => {
        if (outage.isRefusing()) throw away(address);
        try {
          const client = await pool.connect();
          outage.end();
          return watch(client, address);
        } catch (cause) {
          if (isLost(cause)) outage.fail();
          throw toOurs(cause, address);
        }
      },
    },
  });
}

/** A connection that was lost in the middle is never given to anybody again. */
function watch(client: pg.PoolClient, address: PostgresAddress): PostgresPoolClient {
  let broken = false;
  const query = async (sql: string, parameters: readonly unknown[]) => {
    try {
      return await client.query({ ...nameOf(sql), text: sql, values: [...parameters] });
    } catch (cause) {
      broken ||= isLost(cause);
      throw toOurs(cause, address);
    }
  };
  return {
    // Lists are read in parts: nobody asks for a cursor.
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy) => client.release(broken || destroy === true),
  };
}

/** Statements over elements have one text however many there are: each is planned once for a connection, not anew each time. */
const OVER_ELEMENTS = /jsonb_array_elements\(| = any\(/;
const names = new Map<string, string>();

function nameOf(sql: string): { readonly name?: string } {
  if (!OVER_ELEMENTS.test(sql)) return {};
  const name = names.get(sql) ?? `elements ${names.size}`;
  names.set(sql, name);
  return { name };
}

const BACK_OFF_MS = [250, 500, 1_000, 2_000, 5_000] as const;

/** While nothing answers, somebody tries now and then; all others are told at once and wait for nothing. */
export function createOutage(now: () => number) {
  let failures = 0;
  let until = 0;
  return {
    isRefusing: () => now() < until,
    fail: () => {
      until = now() + (BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length - 1)] ?? 0);
      failures++;
    },
    end: () => {
      failures = 0;
      until = 0;
    },
  };
}

const RETRY_AFTER_SECONDS = 5;

function away({ place }: PostgresAddress, cause?: unknown): FairleadError {
  return new FairleadError(
    'server/database-away',
    { database: place, seconds: RETRY_AFTER_SECONDS },
    { cause },
  );
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const OVERTIME = new Set(['57014', '55P03']);
const DISK_FULL = '53100';

/** What the database says of a query that is wrong stays as it is: that is our mistake. */
function toOurs(cause: unknown, address: PostgresAddress): unknown {
  const code = systemCode(cause);
  if (isLost(cause)) return away(address, cause);
  if (OVERTIME.has(code) || isCrowded(cause)) {
    return new FairleadError('server/busy', { seconds: RETRY_AFTER_SECONDS }, { cause });
  }
  if (code === DISK_FULL)
    return new FairleadError('disk/full', { path: address.place, needed: 0, free: 0 }, { cause });
  return cause;
}

/** Every connection of the pool was in use for as long as one may wait. */
function isCrowded(cause: unknown): boolean {
  return cause instanceof Error && cause.message === 'timeout exceeded when trying to connect';
}

/** Shut down, starting, taken over by a standby, out of connections; a transaction that took too long is ended with its session. */
const LOST = new Set(['57P01', '57P02', '57P03', '57P05', '25P03', '25006', '53300']);
const SYSTEM_CALLS = new Set(['connect', 'read', 'write', 'getaddrinfo', 'shutdown']);
/** The driver's own words have no codes. */
const ENDED = /^Connection terminated|^Query read timeout|not queryable|has been discarded|^read E|^write E/;

/** Nothing is wrong with what was asked: the way to the database is gone, or the database itself. */
export function isLost(cause: unknown): boolean {
  if (cause instanceof AggregateError) return cause.errors.some(isLost);
  if (!(cause instanceof Error)) return false;
  const code = systemCode(cause);
  if (LOST.has(code) || /^08...$/.test(code)) return true;
  return ('syscall' in cause && SYSTEM_CALLS.has(String(cause.syscall))) || ENDED.test(cause.message);
}

/** Before anything is served: what keeps this database from being used, and what to do about it. */
export function unreachable({ place }: PostgresAddress, cause: unknown): FairleadError {
  const [problem, remedy] = explain(cause);
  return new FairleadError('server/database-unreachable', { database: place, problem, remedy }, { cause });
}

const REFUSALS: Readonly<Record<string, readonly [string, string]>> = {
  '28P01': ['it refuses the account or its password', 'check account and password in the address'],
  '28000': ['it lets this account in from here on no terms', 'see pg_hba.conf of the database, and its log'],
  '3D000': ['it does not exist', 'create it: createdb --owner ACCOUNT DATABASE'],
  '42501': [
    'the account may not create tables in it',
    'make the account its owner: alter database … owner to …',
  ],
};

function explain(cause: unknown): readonly [string, string] {
  const inner = cause instanceof FairleadError ? cause.cause : cause;
  const known = REFUSALS[systemCode(inner)];
  if (known !== undefined) return known;
  const one = inner instanceof AggregateError ? inner.errors[0] : inner;
  const problem = one instanceof Error ? one.message : 'nothing answers';
  return isLost(inner)
    ? [problem, 'check that PostgreSQL runs there, and that this machine reaches its port']
    : [problem, 'mend what it says; the log of the database may say more'];
}
