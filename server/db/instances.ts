// The fleet as the server knows it: each instance with the newest report it sent.
import type { InstancesReply } from '../../shared/protocol/fleet.ts';
import type { Report } from '../../shared/protocol/report.ts';
import type { Database, Page, Tables } from './tables.ts';

/** A report as it is kept: its records are rows of their own. */
export type StoredReport = Omit<Report, 'records'>;
export type InstanceSummary = InstancesReply['instances'][number];

/** What runs on an instance, by its own last word. */
export interface ReportedInstance {
  readonly id: string;
  readonly name: string;
  readonly components: Report['components'];
}

/** By name; only those of this id or name when one is given. */
export async function listInstances(
  db: Database,
  { limit, offset, named }: Page & { readonly named?: string | undefined },
): Promise<readonly InstanceSummary[]> {
  const rows = await db
    .selectFrom('instances')
    .selectAll()
    .$if(named !== undefined, (query) =>
      query.where((where) => where.or([where('id', '=', named ?? ''), where('name', '=', named ?? '')])),
    )
    .orderBy('name')
    .orderBy('id')
    .limit(limit)
    .offset(offset)
    .execute();
  return rows.map((row) => summaryOf(row, reportOf(row)));
}

/** Null when there is no such instance. */
export async function findInstance(
  db: Database,
  id: string,
): Promise<(InstanceSummary & { readonly report: StoredReport | null }) | null> {
  const row = await db.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return null;
  const report = reportOf(row);
  return { ...summaryOf(row, report), report };
}

/** The key that an instance's requests are signed with; null when there is no such instance. */
export async function findInstanceKey(db: Database, id: string): Promise<string | null> {
  const row = await db.selectFrom('instances').select('public_key').where('id', '=', id).executeTakeFirst();
  return row?.public_key ?? null;
}

export async function listReported(db: Database): Promise<readonly ReportedInstance[]> {
  const rows = await db
    .selectFrom('instances')
    .selectAll()
    .where('last_report', 'is not', null)
    .orderBy('name')
    .orderBy('id')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    components: reportOf(row)?.components ?? [],
  }));
}

export async function countInstances(db: Database): Promise<number> {
  const { total } = await db
    .selectFrom('instances')
    .select((select) => select.fn.countAll().as('total'))
    .executeTakeFirstOrThrow();
  return Number(total);
}

function summaryOf(row: Tables['instances'], report: StoredReport | null): InstanceSummary {
  return {
    id: row.id,
    name: row.name,
    hostname: row.hostname,
    agentVersion: row.agent_version,
    enrolled: row.enrolled_at,
    lastSeen: row.last_seen,
    channel: report?.channel ?? null,
    manifest: report?.manifest ?? null,
    verdict: report?.decision?.verdict ?? null,
  };
}

function reportOf(row: Tables['instances']): StoredReport | null {
  return row.last_report === null ? null : (JSON.parse(row.last_report) as StoredReport);
}
