// The audit log: every operation that changes something, each entry chained to the one before by its digest.
import { digestOfValue } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import { EVENT_KINDS, type EventKind } from '../../shared/protocol/events.ts';
import type { AuditEntry } from '../../shared/protocol/fleet.ts';
import type { Restores } from '../../shared/protocol/receipt.ts';
import { appendEvents } from './events.ts';
import { TOLD_RESTORES } from './ledger-kept.ts';
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
  /** Whose it is, where one install is meant and the subject is another; it stands beside the log, not in it. */
  readonly instance?: string;
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
  const { actor, action: kind, subject, details } = entry;
  if (!isTold(kind)) return;
  const instance = event.instance ?? (OF_ITS_SUBJECT.test(kind) ? subject : null);
  await appendEvents(trx, [{ kind, instance, actor, subject, details }], now);
}

/** Of what people and agents did, what they did to the fleet. */
function isTold(action: string): action is EventKind {
  return EVENT_KINDS.some((kind) => kind === action);
}

const OF_ITS_SUBJECT = /^(?:instance\.|identity\.|enrolment\.redeemed$)/;

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

/**
 * The newest, oldest first: as the log has them, since a copy of the database may be older than a restore that is in the log. One that
 * brought back less took away the entry of the one before, and explains all that it did.
 */
export async function listRestores(db: Database): Promise<Restores> {
  const rows = await db
    .selectFrom('audit')
    .select(['sequence', 'at'])
    .where('action', '=', 'backup.restored')
    .orderBy('sequence', 'desc')
    .limit(TOLD_RESTORES)
    .execute();
  return rows.map(({ sequence, at }) => ({ at, count: Number(sequence) - 1 })).reverse();
}

/** What every act of a kind was about, in any order. */
export async function listSubjects(db: Database, action: string): Promise<readonly string[]> {
  const rows = await db.selectFrom('audit').select('subject').where('action', '=', action).execute();
  return rows.map(({ subject }) => subject);
}

export function entryOf(row: Tables['audit']): AuditEntry {
  return { ...row, details: JSON.parse(row.details) } as AuditEntry;
}
