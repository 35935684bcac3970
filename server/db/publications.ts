// What a publication leaves in the database: its change records and its audit entry, once.
import type { ChangeRecord } from '../../shared/change/change.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { appendAudit } from './audit.ts';
import { writeChanges } from './changes.ts';
import type { Database } from './tables.ts';
import { takeLock, transact } from './transact.ts';

export interface PublicationEntry {
  /** The commit's id: a second call with the same one changes nothing. */
  readonly id: string;
  readonly actor: string;
  readonly changes: readonly ChangeRecord[];
}

export async function recordPublication(
  db: Database,
  { id, actor, changes }: PublicationEntry,
  now: EpochMs,
): Promise<void> {
  // The lock first: a second process with the same commit waits, then finds it recorded.
  await transact(db, 'committed', async (trx) => {
    await takeLock(trx, 'audit');
    const recorded = await trx
      .selectFrom('audit')
      .select('sequence')
      .where('action', '=', 'publication.accepted')
      .where('subject', '=', id)
      .executeTakeFirst();
    if (recorded !== undefined) return;
    await writeChanges(trx, changes, now);
    const details = { changes: changes.map((change) => change.id) };
    await appendAudit(trx, { actor, action: 'publication.accepted', subject: id, details }, now);
  });
}
