// The steps that give lists, analytics and rollouts of a class columns and rows of their own, filled from the reports that are there.
import type { Kysely } from 'kysely';
import { columnTypesOf } from './tables.ts';

type AnyTables = Kysely<unknown>;

/** What lists and analytics ask, in columns of its own: no request parses the report of every instance. */
export async function addReported(db: AnyTables): Promise<void> {
  const { text } = columnTypesOf(db);
  for (const column of ['channel', 'manifest', 'verdict', 'running']) {
    await db.schema.alterTable('instances').addColumn(column, text).execute();
  }
  await db.schema
    .createTable('instance_components')
    .addColumn('instance', text, (c) => c.notNull().references('instances.id'))
    .addColumn('component', text, (c) => c.notNull())
    .addColumn('version', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('instance_components_key', ['instance', 'component'])
    .execute();
  await db.schema
    .createIndex('components_by_version')
    .on('instance_components')
    .columns(['component', 'version', 'instance'])
    .execute();
  await db.schema.dropIndex('deployments_by_start').execute();
  await db.schema
    .createIndex('deployments_in_order')
    .on('deployments')
    .columns(['started_at', 'record', 'instance'])
    .execute();
  await db.schema.createIndex('instances_by_name').on('instances').columns(['name', 'id']).execute();
  await db.schema.createIndex('changes_in_order').on('changes').columns(['updated_at', 'id']).execute();
  await fill(db as Kysely<Filled>);
}

interface Filled {
  readonly instances: {
    readonly id: string;
    readonly last_report: string | null;
    readonly channel: string | null;
    readonly manifest: string | null;
    readonly verdict: string | null;
    readonly running: string | null;
  };
  readonly instance_components: {
    readonly instance: string;
    readonly component: string;
    readonly version: string;
  };
}

/** What a report of then holds, as far as it is read here. */
interface Report {
  readonly channel: string;
  readonly manifest: string | null;
  readonly components: readonly { readonly component: string; readonly version: string }[];
  readonly decision: { readonly verdict: string } | null;
}

async function fill(db: Kysely<Filled>): Promise<void> {
  const rows = await db.selectFrom('instances').select(['id', 'last_report']).execute();
  for (const { id, last_report: text } of rows) {
    if (text === null) continue;
    const { channel, manifest, components, decision } = JSON.parse(text) as Report;
    const versions = new Map(components.map(({ component, version }) => [component, version]));
    const running = JSON.stringify(components.map(({ component, version }) => [component, version]));
    await db
      .updateTable('instances')
      .set({ channel, manifest, verdict: decision?.verdict ?? null, running })
      .where('id', '=', id)
      .execute();
    const parts = [...versions].map(([component, version]) => ({ instance: id, component, version }));
    if (parts.length > 0) await db.insertInto('instance_components').values(parts).execute();
  }
}

/** What an earlier program writes leaves both as they were: they are of the last report that a program wrote which knows them. */
export async function addFacts(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypesOf(db);
  for (const column of ['track', 'facts']) {
    await db.schema.alterTable('instances').addColumn(column, text).execute();
  }
  await fillTracks(db as Kysely<FilledTracks>);
}

/** What a rollback left; of one that an earlier program took that is not known. */
export async function addGoneFrom(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema.alterTable('deployments').addColumn('gone_from', text).execute();
}

interface FilledTracks {
  readonly instances: {
    readonly id: string;
    readonly last_report: string | null;
    readonly track: string | null;
  };
}

/** No report of before holds facts. */
async function fillTracks(db: Kysely<FilledTracks>): Promise<void> {
  const rows = await db.selectFrom('instances').select(['id', 'last_report']).execute();
  for (const { id, last_report: text } of rows) {
    if (text === null) continue;
    const { track } = JSON.parse(text) as { readonly track: string };
    await db.updateTable('instances').set({ track }).where('id', '=', id).execute();
  }
}
