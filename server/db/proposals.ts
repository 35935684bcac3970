// Proposals as people and programs make them: for one instance or a group, changed and withdrawn until they are answered.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { describeWish } from '../../shared/present/proposals.ts';
import { LONGEST_MS, MOST_OPEN, type Wish } from '../../shared/schema/proposal.ts';
import { appendAudit } from './audit.ts';
import { inParts } from './page.ts';
import { OPEN, type ProposalRow } from './proposal-row.ts';
import type { DatabaseTransaction } from './tables.ts';
import { isPostgres } from './transact.ts';

const DAY_MS = 86_400_000;
const USUAL_MS = 30 * DAY_MS;

export interface NewProposals {
  /** In the order of their ids. */
  readonly instances: readonly string[];
  readonly group: string | null;
  readonly wish: Wish;
  /** The template of the wish. */
  readonly policy: string | null;
  readonly reason: string;
  readonly expires: string | undefined;
  readonly actor: string;
}

/** One for each instance. Errors: request/invalid, proposal/too-many. */
export async function createProposals(
  trx: DatabaseTransaction,
  made: NewProposals,
  now: EpochMs,
): Promise<readonly string[]> {
  const at = formatInstantMs(now);
  const expires_at = endOf(made.expires, now);
  await bumpMarks(trx, made.instances, now);
  await verifyRoom(trx, made, at);
  const rows = made.instances.map((instance) => ({
    id: randomUUID(),
    ...{ instance, group_name: made.group, policy: made.policy, kind: made.wish.kind },
    wish: JSON.stringify(made.wish),
    status: 'proposed' as const,
    revision: 1,
    reason: sanitizeLine(made.reason, 300),
    proposed_by: sanitizeLine(made.actor, 300),
    ...{ created_at: at, updated_at: at, expires_at, answered_at: null, answer: null, untold: 0 },
  }));
  for (const part of inParts(rows)) await trx.insertInto('proposals').values(part).execute();
  const { group, wish, reason, actor } = made;
  const [first] = group === null ? made.instances : [];
  const only = made.instances.length === 1 ? first : undefined;
  const event = {
    actor,
    ...(only === undefined ? {} : { instance: only }),
    action: 'proposal.created',
    subject: group === null ? (first ?? '') : `group ${group}`,
    details: {
      asks: describeWish(wish),
      reason,
      count: rows.length,
      first: rows[0]?.id ?? null,
      expires: expires_at,
    },
  };
  await appendAudit(trx, event, now);
  if (group === null) await pruneProposals(trx, made.instances, now);
  return rows.map(({ id }) => id);
}

/** Error: request/invalid. */
function endOf(wanted: string | undefined, now: EpochMs): string {
  const end = wanted === undefined ? now + USUAL_MS : instantMs(wanted);
  if (end > now && end <= now + LONGEST_MS) return formatInstantMs(end);
  const problem = `expires_at must lie within the next ${LONGEST_MS / DAY_MS} days`;
  throw new FairleadError('request/invalid', { problem });
}

/** Error: proposal/too-many. */
async function verifyRoom(trx: DatabaseTransaction, { instances }: NewProposals, at: string): Promise<void> {
  for (const part of inParts(instances)) {
    const full = await trx
      .selectFrom('proposals')
      .select('instance')
      .where('instance', 'in', part)
      .where('status', 'in', OPEN)
      .where('expires_at', '>', at)
      .groupBy('instance')
      .having((having) => having.fn.countAll(), '>=', MOST_OPEN)
      .executeTakeFirst();
    if (full === undefined) continue;
    throw new FairleadError('proposal/too-many', { limit: MOST_OPEN, where: `instance ${full.instance}` });
  }
}

/**
 * Tells the agents that there is news. It comes first: whoever proposes to an instance at the same time waits here. A mark is
 * no lower than the time: what a database that was restored counts anew is no number that an agent saw before.
 */
export async function bumpMarks(
  trx: DatabaseTransaction,
  instances: readonly string[],
  now: EpochMs,
): Promise<void> {
  for (const part of inParts(instances)) {
    await trx
      .insertInto('proposal_marks')
      .values(part.map((instance) => ({ instance, mark: now })))
      .onConflict((conflict) =>
        conflict.column('instance').doUpdateSet({
          mark: sql`case when proposal_marks.mark < ${now} then ${now} else proposal_marks.mark + 1 end`,
        }),
      )
      .execute();
  }
}

