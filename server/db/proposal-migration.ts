// The step that makes room for proposals: what is proposed to whom, templates, groups, and requests that may come again.
import type { Kysely } from 'kysely';
import { columnTypesOf } from './tables.ts';

type AnyTables = Kysely<unknown>;

export async function addProposals(db: AnyTables): Promise<void> {
  await createProposals(db);
  await createPolicies(db);
  await createGroups(db);
  await createRepeats(db);
}

async function createProposals(db: AnyTables): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('proposals')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('instance', text, (c) => c.notNull().references('instances.id'))
    .addColumn('group_name', text)
    .addColumn('policy', text)
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('wish', text, (c) => c.notNull())
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('revision', integer, (c) => c.notNull())
    .addColumn('reason', text, (c) => c.notNull())
    .addColumn('proposed_by', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .addColumn('expires_at', text, (c) => c.notNull())
    .addColumn('answered_at', text)
    .addColumn('answer', text)
    .addColumn('untold', integer, (c) => c.notNull())
    .execute();
  const indexes: readonly (readonly [name: string, columns: string[]])[] = [
    ['proposals_in_order', ['created_at', 'id']],
    ['proposals_of_instance', ['instance', 'created_at', 'id']],
    ['proposals_by_status', ['status', 'created_at', 'id']],
    ['proposals_of_policy', ['policy']],
  ];
  for (const [name, columns] of indexes) {
    await db.schema.createIndex(name).on('proposals').columns(columns).execute();
  }
  await db.schema
    .createTable('proposal_marks')
    .addColumn('instance', text, (c) => c.primaryKey().references('instances.id'))
    .addColumn('mark', integer, (c) => c.notNull())
    .execute();
}

async function createPolicies(db: AnyTables): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('policies')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('name', text, (c) => c.notNull().unique())
    .addColumn('channel', text, (c) => c.notNull())
    .addColumn('enabled', integer, (c) => c.notNull())
    .addColumn('description', text)
    .addColumn('windows', text)
    .addColumn('revision', integer, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .execute();
}

async function createGroups(db: AnyTables): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('groups')
    .addColumn('name', text, (c) => c.primaryKey())
    .addColumn('description', text)
    .addColumn('revision', integer, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('updated_at', text, (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('group_members')
    .addColumn('group_name', text, (c) => c.notNull().references('groups.name'))
    .addColumn('instance', text, (c) => c.notNull().references('instances.id'))
    .addPrimaryKeyConstraint('group_members_key', ['group_name', 'instance'])
    .execute();
}

async function createRepeats(db: AnyTables): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema
    .createTable('repeats')
    .addColumn('key', text, (c) => c.primaryKey())
    .addColumn('request', text, (c) => c.notNull())
    .addColumn('reply', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('repeats_by_age').on('repeats').column('created_at').execute();
}
