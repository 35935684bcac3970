// Whether an instance is let in: isolated, retired and taken back by people, at once for every process.
import type { Kysely } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { Standing } from '../../shared/protocol/instances.ts';
import { appendAudit } from './audit.ts';
import { type InstanceRow, type InstanceSummary, SUMMARY, summaryOf } from './instance-row.ts';
import { columnTypesOf, type DatabaseTransaction } from './tables.ts';
import { isPostgres } from './transact.ts';

export async function addStanding(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  for (const column of ['standing', 'standing_since', 'standing_by', 'standing_reason', 'moved_to']) {
    await db.schema.alterTable('instances').addColumn(column, text).execute();
  }
  await db.schema
    .alterTable('instances')
    .addColumn('revision', integer, (c) => c.notNull().defaultTo(1))
    .execute();
  await db.schema.createIndex('instances_by_key').on('instances').column('public_key').execute();
}

/** Errors: instance/isolated, instance/retired. */
export function verifyStanding({
  standing,
  standing_since,
}: Pick<InstanceRow, 'standing' | 'standing_since'>): void {
  if (standing === null) return;
  throw new FairleadError(`instance/${standing}`, { since: standing_since ?? '' });
}

/** Whoever showed this key is let in, by the row as it is now. Errors: auth/refused, instance/isolated, instance/retired. */
export function verifySpeaker(
  row: Pick<InstanceRow, 'public_key' | 'standing' | 'standing_since'> | null,
  key: string,
): void {
  if (row?.public_key !== key) {
    throw new FairleadError('auth/refused', { problem: 'no instance of this server has its key' });
  }
  verifyStanding(row);
}

export interface StandingChange {
  readonly id: string;
  /** Null takes it back. */
  readonly to: Standing | null;
  readonly reason: string;
  readonly actor: string;
}

const ACTIONS = {
  isolated: 'instance.isolated',
  retired: 'instance.retired',
  active: 'instance.restored',
} as const;

/** `match` refuses where the caller means another state. Errors: request/not-found, instance/standing, and those of `match`. */
export async function changeStanding(
  trx: DatabaseTransaction,
  { id, to, reason, actor }: StandingChange,
  match: (revision: number) => void,
  now: EpochMs,
): Promise<InstanceSummary> {
  const known = await lockInstance(trx, id);
  match(Number(known.revision));
  if (known.standing === to) throw new FairleadError('instance/standing', { id, standing: to ?? 'active' });
  const at = formatInstantMs(now);
  const set = {
    standing: to,
    standing_since: to === null ? null : at,
    standing_by: to === null ? null : actor,
    standing_reason: to === null ? null : reason,
    revision: Number(known.revision) + 1,
    // What is retired exposes nobody; should it come back, its next report says what it runs.
    ...(to === 'retired' ? { running: null, blocked: null, report_digest: null } : {}),
  };
  await trx.updateTable('instances').set(set).where('id', '=', id).execute();
  if (to === 'retired') {
    for (const table of ['instance_components', 'instance_blockers'] as const)
      await trx.deleteFrom(table).where('instance', '=', id).execute();
  }
  const details = { name: known.name, reason, before: known.standing ?? 'active' };
  await appendAudit(trx, { actor, action: ACTIONS[to ?? 'active'], subject: id, details }, now);
  return summaryOf({ ...known, ...set });
}

/** Its agent's own word, which takes no right from it and gives none. */
export async function noteMove(
  trx: DatabaseTransaction,
  { id, to }: { readonly id: string; readonly to: string },
  now: EpochMs,
): Promise<void> {
  const known = await lockInstance(trx, id);
  if (known.moved_to === to) return;
  const set = { moved_to: to, revision: Number(known.revision) + 1 };
  await trx.updateTable('instances').set(set).where('id', '=', id).execute();
  const event = { actor: `instance ${id}`, action: 'instance.moved', subject: id, details: { to } };
  await appendAudit(trx, event, now);
}

/** Error: request/not-found. */
async function lockInstance(trx: DatabaseTransaction, id: string) {
  const row = await trx
    .selectFrom('instances')
    .select(SUMMARY)
    .where('id', '=', id)
    .$if(isPostgres(trx), (query) => query.forUpdate())
    .executeTakeFirst();
  if (row === undefined) throw new FairleadError('request/not-found', { what: `instance ${id}` });
  return row;
}
