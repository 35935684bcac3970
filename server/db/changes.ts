// Change records as the vendor published them, whole.

import type { ChangeRecord } from '../../shared/change/change.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { Database, Page } from './tables.ts';

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

/** Last published first. */
export async function listChanges(db: Database, { limit, offset }: Page): Promise<readonly ChangeRecord[]> {
  const rows = await db
    .selectFrom('changes')
    .select('body')
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  return rows.map((row) => JSON.parse(row.body) as ChangeRecord);
}
