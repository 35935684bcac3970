// The one door for transactions: whoever enters says what isolation the work needs, and conflicts are tried again.
import { type Kysely, PostgresAdapter, sql, type Transaction } from 'kysely';
import type { Database, DatabaseTransaction, Tables } from './tables.ts';

/**
 * What other transactions may do meanwhile. SQLite has one writer at a time and gives more than either asks for; nothing
 * may lean on that.
 *
 * `committed`: each statement sees what was committed when it began. Enough for work that writes rows under a condition
 * and looks at how many it met, and for appends under a lock.
 * `serializable`: as if alone. For work that decides by what it read and writes something else.
 */
export type Isolation = 'committed' | 'serializable';

const LEVELS = { committed: 'read committed', serializable: 'serializable' } as const;
const ATTEMPTS = 5;

/** All of the work or none of it. The work may run more than once, so it touches nothing but the database. */
export async function transact<Result>(
  db: Database,
  isolation: Isolation,
  work: (trx: DatabaseTransaction) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().setIsolationLevel(LEVELS[isolation]).execute(work);
    } catch (error) {
      if (attempt === ATTEMPTS || !isConflict(error)) throw error;
    }
  }
}

/** Serialises everybody who takes the same lock until the transaction ends. */
export async function takeLock(trx: DatabaseTransaction, lock: Lock): Promise<void> {
  await call(trx, 'pg_advisory_xact_lock', lock);
}

/** Held together with others who share it, until the transaction ends: nobody waits, and `holdersOf` tells who is under way. */
export async function shareLock(trx: DatabaseTransaction, lock: Lock): Promise<void> {
  await call(trx, 'pg_advisory_xact_lock_shared', lock);
}

/** The transactions that hold it now, each by a name that no later one has. */
export async function holdersOf(db: Database, lock: Lock): Promise<ReadonlySet<string>> {
  if (!isPostgres(db)) return new Set();
  const { rows } = await sql<{ readonly holder: string }>`
    select virtualtransaction as holder from pg_locks
    where locktype = 'advisory' and classid = 0 and objid = ${LOCKS[lock]} and objsubid = 1 and granted
      and database = (select oid from pg_database where datname = current_database())`.execute(db);
  return new Set(rows.map(({ holder }) => holder));
}

async function call(db: Database, name: string, lock: Lock): Promise<void> {
  if (!isPostgres(db)) return;
  await db.selectNoFrom((select) => select.fn(name, [select.val(LOCKS[lock])]).as('taken')).execute();
}

/**
 * Holds the lock for as long as this one connection lives, or until released; null while somebody else has it. Only
 * PostgreSQL has such locks. Error: server/database-away.
 */
export async function tryHold(connection: Database, lock: Lock): Promise<(() => Promise<void>) | null> {
  const ask = (name: string) =>
    connection
      .selectNoFrom((select) => select.fn<boolean>(name, [select.val(LOCKS[lock])]).as('done'))
      .executeTakeFirstOrThrow();
  if (!(await ask('pg_try_advisory_lock')).done) return null;
  // Where that fails the connection is gone, and the lock with it.
  return () =>
    ask('pg_advisory_unlock').then(
      () => undefined,
      () => undefined,
    );
}

/** Any numbers, as long as they are no one else's in this database. */
const LOCKS = {
  audit: 0x666c_0001,
  publishing: 0x666c_0002,
  events: 0x666c_0003,
  backup: 0x666c_0004,
} as const;
type Lock = keyof typeof LOCKS;

export function isPostgres(db: Kysely<Tables> | Transaction<Tables>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** PostgreSQL: a deadlock that was broken, or a serialisation that failed. Nothing of either is left. */
function isConflict(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '40P01' || error.code === '40001');
}
