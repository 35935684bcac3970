// The queue of each receiver: messages wait in it, are sent at least once under one id, and what came of the last ones is kept.
import { randomUUID } from 'node:crypto';
import { type ExpressionBuilder, sql } from 'kysely';
import { durationMs, type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { Verdict } from '../../shared/protocol/standard-webhooks.ts';
import type { DeliveryModel } from '../../shared/protocol/webhooks.ts';
import type { DeliveryRow } from './outbox-row.ts';
import { cutPart, inParts, type Page, type Part } from './page.ts';
import type { Database, DatabaseTransaction, Tables } from './tables.ts';

/** Of one receiver. Beyond it the oldest go, and are counted. */
export const MOST_WAITING = 20_000;
/** Of one receiver: whose bodies can be sent once more. */
export const KEPT_DELIVERIES = 1_000;
/** A message that is older is given up when it fails once more. */
export const DELIVERED_FOR_MS = durationMs('P3D');

/** What `webhook-id` says, of one message and no other. */
export function newMessageId(): string {
  return `msg_${randomUUID()}`;
}

export interface NewDelivery {
  readonly receiver: string;
  readonly type: string;
  readonly body: string;
}

/** Within the transaction that says up to where all was told: neither stands without the other. */
export async function enqueue(
  trx: DatabaseTransaction,
  deliveries: readonly NewDelivery[],
  now: EpochMs,
): Promise<void> {
  const at = formatInstantMs(now);
  const rows = deliveries.map((delivery) => ({
    ...{ ...delivery, message: newMessageId(), state: 'waiting' as const },
    ...{ attempts: 0, created_at: at, due_at: at },
  }));
  for (const part of inParts(rows)) await trx.insertInto('deliveries').values(part).execute();
  for (const receiver of new Set(deliveries.map((one) => one.receiver))) await dropOldest(trx, receiver);
}

async function dropOldest(trx: DatabaseTransaction, receiver: string): Promise<void> {
  const { numDeletedRows } = await trx
    .deleteFrom('deliveries')
    .where('receiver', '=', receiver)
    .where('state', '=', 'waiting')
    .where('id', '<=', beyond(receiver, '=', MOST_WAITING))
    .executeTakeFirstOrThrow();
  if (numDeletedRows > 0n) await countDropped(trx, receiver, Number(numDeletedRows));
}

/** Of those that wait, or of those that do not: the newest that is one too many. */
function beyond(receiver: string, is: '=' | '<>', kept: number) {
  return (where: ExpressionBuilder<Tables, 'deliveries'>) =>
    where
      .selectFrom('deliveries')
      .select('id')
      .where('receiver', '=', receiver)
      .where('state', is, 'waiting')
      .orderBy('id', 'desc')
      .offset(kept)
      .limit(1);
}

async function countDropped(trx: DatabaseTransaction, receiver: string, dropped: number): Promise<void> {
  await trx
    .insertInto('receivers')
    .values({ id: receiver, failures: 0, failing_since: null, rest_until: null, dropped })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet({ dropped: sql<number>`receivers.dropped + ${dropped}` }),
    )
    .execute();
}

/** Those with something to be sent now, that are not resting, and where they are. */
export async function listDue(
  db: Database,
  now: EpochMs,
): Promise<readonly { readonly receiver: string; readonly url: string }[]> {
  const at = formatInstantMs(now);
  return await db
    .selectFrom('deliveries as d')
    .innerJoin('webhooks as w', 'w.id', 'd.receiver')
    .leftJoin('receivers as r', 'r.id', 'd.receiver')
    .select(['d.receiver', 'w.url'])
    .distinct()
    .where('d.state', '=', 'waiting')
    .where('d.due_at', '<=', at)
    .where((where) => where.or([where('r.rest_until', 'is', null), where('r.rest_until', '<=', at)]))
    .orderBy('d.receiver')
    .execute();
}

/** The oldest that are due. */
export async function readDue(
  db: Database,
  receiver: string,
  limit: number,
  now: EpochMs,
): Promise<readonly DeliveryRow[]> {
  return db
    .selectFrom('deliveries')
    .selectAll()
    .where('receiver', '=', receiver)
    .where('state', '=', 'waiting')
    .where('due_at', '<=', formatInstantMs(now))
    .orderBy('id')
    .limit(limit)
    .execute();
}

export interface Outcome {
  readonly delivery: DeliveryRow;
  readonly verdict: Verdict;
  readonly status: number | null;
  readonly problem: string | null;
  readonly tookMs: number;
  /** When it is tried again, if it is. */
  readonly again: EpochMs;
}

/** What came of attempts. One that somebody removed meanwhile is gone. */
export async function recordOutcomes(
  trx: DatabaseTransaction,
  receiver: string,
  outcomes: readonly Outcome[],
  now: EpochMs,
): Promise<void> {
  const at = formatInstantMs(now);
  let givenUp = 0;
  for (const { delivery, verdict, status, problem, tookMs, again } of outcomes) {
    const isLate = Date.parse(delivery.created_at) + DELIVERED_FOR_MS <= now;
    const isOver = verdict === 'refused' || (verdict !== 'arrived' && isLate);
    if (isOver) givenUp++;
    await trx
      .updateTable('deliveries')
      .set((set) => ({
        ...{ status, problem, took_ms: tookMs, attempted_at: at },
        ...(verdict === 'arrived' || isOver ? {} : { due_at: formatInstantMs(again) }),
        state: verdict === 'arrived' ? 'delivered' : isOver ? 'given-up' : 'waiting',
        attempts: set('attempts', '+', 1),
      }))
      .where('id', '=', delivery.id)
      .where('state', '=', 'waiting')
      .execute();
  }
  if (givenUp > 0) await countDropped(trx, receiver, givenUp);
}

/** Of what is over, the last ones stay. */
export async function forgetDelivered(db: Database, receiver: string): Promise<void> {
  await db
    .deleteFrom('deliveries')
    .where('receiver', '=', receiver)
    .where('state', '<>', 'waiting')
    .where('id', '<=', beyond(receiver, '<>', KEPT_DELIVERIES))
    .execute();
}

/** The newest first. */
export async function listDeliveries(
  db: Database,
  receiver: string,
  { limit, after }: Page<readonly [number]>,
): Promise<Part<DeliveryModel, readonly [number]>> {
  const rows = await db
    .selectFrom('deliveries')
    .selectAll()
    .where('receiver', '=', receiver)
    .$if(after !== null, (query) => query.where('id', '<', after?.[0] ?? 0))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  const { entries, next } = cutPart(
    rows,
    limit,
    () => 500,
    ({ id }) => [Number(id)] as const,
  );
  return { entries: entries.map(modelOf), next };
}

function modelOf({ receiver: _, body: __, ...row }: DeliveryRow): DeliveryModel {
  const { id, attempts, status, took_ms } = row;
  return {
    ...{ ...row, id: Number(id), attempts: Number(attempts) },
    status: status === null ? null : Number(status),
    took_ms: took_ms === null ? null : Number(took_ms),
  };
}

/** Once more, under the same id. Error: request/not-found. */
export async function redeliver(
  trx: DatabaseTransaction,
  receiver: string,
  id: number,
  now: EpochMs,
): Promise<DeliveryModel> {
  const row = await trx
    .updateTable('deliveries')
    .set({ state: 'waiting', due_at: formatInstantMs(now), created_at: formatInstantMs(now) })
    .where('receiver', '=', receiver)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw new FairleadError('request/not-found', { what: `delivery ${id} of it` });
  return modelOf(row);
}
