// The fleet as the server knows it: each instance with what its newest report says.

import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { StoredReport } from '../../shared/protocol/fleet.ts';
import { type InstanceSummary, SUMMARY, type SummaryRow, summaryOf } from './instance-row.ts';
import { cutPart, type Page, type Part } from './page.ts';
import type { Database } from './tables.ts';

/** Its name and id. */
export type InstanceKey = readonly [string, string];

export interface InstanceFilter extends Page<InstanceKey> {
  readonly named?: string | undefined;
  /** Only those of this customer. */
  readonly customer?: string | undefined;
}

/** By name; only those of this id or name when one is given. */
export async function listInstances(
  db: Database,
  { limit, after, named, customer }: InstanceFilter,
): Promise<Part<InstanceSummary, InstanceKey>> {
  const rows = await db
    .selectFrom('instances')
    .select(SUMMARY)
    .$if(named !== undefined, (query) =>
      query.where((where) => where.or([where('id', '=', named ?? ''), where('name', '=', named ?? '')])),
    )
    .$if(customer !== undefined, (query) => query.where('customer', '=', customer ?? ''))
    .$if(after !== null, (query) =>
      query.where((where) => where(where.refTuple('name', 'id'), '>', where.tuple(...(after ?? NOWHERE)))),
    )
    .orderBy('name')
    .orderBy('id')
    .limit(limit + 1)
    .execute();
  const { entries, next } = cutPart(rows, limit, sizeOf, ({ name, id }): InstanceKey => [name, id]);
  return { entries: entries.map(summaryOf), next };
}

const NOWHERE: InstanceKey = ['', ''];

/** Null when there is no such instance, or it is not of this customer. */
export async function findInstance(
  db: Database,
  id: string,
  customer?: string,
): Promise<(InstanceSummary & { readonly report: StoredReport | null }) | null> {
  const row = await db.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined || (customer !== undefined && row.customer !== customer)) return null;
  const report = row.last_report === null ? null : (JSON.parse(row.last_report) as StoredReport);
  return { ...summaryOf(row), report };
}

/** The key that an instance's requests are signed with; null when there is no such instance. */
export async function findInstanceKey(db: Database, id: string): Promise<string | null> {
  const row = await db.selectFrom('instances').select('public_key').where('id', '=', id).executeTakeFirst();
  return row?.public_key ?? null;
}

export async function countInstances(db: Database): Promise<number> {
  const { total } = await db
    .selectFrom('instances')
    .select((select) => select.fn.countAll().as('total'))
    .executeTakeFirstOrThrow();
  return Number(total);
}

/** Instances for which two agents spoke in turns within the last day. */
export async function countTwins(db: Database, now: EpochMs): Promise<number> {
  const { total } = await db
    .selectFrom('instances')
    .select((select) => select.fn.countAll().as('total'))
    .where('twins_heard', '>', formatInstantMs(now - 24 * 60 * 60 * 1000))
    .executeTakeFirstOrThrow();
  return Number(total);
}

/** Names are what agents and people say, and may be long. */
function sizeOf(row: SummaryRow): number {
  return 300 + row.name.length + row.hostname.length + row.agent_version.length;
}
