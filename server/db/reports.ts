// Reports coming in: the newest state of each instance, a bounded history, and the deployments they tell of.
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { Report } from '../../shared/protocol/report.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import type { Database } from './tables.ts';

const KEPT_REPORTS = 50;

export interface ReceivedReport {
  /** From the credential, never from the body. */
  readonly instance: string;
  readonly report: Report;
  readonly received: EpochMs;
}

/** Writes within the caller's transaction. Answers the highest sequence held; a repeat or a late one changes nothing. */
export async function writeReport(
  db: Database,
  { instance, report, received }: ReceivedReport,
): Promise<number> {
  const { last_sequence: last } = await db
    .selectFrom('instances')
    .select('last_sequence')
    .where('id', '=', instance)
    .executeTakeFirstOrThrow();
  if (report.sequence <= last) return last;
  const { records, ...state } = report;
  const body = JSON.stringify(state);
  const now = formatInstantMs(received);
  await db
    .updateTable('instances')
    .set({
      last_seen: now,
      last_sequence: report.sequence,
      last_report: body,
      agent_version: report.agentVersion,
    })
    .where('id', '=', instance)
    .execute();
  await db
    .insertInto('reports')
    .values({ instance, sequence: report.sequence, received_at: now, body })
    .execute();
  await db
    .deleteFrom('reports')
    .where('instance', '=', instance)
    .where('sequence', '<=', report.sequence - KEPT_REPORTS)
    .execute();
  for (const record of records) await writeRecord(db, instance, record, now);
  return report.sequence;
}

async function writeRecord(
  db: Database,
  instance: string,
  record: DeploymentRecord,
  now: string,
): Promise<void> {
  const row = {
    state: record.state,
    reason: record.reason.kind,
    started_at: record.stages[0]?.at ?? now,
    updated_at: record.stages.at(-1)?.at ?? now,
    body: JSON.stringify(record),
  };
  await db
    .insertInto('deployments')
    .values({ instance, record: record.id, ...row })
    .onConflict((conflict) => conflict.columns(['instance', 'record']).doUpdateSet(row))
    .execute();
  const changes = new Set(record.steps.flatMap((step) => step.change ?? []));
  for (const change of changes) {
    await db
      .insertInto('deployment_changes')
      .values({ change, instance, record: record.id })
      .onConflict((conflict) => conflict.columns(['change', 'instance', 'record']).doNothing())
      .execute();
  }
}
