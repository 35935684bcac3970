// Deployment records that reports bring: the newest word of an instance about each deployment, and a bounded history.
import { sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { Report } from '../../shared/protocol/report.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import { inParts } from './page.ts';
import type { DatabaseTransaction, Tables } from './tables.ts';

/** Of each instance, the newest by number; the instance itself keeps them all. */
const KEPT_RECORDS = 1_000;
const KEPT_RECORD_BYTES = 4 * 2 ** 20;

export interface ReceivedReport {
  /** From the credential, never from the body. */
  readonly instance: string;
  /** Which start of its agent sent it; null where that is not said. */
  readonly boot: string | null;
  readonly report: Report;
  readonly received: EpochMs;
}

type Row = Tables['deployments'];
type ChangeRow = Tables['deployment_changes'];

/** Of a record that stands in several reports the last one counts. */
export async function writeRecords(
  trx: DatabaseTransaction,
  reports: readonly ReceivedReport[],
): Promise<void> {
  const rows = new Map<string, Row>();
  const changes = new Map<string, ChangeRow>();
  for (const { instance, report, received } of reports) {
    for (const record of report.records) {
      rows.set(`${instance} ${record.id}`, rowOf(instance, record, formatInstantMs(received)));
      for (const { change } of record.steps) {
        if (change === null) continue;
        changes.set(`${instance} ${record.id} ${change}`, { change, instance, record: record.id });
      }
    }
  }
  if (rows.size === 0) return;
  for (const part of inParts(inOrder(rows))) await upsertDeployments(trx, part);
  for (const part of inParts(inOrder(changes))) {
    await trx
      .insertInto('deployment_changes')
      .values(part)
      .onConflict((conflict) => conflict.columns(['change', 'instance', 'record']).doNothing())
      .execute();
  }
  await pruneDeployments(trx, [...new Set([...rows.values()].map(({ instance }) => instance))]);
}

/** One order for everybody: two batches at once cannot lock each other out. */
function inOrder<Value>(byKey: ReadonlyMap<string, Value>): readonly Value[] {
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

function rowOf(instance: string, record: DeploymentRecord, received: string): Row {
  return {
    instance,
    record: record.id,
    state: record.state,
    reason: record.reason.kind,
    started_at: record.stages[0]?.at ?? received,
    updated_at: record.stages.at(-1)?.at ?? received,
    body: JSON.stringify(record),
  };
}

async function upsertDeployments(trx: DatabaseTransaction, rows: readonly Row[]): Promise<void> {
  await trx
    .insertInto('deployments')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['instance', 'record']).doUpdateSet(({ ref }) => ({
        state: ref('excluded.state'),
        reason: ref('excluded.reason'),
        started_at: ref('excluded.started_at'),
        updated_at: ref('excluded.updated_at'),
        body: ref('excluded.body'),
      })),
    )
    .execute();
}

/** Newest first, each with the bytes that it and all newer ones take: what comes after enough of them goes. */
async function pruneDeployments(trx: DatabaseTransaction, instances: readonly string[]): Promise<void> {
  const { rows } = await sql<{ readonly instance: string; readonly oldest: number }>`
    select instance, min(record) as oldest from (
      select instance, record,
        row_number() over newest as place,
        sum(octet_length(body)) over newest as bytes
      from deployments where instance in (${sql.join(instances)})
      window newest as (partition by instance order by record desc)
    ) as ranked
    where place = 1 or (place <= ${KEPT_RECORDS} and bytes <= ${KEPT_RECORD_BYTES})
    group by instance`.execute(trx);
  for (const { instance, oldest } of rows) {
    for (const table of ['deployments', 'deployment_changes'] as const) {
      await trx.deleteFrom(table).where('instance', '=', instance).where('record', '<', oldest).execute();
    }
  }
}
