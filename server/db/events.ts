// Events: what changed in the fleet, one row for each fact, kept for a while so that whoever lost the stream goes on where they were.
import { setTimeout } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { durationMs, type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import type { EventKind, FleetEvent } from '../../shared/protocol/events.ts';
import { boundDetails, describeEvent } from '../core/event-text.ts';
import { inParts } from './page.ts';
import { columnTypesOf, type Database, type DatabaseTransaction, type EventRow } from './tables.ts';
import { holdersOf, isPostgres, shareLock } from './transact.ts';

export const KEPT_EVENTS = 200_000;
/** Of one instance: whose agent changes its mind all day takes no other's place. */
export const KEPT_EVENTS_OF_ONE = 1_000;
export const KEPT_EVENTS_MS = durationMs('P30D');

export interface NewEvent {
  readonly kind: EventKind;
  readonly instance: string | null;
  readonly actor: string;
  readonly subject: string;
  readonly details: JsonObject;
}

/** Within the transaction of the effect: neither stands without the other. */
export async function appendEvents(
  trx: DatabaseTransaction,
  events: readonly NewEvent[],
  now: EpochMs,
): Promise<void> {
  if (events.length === 0) return;
  // Shared: those who write do not wait for each other, only whoever reads waits for them.
  await shareLock(trx, 'events');
  const at = formatInstantMs(now);
  const rows = events.map(({ details, ...event }) => {
    return { at, ...event, details: JSON.stringify(boundDetails(details)) };
  });
  for (const part of inParts(rows)) await trx.insertInto('events').values(part).execute();
}

export interface EventFilter {
  readonly instance?: string | undefined;
  /** Only of instances of this customer, and nothing of who did it. */
  readonly customer?: string | undefined;
}

/** The ids that are there, and up to which none can come in between any more; nothing before the first. */
export interface EventBounds {
  readonly oldest: number;
  readonly newest: number;
}

/**
 * Two transactions may commit in another order than their ids have: a reader that saw the higher one would never look for
 * the lower one again. Each writer shares a lock from before it has an id until its end. So once all have ended who held it
 * after the highest id was seen, every id up to that one is there, or never will be. Nobody waits for the reader. Null where
 * one of them takes long: what is new is told once it has ended.
 */
export async function settleEvents(db: Database, settled: number): Promise<EventBounds | null> {
  const found = await db
    .selectFrom('events')
    .select((select) => [select.fn.min('id').as('oldest'), select.fn.max('id').as('newest')])
    .executeTakeFirstOrThrow();
  const bounds = { oldest: Number(found.oldest ?? 0), newest: Number(found.newest ?? 0) };
  if (bounds.newest === settled) return bounds;
  let writing = await holdersOf(db, 'events');
  for (let look = 0; writing.size > 0; look++) {
    if (look === LOOKS_AT_WRITERS) return null;
    await setTimeout(LOOK_AT_WRITERS_MS);
    const holding = await holdersOf(db, 'events');
    writing = new Set([...writing].filter((one) => holding.has(one)));
  }
  return bounds;
}

const LOOKS_AT_WRITERS = 25;
const LOOK_AT_WRITERS_MS = 20;

/** The last event before this moment; 0 where there is none. */
export async function placeBefore(db: Database, at: EpochMs): Promise<number> {
  const found = await db
    .selectFrom('events')
    .select('id')
    .where('at', '<', formatInstantMs(at))
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return Number(found?.id ?? 0);
}

const EVENTS_AT_ONCE = 200;

export interface EventPart {
  readonly events: readonly FleetEvent[];
  /** All up to here have been looked at. */
  readonly reached: number;
}

/** Those after one id and up to another, oldest first, as many as go at once. */
export async function readEvents(
  db: Database,
  { after, upTo, instance, customer }: EventFilter & { readonly after: number; readonly upTo: number },
): Promise<EventPart> {
  const rows = await db
    .selectFrom('events as e')
    .leftJoin('instances as i', 'i.id', 'e.instance')
    .selectAll('e')
    .select('i.name')
    .where('e.id', '>', after)
    .where('e.id', '<=', upTo)
    .$if(instance !== undefined, (query) => query.where('e.instance', '=', instance ?? ''))
    .$if(customer !== undefined, (query) => query.where('i.customer', '=', customer ?? ''))
    .orderBy('e.id')
    .limit(EVENTS_AT_ONCE)
    .execute();
  const last = rows.length === EVENTS_AT_ONCE ? rows.at(-1) : undefined;
  return {
    events: rows.map((row) => eventOf(row, customer === undefined)),
    reached: last === undefined ? upTo : Number(last.id),
  };
}

function eventOf(row: EventRow & { readonly name: string | null }, tellsWho: boolean): FleetEvent {
  const details = JSON.parse(row.details) as JsonObject;
  return {
    id: Number(row.id),
    at: row.at,
    kind: row.kind,
    instance: row.instance === null ? null : { id: row.instance, name: row.name ?? '-' },
    ...(tellsWho ? { actor: row.actor } : {}),
    text: describeEvent(row.kind, row.subject, details),
    details,
  };
}

/** The newest always stays: by it somebody who comes back is told what they missed. */
export async function pruneEvents(trx: DatabaseTransaction, now: EpochMs): Promise<void> {
  const newest = sql<number>`(select max(id) from events)`;
  await trx
    .deleteFrom('events')
    .where('id', '<', newest)
    .where((where) =>
      where.or([
        where('at', '<', formatInstantMs(now - KEPT_EVENTS_MS)),
        where('id', '<=', sql<number>`${newest} - ${KEPT_EVENTS}`),
      ]),
    )
    .execute();
  await sql`
    delete from events where id in (
      select id from (
        select id, row_number() over (partition by instance order by id desc) as place
        from events where instance in (
          select instance from events where instance is not null
          group by instance having count(*) > ${KEPT_EVENTS_OF_ONE}
        )
      ) as ranked
      where place > ${KEPT_EVENTS_OF_ONE}
    )`.execute(trx);
}

export async function addEvents(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypesOf(db);
  const types = { text, key: isPostgres(db as never) ? ('bigserial' as const) : ('integer' as const) };
  await db.schema
    .createTable('events')
    // Never given twice, whatever was pruned meanwhile.
    .addColumn('id', types.key, (c) =>
      types.key === 'integer' ? c.primaryKey().autoIncrement() : c.primaryKey(),
    )
    .addColumn('at', text, (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('instance', text)
    .addColumn('actor', text, (c) => c.notNull())
    .addColumn('subject', text, (c) => c.notNull())
    .addColumn('details', text, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('events_by_time').on('events').columns(['at', 'id']).execute();
  await db.schema.createIndex('events_of_instance').on('events').columns(['instance', 'id']).execute();
}
