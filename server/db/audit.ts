// The audit log: every operation that changes something, each entry chained to the one before by its digest.
import { digestOfValue } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import type { AuditEntry } from '../../shared/protocol/fleet.ts';
import type { Database } from './tables.ts';

export interface AuditEvent {
  /** The token's name, an instance, or `server`. */
  readonly actor: string;
  /** `enrolment.created`, `publication.accepted`, … */
  readonly action: string;
  readonly subject: string;
  readonly details?: JsonObject;
}

/** Append within the transaction of the effect: neither stands without the other. */
export async function appendAudit(db: Database, event: AuditEvent, now: EpochMs): Promise<void> {
  const last = await db
    .selectFrom('audit')
    .select(['sequence', 'digest'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  const entry = {
    sequence: (last?.sequence ?? 0) + 1,
    at: formatInstantMs(now),
    actor: event.actor,
    action: event.action,
    subject: event.subject,
    details: event.details ?? {},
    previous: last?.digest ?? null,
  };
  await db
    .insertInto('audit')
    .values({ ...entry, details: JSON.stringify(entry.details), digest: digestOfValue(entry) })
    .execute();
}

/** Entries after a sequence number, oldest first. */
export async function readAudit(db: Database, after: number, limit: number): Promise<readonly AuditEntry[]> {
  const rows = await db
    .selectFrom('audit')
    .selectAll()
    .where('sequence', '>', after)
    .orderBy('sequence')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...row, details: JSON.parse(row.details) }) as AuditEntry);
}
