// Change records as the vendor published them, whole.
import { sql } from 'kysely';
import type { ChangeRecord } from '../../shared/change/change.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { appendAudit } from './audit.ts';
import { type GuardHalt, recordHalts } from './guard-halts.ts';
import { cutPart, type Page, type Part } from './page.ts';
import { verifyTurn } from './publishing.ts';
import type { Database } from './tables.ts';
import { takeLock, transact } from './transact.ts';

export async function writeChanges(
  db: Database,
  records: readonly ChangeRecord[],
  now: EpochMs,
): Promise<void> {
  for (const record of records) {
    const row = {
      component: record.component,
      version: record.version,
      updated_at: formatInstantMs(now),
      body: JSON.stringify(record),
    };
    await db
      .insertInto('changes')
      .values({ id: record.id, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
  }
}

/** Null when no such change was published. */
export async function findChange(db: Database, id: string): Promise<ChangeRecord | null> {
  const row = await db.selectFrom('changes').select('body').where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : (JSON.parse(row.body) as ChangeRecord);
}

/** When it was last published, and its id. */
export type ChangeKey = readonly [string, string];

/** Last published first. */
export async function listChanges(
  db: Database,
  { limit, after }: Page<ChangeKey>,
): Promise<Part<ChangeRecord, ChangeKey>> {
  const found = await db
    .selectFrom('changes')
    .select(['id', 'updated_at', sql<number>`octet_length(body)`.as('bytes')])
    .$if(after !== null, (query) =>
      query.where((where) =>
        where(where.refTuple('updated_at', 'id'), '<', where.tuple(...(after ?? NOWHERE))),
      ),
    )
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  const { entries: keys, next } = cutPart(
    found,
    limit,
    ({ bytes }) => Number(bytes),
    ({ updated_at, id }): ChangeKey => [updated_at, id],
  );
  return {
    entries: await readChanges(
      db,
      keys.map(({ id }) => id),
    ),
    next,
  };
}

const NOWHERE: ChangeKey = ['', ''];

/** In the order of the ids. */
async function readChanges(db: Database, ids: readonly string[]): Promise<readonly ChangeRecord[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom('changes').select(['id', 'body']).where('id', 'in', ids).execute();
  const byId = new Map(rows.map(({ id, body }) => [id, JSON.parse(body) as ChangeRecord]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

export interface PublicationEntry {
  /** The commit's id: a second call with the same one changes nothing. */
  readonly id: string;
  readonly actor: string;
  readonly changes: readonly ChangeRecord[];
  /** Paths of what is new with it. */
  readonly documents?: readonly string[] | undefined;
  /** Halts of the server's own that come out with it. */
  readonly halted?: readonly GuardHalt[] | undefined;
}

/** While it is still the turn of whoever publishes it. Error: publication/overtaken. */
export async function recordPublication(
  db: Database,
  { id, actor, changes, documents = [], halted = [] }: PublicationEntry,
  turn: string,
  now: EpochMs,
): Promise<void> {
  // The lock first: a second process with the same commit waits, then finds it recorded.
  await transact(db, 'committed', async (trx) => {
    await verifyTurn(trx, turn);
    await takeLock(trx, 'audit');
    const recorded = await trx
      .selectFrom('audit')
      .select('sequence')
      .where('action', '=', 'publication.accepted')
      .where('subject', '=', id)
      .executeTakeFirst();
    if (recorded !== undefined) return;
    await writeChanges(trx, changes, now);
    const details = { changes: changes.map((change) => change.id), documents: [...documents] };
    await appendAudit(trx, { actor, action: 'publication.accepted', subject: id, details }, now);
    await recordHalts(trx, halted, now);
  });
}
