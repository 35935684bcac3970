// The audit log: every operation that changes something, each entry chained to the one before by its digest.
import { digestOfValue } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import type { AuditEntry } from '../../shared/protocol/fleet.ts';
import { cutPart, type Part } from './page.ts';
import type { Database, DatabaseTransaction, Tables } from './tables.ts';
import { takeLock } from './transact.ts';

export interface AuditEvent {
  /** The token's name, an instance, or `server`. */
  readonly actor: string;
  /** `enrolment.created`, `publication.accepted`, … */
  readonly action: string;
  readonly subject: string;
  readonly details?: JsonObject;
}

/** Append within the transaction of the effect: neither stands without the other. */
export async function appendAudit(trx: DatabaseTransaction, event: AuditEvent, now: EpochMs): Promise<void> {
  await takeLock(trx, 'audit');
  const last = await trx
    .selectFrom('audit')
    .select(['sequence', 'digest'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  const entry = {
    sequence: Number(last?.sequence ?? 0) + 1,
    at: formatInstantMs(now),
    actor: event.actor,
    action: event.action,
    subject: event.subject,
    details: event.details ?? {},
    previous: last?.digest ?? null,
  };
  await trx
    .insertInto('audit')
    .values({ ...entry, details: JSON.stringify(entry.details), digest: digestOfValue(entry) })
    .execute();
}

/** Entries after a sequence number, oldest first. */
export async function readAudit(
  db: Database,
  after: number,
  limit: number,
): Promise<Part<AuditEntry, number>> {
  const rows = await db
    .selectFrom('audit')
    .selectAll()
    .where('sequence', '>', after)
    .orderBy('sequence')
    .limit(limit + 1)
    .execute();
  const { entries, next } = cutPart(
    rows,
    limit,
    ({ details }) => details.length,
    ({ sequence }) => sequence,
  );
  return {
    entries: entries.map(entryOf),
    next,
  };
}

export function entryOf(row: Tables['audit']): AuditEntry {
  return { ...row, details: JSON.parse(row.details) } as AuditEntry;
}