/** The row, which nobody else changes until the transaction ends. Error: request/not-found. */
export async function lockProposal(trx: DatabaseTransaction, id: string): Promise<ProposalRow> {
  const row = await trx
    .selectFrom('proposals')
    .selectAll()
    .where('id', '=', id)
    .$if(isPostgres(trx), (query) => query.forUpdate())
    .executeTakeFirst();
  if (row !== undefined) return row;
  throw new FairleadError('request/not-found', { what: `proposal ${id}` });
}

/** Error: proposal/answered. */
function verifyOpen({ id, status, expires_at }: ProposalRow, now: EpochMs): void {
  const isOpen = OPEN.some((open) => open === status);
  if (isOpen && expires_at > formatInstantMs(now)) return;
  throw new FairleadError('proposal/answered', { id, status: isOpen ? 'expired' : status });
}

export interface ChangedProposal {
  readonly wish: Wish;
  readonly policy: string | null;
  readonly reason: string;
  readonly expires: string | undefined;
  readonly actor: string;
}

/** Another revision: an answer that comes to the earlier one changes nothing. Errors: proposal/answered, request/invalid. */
export async function changeProposal(
  trx: DatabaseTransaction,
  row: ProposalRow,
  changed: ChangedProposal,
  now: EpochMs,
): Promise<void> {
  verifyOpen(row, now);
  const { wish, reason, actor } = changed;
  const expires_at = endOf(changed.expires, now);
  await bumpMarks(trx, [row.instance], now);
  await trx
    .updateTable('proposals')
    .set({
      wish: JSON.stringify(wish),
      policy: changed.policy,
      reason: sanitizeLine(reason, 300),
      proposed_by: sanitizeLine(actor, 300),
      ...{ status: 'proposed', revision: row.revision + 1, answer: null },
      ...{ updated_at: formatInstantMs(now), expires_at },
    })
    .where('id', '=', row.id)
    .execute();
  const details = { asks: describeWish(wish), reason, revision: row.revision + 1, expires: expires_at };
  const event = { actor, action: 'proposal.changed', subject: row.id, instance: row.instance, details };
  await appendAudit(trx, event, now);
}

/** Rows that are locked. One that no agent has answered may be on its way to it: that answer is told then. Error: proposal/answered. */
export async function withdrawProposals(
  trx: DatabaseTransaction,
  rows: readonly ProposalRow[],
  actor: string,
  now: EpochMs,
): Promise<void> {
  for (const row of rows) verifyOpen(row, now);
  await bumpMarks(trx, [...new Set(rows.map(({ instance }) => instance))].sort(), now);
  for (const { id, status } of rows) {
    const set = { status: 'withdrawn', untold: status === 'queued' ? 1 : 0 } as const;
    await trx
      .updateTable('proposals')
      .set({ ...set, updated_at: formatInstantMs(now) })
      .where('id', '=', id)
      .execute();
  }
  for (const { id, instance } of rows) {
    await appendAudit(trx, { actor, action: 'proposal.withdrawn', subject: id, instance }, now);
  }
  await pruneProposals(
    trx,
    rows.map(({ instance }) => instance),
    now,
  );
}

/** Of each instance, besides those that are open. */
export const CLOSED_KEPT = 500;
/** Of each instance in all. */
export const MOST_KEPT = CLOSED_KEPT + MOST_OPEN;

/** The newest stay. */
export async function pruneProposals(
  trx: DatabaseTransaction,
  instances: readonly string[],
  now: EpochMs,
): Promise<void> {
  for (const instance of new Set(instances)) {
    const closed = trx
      .selectFrom('proposals')
      .where('instance', '=', instance)
      .where((where) =>
        where.or([where('status', 'not in', OPEN), where('expires_at', '<=', formatInstantMs(now))]),
      );
    const last = await closed
      .select(['created_at', 'id'])
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .offset(CLOSED_KEPT)
      .limit(1)
      .executeTakeFirst();
    if (last === undefined) continue;
    const old = closed
      .select('id')
      .where((where) =>
        where(where.refTuple('created_at', 'id'), '<=', where.tuple(last.created_at, last.id)),
      );
    await trx.deleteFrom('proposals').where('id', 'in', old).execute();
  }
}
