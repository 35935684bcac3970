// Job rows: what some process of all does later. Whoever takes one has it for a lease, and its outcome counts under that lease only.
import { randomUUID } from 'node:crypto';
import { type ExpressionBuilder, type Kysely, sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { columnTypesOf, type Database, type DatabaseTransaction, type Tables } from './tables.ts';
import { isPostgres, transact } from './transact.ts';

export async function createJobs(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('jobs')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('subject', text, (c) => c.notNull())
    .addColumn('due_at', text, (c) => c.notNull())
    .addColumn('attempts', integer, (c) => c.notNull())
    .addColumn('last_error', text)
    .addColumn('given_up_at', text)
    .addColumn('lease', text)
    .addColumn('leased_by', text)
    .addColumn('leased_until', text)
    .execute();
  await db.schema.createIndex('jobs_by_due').on('jobs').column('due_at').execute();
}

/** A process that says nothing for so long has lost what it took: it was killed, cut off, or sleeps. */
export const LEASE_MS = 60_000;
/** By so much the clocks of two processes may differ, and what lies further ahead than a clock could have put it is due. */
const CLOCK_SLACK_MS = 60_000;

/** What can be taken. */
export interface Takeable {
  readonly kind: string;
  /** No job of the kind is put off for longer. */
  readonly longestMs: number;
}

/** A job in the hands of whoever took it. */
export interface HeldJob {
  readonly id: string;
  readonly kind: string;
  /** What it is about, in the kind’s own words. */
  readonly subject: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly lease: string;
  /** When it was due, as the row says it. */
  readonly due: string;
}

export interface NewJob {
  readonly id: string;
  readonly kind: string;
  readonly subject?: string;
  readonly due: EpochMs;
}

/** One that there is already under this id stays as it is. */
export async function addJob(db: Database, { id, kind, subject = '', due }: NewJob): Promise<void> {
  await db
    .insertInto('jobs')
    .values({ ...{ id, kind, subject }, due_at: formatInstantMs(due), attempts: 0 })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

/** The one that is due for longest, of these kinds; null where nothing is due that nobody has. */
export async function takeJob(
  db: Database,
  kinds: readonly Takeable[],
  owner: string,
  now: EpochMs,
): Promise<HeldJob | null> {
  if (kinds.length === 0) return null;
  const lease = randomUUID();
  const row = await db
    .updateTable('jobs')
    .set((set) => ({
      ...{ lease, leased_by: sanitizeLine(owner, 300), leased_until: formatInstantMs(now + LEASE_MS) },
      attempts: set('attempts', '+', 1),
    }))
    .where('id', '=', (where) =>
      where
        .selectFrom('jobs')
        .select('id')
        .where('given_up_at', 'is', null)
        .where((each) => each.or(kinds.map((kind) => isDue(each, kind, now))))
        .where((each) => isFree(each, now))
        .orderBy('due_at')
        .orderBy('id')
        .limit(1)
        // Two that look at once take two different ones, and nobody waits.
        .$if(isPostgres(db), (query) => query.forUpdate().skipLocked()),
    )
    .returning(['id', 'kind', 'subject', 'attempts', 'due_at'])
    .executeTakeFirst();
  if (row === undefined) return null;
  const { id, kind, subject, attempts, due_at: due } = row;
  return { id, kind, subject, attempt: Number(attempts), lease, due };
}

type Each = ExpressionBuilder<Tables, 'jobs'>;

function isDue(each: Each, { kind, longestMs }: Takeable, now: EpochMs) {
  return each.and([
    each('kind', '=', kind),
    each.or([
      each('due_at', '<=', formatInstantMs(now)),
      // A clock that was ahead wrote it: set right, it would leave the job undone until then.
      each('due_at', '>', formatInstantMs(now + longestMs + CLOCK_SLACK_MS)),
    ]),
  ]);
}

function isFree(each: Each, now: EpochMs) {
  return each.or([
    each('leased_until', 'is', null),
    each('leased_until', '<=', formatInstantMs(now)),
    each('leased_until', '>', formatInstantMs(now + LEASE_MS + CLOCK_SLACK_MS)),
  ]);
}

/** It is due then. Whoever is at it has perhaps looked before there was a reason to: it is done once more. */
export async function hurryJob(db: Database, id: string, due: EpochMs): Promise<void> {
  const at = formatInstantMs(due);
  await db
    .updateTable('jobs')
    .set({ due_at: at })
    .where('id', '=', id)
    .where((each) =>
      each.or([
        each.and([each('lease', 'is', null), each('due_at', '>', at)]),
        each.and([each('lease', 'is not', null), each('due_at', '<', at)]),
      ]),
    )
    .execute();
}

/** False once somebody else has taken it: whatever the caller still does of it is in vain. */
export async function renewLease(db: Database, held: HeldJob, now: EpochMs): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('jobs')
    .set({ leased_until: formatInstantMs(now + LEASE_MS) })
    .where(isHeld(held))
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** What a job writes into the database. */
export type Effect = (trx: DatabaseTransaction) => Promise<void>;

/**
 * The effect and that the job is done, in one transaction, or neither: false where the lease was lost meanwhile. A job that
 * comes again is due at `again`, any other goes.
 */
export async function finishJob(
  db: Database,
  held: HeldJob,
  again: EpochMs | null,
  effect: Effect | null,
): Promise<boolean> {
  return await transact(db, 'committed', async (trx) => {
    // First: from here until the transaction ends nobody else takes it.
    if (!(await end(trx, held, again))) return false;
    await effect?.(trx);
    return true;
  });
}

async function end(trx: DatabaseTransaction, held: HeldJob, again: EpochMs | null): Promise<boolean> {
  if (again === null) {
    const { numDeletedRows } = await trx.deleteFrom('jobs').where(isHeld(held)).executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  }
  const { numUpdatedRows } = await trx
    .updateTable('jobs')
    .set({
      ...{ ...FREE, attempts: 0, last_error: null },
      // What was hurried meanwhile stays due.
      due_at: sql<string>`case when due_at = ${held.due} then ${formatInstantMs(again)} else due_at end`,
    })
    .where(isHeld(held))
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

const FREE = { lease: null, leased_by: null, leased_until: null } as const;

/** Tried again at `again`; null gives it up, and it stays where people see it. */
export async function failJob(
  db: Database,
  held: HeldJob,
  problem: string,
  again: EpochMs | null,
  now: EpochMs,
): Promise<void> {
  await db
    .updateTable('jobs')
    .set({
      ...FREE,
      last_error: sanitizeLine(problem, 300),
      ...(again === null ? { given_up_at: formatInstantMs(now) } : { due_at: formatInstantMs(again) }),
    })
    .where(isHeld(held))
    .execute();
}

/** For the one process that an embedded file has: whoever held a lease before it began is no more. */
export async function releaseAll(db: Database): Promise<void> {
  await db.updateTable('jobs').set(FREE).where('lease', 'is not', null).execute();
}

/** The lease alone decides, never a clock: one that ran out still counts until somebody else has the job. */
function isHeld({ id, lease }: HeldJob) {
  return (each: Each) => each.and([each('id', '=', id), each('lease', '=', lease)]);
}
