// The one door for transactions: whoever enters says what isolation the work needs, and conflicts are tried again.
import { type Kysely, PostgresAdapter, type Transaction } from 'kysely';
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
  if (!isPostgres(trx)) return;
  await trx
    .selectNoFrom((select) => select.fn('pg_advisory_xact_lock', [select.val(LOCKS[lock])]).as('taken'))
    .execute();
}

/**
 * Holds the lock for as long as this one connection lives, or until released; null while somebody else has it. Only
 * PostgreSQL has such locks. Error: server/database-away.
 */
export async function tryHold(connection: Database, lock: Lock): Promise<(() => Promise<void>) | null> {
  const call = (name: string) =>
    connection
      .selectNoFrom((select) => select.fn<boolean>(name, [select.val(LOCKS[lock])]).as('done'))
      .executeTakeFirstOrThrow();
  if (!(await call('pg_try_advisory_lock')).done) return null;
  // Where that fails the connection is gone, and the lock with it.
  return () =>
    call('pg_advisory_unlock').then(
      () => undefined,
      () => undefined,
    );
}

/** Any numbers, as long as they are no one else's in this database. */
const LOCKS = { audit: 0x666c_0001, publishing: 0x666c_0002 } as const;
type Lock = keyof typeof LOCKS;

export function isPostgres(db: Kysely<Tables> | Transaction<Tables>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** PostgreSQL: a deadlock that was broken, or a serialisation that failed. Nothing of either is left. */
function isConflict(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '40P01' || error.code === '40001');
}
