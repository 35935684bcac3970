// The fleet as the server knows it: each instance with what its newest report says.

import { sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { StoredReport } from '../../shared/protocol/fleet.ts';
import type { Standing } from '../../shared/protocol/instances.ts';
import {
  type InstanceRow,
  type InstanceSummary,
  SUMMARY,
  type SummaryRow,
  summaryOf,
} from './instance-row.ts';
import { cutPart, type Page, type Part } from './page.ts';
import type { Database } from './tables.ts';

/** Its name and id. */
export type InstanceKey = readonly [string, string];

export interface InstanceFilter extends Page<InstanceKey> {
  readonly named?: string | undefined;
  /** Only those of this customer. */
  readonly customer?: string | undefined;
  /** All but those that are retired unless given. */
  readonly standing?: Standing | 'any' | undefined;
}

/** By name; only those of this id or name when one is given. */
export async function listInstances(
  db: Database,
  { limit, after, named, customer, standing }: InstanceFilter,
): Promise<Part<InstanceSummary, InstanceKey>> {
  const rows = await db
    .selectFrom('instances')
    .select(SUMMARY)
    .$if(named !== undefined, (query) =>
      query.where((where) => where.or([where('id', '=', named ?? ''), where('name', '=', named ?? '')])),
    )
    .$if(customer !== undefined, (query) => query.where('customer', '=', customer ?? ''))
    .$if(standing === undefined, (query) => query.where(IN_SERVICE))
    .$if(standing === 'isolated' || standing === 'retired', (query) =>
      query.where('standing', '=', standing as Standing),
    )
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

/** Not retired: what people count on, and count. */
export const IN_SERVICE = sql<boolean>`(instances.standing is null or instances.standing <> 'retired')`;

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

export type InstanceKeyRow = Pick<InstanceRow, 'public_key' | 'standing' | 'standing_since'>;

/** The key that an instance's requests are signed with, and whether it is let in; null when there is no such instance. */
export async function findInstanceKey(db: Database, id: string): Promise<InstanceKeyRow | null> {
  const row = await db
    .selectFrom('instances')
    .select(['public_key', 'standing', 'standing_since'])
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

export async function countInstances(db: Database): Promise<number> {
  const { total } = await db
    .selectFrom('instances')
    .select((select) => select.fn.countAll().as('total'))
    .where(IN_SERVICE)
    .executeTakeFirstOrThrow();
  return Number(total);
}

const TWINS_MS = 24 * 60 * 60 * 1000;

/** Instances for which two agents spoke in turns within the last day. */
export async function countTwins(db: Database, now: EpochMs): Promise<number> {
  const { total } = await db
    .selectFrom('instances')
    .select((select) => select.fn.countAll().as('total'))
    .where('twins_heard', '>', formatInstantMs(now - TWINS_MS))
    .where(IN_SERVICE)
    .executeTakeFirstOrThrow();
  return Number(total);
}

/** Names are what agents and people say, and may be long. */
function sizeOf(row: SummaryRow): number {
  const { name, hostname, agent_version: version, facts } = row;
  return 350 + name.length + hostname.length + version.length + (facts?.length ?? 0);
}
