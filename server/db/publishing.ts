// Whose turn it is to publish: one process of all that share the repository, and none goes on once its turn is over.
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { FairleadError } from '../../shared/errors/error.ts';
import { columnTypesOf, type Database, type DatabaseTransaction } from './tables.ts';
import { isPostgres, tryHold } from './transact.ts';

export async function createPublishing(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('publishing')
    .addColumn('id', integer, (c) => c.primaryKey())
    .addColumn('turn', text, (c) => c.notNull())
    .addColumn('version', integer, (c) => c.notNull())
    .execute();
}

/** One stay in the room where only one is. */
export interface Turn {
  readonly id: string;
  /** To be asked before anything becomes visible. Errors: publication/overtaken, server/database-away. */
  verify(): Promise<void>;
  /** This version or a higher one that nobody was given, in any turn. Errors: as above. */
  take(version: number): Promise<number>;
}

/** A publication of twenty thousand documents takes half a minute. */
const WAIT_MS = 60_000;
const LOOK_MS = 100;
const RETRY_AFTER_SECONDS = 10;

/**
 * Does the work alone among all processes on this database. The embedded file has one process anyway: the lock on its
 * directory sees to that. A process that loses its connection has lost its turn, however long it takes to notice: whoever
 * comes next leaves another name in the row. Errors: server/busy, server/database-away, and those of the work.
 */
export async function inPublishingTurn<Result>(
  db: Database,
  work: (turn: Turn) => Promise<Result>,
  waitMs = WAIT_MS,
): Promise<Result> {
  if (!isPostgres(db))
    return work({ id: '', verify: async () => undefined, take: async (version) => version });
  return db.connection().execute(async (held) => {
    const release = await waitFor(held, waitMs);
    try {
      return await work(await begin(held, db));
    } finally {
      await release();
    }
  });
}

async function waitFor(held: Database, waitMs: number): Promise<() => Promise<void>> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const release = await tryHold(held, 'publishing');
    if (release !== null) return release;
    if (performance.now() > deadline)
      throw new FairleadError('server/busy', { seconds: RETRY_AFTER_SECONDS });
    await setTimeout(LOOK_MS);
  }
}

async function begin(held: Database, db: Database): Promise<Turn> {
  const id = randomUUID();
  await held
    .insertInto('publishing')
    .values({ id: 1, turn: id, version: 0 })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ turn: id }))
    .execute();
  return { id, verify: () => verifyTurn(db, id), take: (version) => takeVersion(db, id, version) };
}

/** Within a transaction nobody else's turn begins before it ends. Error: publication/overtaken. */
export async function verifyTurn(db: Database | DatabaseTransaction, turn: string): Promise<void> {
  if (!isPostgres(db)) return;
  const { numUpdatedRows } = await db
    .updateTable('publishing')
    .set({ turn })
    .where('turn', '=', turn)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) throw new FairleadError('publication/overtaken', {});
}

async function takeVersion(db: Database, turn: string, wanted: number): Promise<number> {
  const row = await db
    .updateTable('publishing')
    .set({ version: sql`case when version < ${wanted} then ${wanted} else version + 1 end` })
    .where('turn', '=', turn)
    .returning('version')
    .executeTakeFirst();
  if (row === undefined) throw new FairleadError('publication/overtaken', {});
  return row.version;
}
