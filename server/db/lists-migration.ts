// The step that lets every list begin at any cursor: what it goes by stands in an index, however large the fleet.
import { type Kysely, sql } from 'kysely';
import { columnTypesOf } from './tables.ts';

/** Two lists of deployments looked at everything, or sorted it: those with one change, and those that went back. */
export async function orderLists(db: Kysely<unknown>): Promise<void> {
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
