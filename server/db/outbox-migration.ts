// The step that makes room for the outbox: alerts, webhooks, what waits to be sent and what came of it.
import type { Kysely } from 'kysely';
import { columnTypesOf } from './tables.ts';
import { isPostgres } from './transact.ts';

export async function addOutbox(db: Kysely<unknown>): Promise<void> {
  await createWebhooks(db);
  await createDeliveries(db);
  await createAlerts(db);
  const { integer } = columnTypesOf(db);
  await db.schema
    .createTable('outbox')
    .addColumn('id', integer, (c) => c.primaryKey())
    .addColumn('event', integer, (c) => c.notNull())
    .execute();
}

async function createWebhooks(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('webhooks')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('name', text, (c) => c.notNull().unique())
    .addColumn('url', text, (c) => c.notNull())
    .addColumn('types', text, (c) => c.notNull())
    .addColumn('severity', text, (c) => c.notNull())
    .addColumn('enabled', integer, (c) => c.notNull())
    .addColumn('disabled_why', text)
    .addColumn('revision', integer, (c) => c.notNull())
    .addColumn('sealed', text, (c) => c.notNull())
    .addColumn('old_sealed', text)
    .addColumn('old_until', text)
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('receivers')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('failures', integer, (c) => c.notNull())
    .addColumn('failing_since', text)
    .addColumn('rest_until', text)
    .addColumn('dropped', integer, (c) => c.notNull())
    .execute();
}

async function createDeliveries(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  const key = isPostgres(db as never) ? ('bigserial' as const) : ('integer' as const);
  await db.schema
    .createTable('deliveries')
    .addColumn('id', key, (c) => (key === 'integer' ? c.primaryKey().autoIncrement() : c.primaryKey()))
    .addColumn('receiver', text, (c) => c.notNull())
    .addColumn('message', text, (c) => c.notNull())
    .addColumn('type', text, (c) => c.notNull())
    .addColumn('body', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('attempts', integer, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('due_at', text, (c) => c.notNull())
    .addColumn('attempted_at', text)
    .addColumn('status', integer)
    .addColumn('problem', text)
    .addColumn('took_ms', integer)
    .execute();
  await db.schema.createIndex('deliveries_in_order').on('deliveries').columns(['receiver', 'id']).execute();
  await db.schema
    .createIndex('deliveries_due')
    .on('deliveries')
    .columns(['state', 'receiver', 'due_at', 'id'])
    .execute();
}

async function createAlerts(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('alerts')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('severity', text, (c) => c.notNull())
    .addColumn('about', text, (c) => c.notNull())
    .addColumn('text', text, (c) => c.notNull())
    .addColumn('count', integer, (c) => c.notNull())
    .addColumn('told', integer, (c) => c.notNull())
    .addColumn('instances', text, (c) => c.notNull())
    .addColumn('first_at', text, (c) => c.notNull())
    .addColumn('last_at', text, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('alerts_in_order').on('alerts').columns(['last_at', 'id']).execute();
  await db.schema.createIndex('alerts_about').on('alerts').columns(['kind', 'about', 'last_at']).execute();
}

/** Numbers that only grow, of the whole fleet and not of one process. */
export async function addTallies(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('tallies')
    .addColumn('series', text, (c) => c.primaryKey())
    .addColumn('value', integer, (c) => c.notNull())
    .execute();
}
