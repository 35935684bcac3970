// The heads of installs' logs that are kept: their table, how many, and what reads them one after the other.
import { type Kysely, sql } from 'kysely';
import { cutPart, type Page, type Part } from './page.ts';
import { columnTypesOf, type Database, type LedgerHeadRow } from './tables.ts';

/** Of each install: the first and the last head of each day on which its log moved, of the newest so many days; and the newest besides. */
export const KEPT_HEAD_DAYS = 100;
/** Of the newest of them every head, as long as there are no more on one day. */
export const WHOLE_HEAD_DAYS = 7;
export const HEADS_OF_A_DAY = 24;
/** A log that parts from itself again and again takes no more places than so many. */
export const MOST_BRANCHES = 20;

/** An install that was away for more restores of this server hears that its log went back, and not why. */
export const TOLD_RESTORES = 20;

/** The place of the newest head of an install. */
export const NEWEST = 'newest';

export async function addLedgerHeads(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('ledger_heads')
    .addColumn('instance', text, (c) => c.notNull())
    .addColumn('place', text, (c) => c.notNull())
    .addColumn('branch', 'integer', (c) => c.notNull())
    .addColumn('entries', integer, (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull())
    .addColumn('at', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('ledger_heads_pk', ['instance', 'place'])
    .execute();
}

function dayOf(branch: number, at: string): string {
  return `${String(branch).padStart(3, '0')} ${at.slice(0, 10)}`;
}

/** Of a place, by which heads of one day and branch are known. */
export const DAY_LENGTH = 14;

/**
 * Behind the last place that is taken. Those of one day count up: whoever sends head after head washes away none but those between
 * the first ones and the last.
 */
export function placeAfter(last: string | null, branch: number, at: string): string {
  const day = dayOf(branch, at);
  const nth = last !== null && last.slice(0, DAY_LENGTH) === day ? Number(last.slice(DAY_LENGTH)) + 1 : 1;
  return `${day} ${String(Math.min(HEADS_OF_A_DAY, nth)).padStart(2, '0')}`;
}

const HEADS_AT_ONCE = 1_000;

/** Every head that is kept, of one install or of all, each once: install by install, oldest first. */
export async function* readHeads(db: Database, instance: string | null): AsyncGenerator<LedgerHeadRow> {
  let after: readonly [string, string] | null = null;
  do {
    const rows: readonly LedgerHeadRow[] = await headsAfter(db, instance, after);
    for (const row of rows) yield { ...row, entries: Number(row.entries), branch: Number(row.branch) };
    const last = rows.at(-1);
    after = rows.length < HEADS_AT_ONCE || last === undefined ? null : [last.instance, last.place];
  } while (after !== null);
}

function headsAfter(db: Database, instance: string | null, after: readonly [string, string] | null) {
  return db
    .selectFrom('ledger_heads')
    .selectAll()
    .where('place', '<>', NEWEST)
    .$if(instance !== null, (query) => query.where('instance', '=', instance ?? ''))
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(instance, place) > (${after?.[0] ?? ''}, ${after?.[1] ?? ''})`),
    )
    .orderBy('instance')
    .orderBy('place')
    .limit(HEADS_AT_ONCE)
    .execute();
}

/** Of one install, the newest first. */
export async function listHeads(
  db: Database,
  instance: string,
  { limit, after }: Page<string>,
): Promise<Part<LedgerHeadRow, string>> {
  const rows = await db
    .selectFrom('ledger_heads')
    .selectAll()
    .where('instance', '=', instance)
    .where('place', '<>', NEWEST)
    .$if(after !== null, (query) => query.where('place', '<', after ?? ''))
    .orderBy('place', 'desc')
    .limit(limit + 1)
    .execute();
  return cutPart(
    rows.map((row) => ({ ...row, entries: Number(row.entries) })),
    limit,
    () => HEAD_BYTES,
    ({ place }) => place,
  );
}

const HEAD_BYTES = 150;
