// The first steps of the database: instances, what they report, who may ask, and what was done.
import { type Kysely, sql } from 'kysely';
import { columnTypesOf } from './tables.ts';

type AnyTables = Kysely<unknown>;

export async function createFleet(db: AnyTables): Promise<void> {
  await createAccess(db);
  await createInstances(db);
  await createDeployments(db);
  await createHistory(db);
}

/** Two agents of one identity. */
export async function addVoices(db: AnyTables): Promise<void> {
  const { text } = columnTypesOf(db);
  for (const column of ['voices', 'twins_heard']) {
    await db.schema.alterTable('instances').addColumn(column, text).execute();
  }
}

async function createAccess(db: AnyTables): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema
    .createTable('tokens')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('hash', text, (c) => c.notNull().unique())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('role', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('expires_at', text, (c) => c.notNull())
    .addColumn('revoked_at', text)
    .execute();
  await db.schema
    .createTable('enrolments')
    .addColumn('hash', text, (c) => c.primaryKey())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('expires_at', text, (c) => c.notNull())
    .addColumn('used_by', text)
    .execute();
}

async function createInstances(db: AnyTables): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('instances')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('hostname', text, (c) => c.notNull())
    .addColumn('public_key', text, (c) => c.notNull())
    .addColumn('agent_version', text, (c) => c.notNull())
    .addColumn('enrolled_at', text, (c) => c.notNull())
    .addColumn('last_seen', text)
    .addColumn('last_sequence', integer, (c) => c.notNull())
    .addColumn('last_report', text)
    .execute();
  await db.schema
    .createTable('reports')
    .addColumn('instance', text, (c) => c.notNull().references('instances.id'))
    .addColumn('sequence', integer, (c) => c.notNull())
    .addColumn('received_at', text, (c) => c.notNull())
    .addColumn('body', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('reports_key', ['instance', 'sequence'])
    .execute();
}

async function createDeployments(db: AnyTables): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('deployments')
    .addColumn('instance', text, (c) => c.notNull().references('instances.id'))
    .addColumn('record', integer, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('reason', text, (c) => c.notNull())
    .addColumn('started_at', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .addColumn('body', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('deployments_key', ['instance', 'record'])
    .execute();
  await db.schema
    .createTable('deployment_changes')
    .addColumn('change', text, (c) => c.notNull())
    .addColumn('instance', text, (c) => c.notNull())
    .addColumn('record', integer, (c) => c.notNull())
    .addPrimaryKeyConstraint('deployment_changes_key', ['change', 'instance', 'record'])
    .execute();
  await db.schema.createIndex('deployments_by_start').on('deployments').column('started_at').execute();
}

async function createHistory(db: AnyTables): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('changes')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('component', text, (c) => c.notNull())
    .addColumn('version', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .addColumn('body', text, (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('audit')
    .addColumn('sequence', integer, (c) => c.primaryKey())
    .addColumn('at', text, (c) => c.notNull())
    .addColumn('actor', text, (c) => c.notNull())
    .addColumn('action', text, (c) => c.notNull())
    .addColumn('subject', text, (c) => c.notNull())
    .addColumn('details', text, (c) => c.notNull())
    .addColumn('previous', text)
    .addColumn('digest', text, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('audit_by_subject').on('audit').columns(['action', 'subject']).execute();
}

interface Failures {
  readonly deployments: {
    readonly instance: string;
    readonly record: number;
    readonly state: string;
    readonly body: string;
    readonly failure_code: string | null;
  };
}

const ROWS_AT_ONCE = 200;
const FAILED = ['rolled-back', 'abandoned', 'inconsistent'];
/** As long as a code is kept. */
const CODE_LENGTH = 100;

export async function addCauses(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema.alterTable('deployments').addColumn('failure_code', text).execute();
  const filled = db as Kysely<Failures>;
  for (let after: readonly [string, number] = ['', 0]; ; ) {
    const [instance, record] = after;
    const rows = await filled
      .selectFrom('deployments')
      .select(['instance', 'record', 'body'])
      .where('state', 'in', FAILED)
      .where((where) => where(where.refTuple('instance', 'record'), '>', where.tuple(instance, record)))
      .orderBy('instance')
      .orderBy('record')
      .limit(ROWS_AT_ONCE)
      .execute();
    for (const row of rows) await fill(filled, row);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = [last.instance, last.record];
  }
}

async function fill(
  db: Kysely<Failures>,
  row: Pick<Failures['deployments'], 'instance' | 'record' | 'body'>,
): Promise<void> {
  const { failure } = JSON.parse(row.body) as { readonly failure: { readonly code: string } | null };
  // PostgreSQL takes no NUL in a text.
  const code = failure?.code.replaceAll('\u0000', '').slice(0, CODE_LENGTH);
  if (code === undefined) return;
  await db
    .updateTable('deployments')
    .set({ failure_code: code })
    .where('instance', '=', row.instance)
    .where('record', '=', row.record)
    .execute();
}

/** What belongs to a customer names it; null is the vendor's own. */
const OWNED = ['instances', 'tokens', 'enrolments'];

export async function addCustomers(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('customers')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('name', text, (c) => c.notNull().unique())
    .addColumn('revision', integer, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .execute();
  for (const table of OWNED) await db.schema.alterTable(table).addColumn('customer', text).execute();
  await db.schema
    .createIndex('instances_of_customer')
    .on('instances')
    .columns(['customer', 'name', 'id'])
    .execute();
}

/** Two lists of deployments looked at everything, or sorted it: those with one change, and those that went back. */
export async function orderLists(db: AnyTables): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema.alterTable('deployment_changes').addColumn('started_at', text).execute();
  await sql`
    update deployment_changes set started_at = (
      select d.started_at from deployments as d
      where d.instance = deployment_changes.instance and d.record = deployment_changes.record
    )`.execute(db);
  await db.schema
    .createIndex('changes_by_start')
    .on('deployment_changes')
    .columns(['change', 'started_at', 'record', 'instance'])
    .execute();
  await sql`
    create index deployments_back on deployments (started_at, record, instance)
    where state = 'rolled-back' or reason = 'rollback'`.execute(db);
  await db.schema
    .createIndex('deployments_of_instance')
    .on('deployments')
    .columns(['instance', 'started_at', 'record'])
    .execute();
}
