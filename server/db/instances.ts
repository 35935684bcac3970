// The fleet as the server knows it: each instance with what its newest report says.

import type { Digest } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { InstancesReply, StoredReport } from '../../shared/protocol/fleet.ts';
import { cutPart, type Page, type Part } from './page.ts';
import type { Database, Tables } from './tables.ts';

export type InstanceSummary = InstancesReply['instances'][number];
/** Its name and id. */
export type InstanceKey = readonly [string, string];

const SUMMARY = [
  'id',
  'name',
  'hostname',
  'agent_version',
  'enrolled_at',
  'last_seen',
  'channel',
  'manifest',
  'verdict',
  'twins_heard',
] as const;

/** By name; only those of this id or name when one is given. */
export async function listInstances(
  db: Database,
  { limit, after, named }: Page<InstanceKey> & { readonly named?: string | undefined },
): Promise<Part<InstanceSummary, InstanceKey>> {
  const rows = await db
    .selectFrom('instances')
    .select(SUMMARY)
    .$if(named !== undefined, (query) =>
      query.where((where) => where.or([where('id', '=', named ?? ''), where('name', '=', named ?? '')])),
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

const NOWHERE: InstanceKey = ['', ''];

/** Null when there is no such instance. */
export async function findInstance(
  db: Database,
  id: string,
): Promise<(InstanceSummary & { readonly report: StoredReport | null }) | null> {
  const row = await db.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return null;
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

type SummaryRow = Pick<Tables['instances'], (typeof SUMMARY)[number]>;

function summaryOf(row: SummaryRow): InstanceSummary {
  return {
    id: row.id,
    name: row.name,
    hostname: row.hostname,
    agentVersion: row.agent_version,
    enrolled: row.enrolled_at,
    lastSeen: row.last_seen,
    channel: row.channel,
    manifest: row.manifest as Digest | null,
    verdict: row.verdict,
    ...(row.twins_heard === null ? {} : { twinsHeard: row.twins_heard }),
  };
}

/** Names are what agents and people say, and may be long. */
function sizeOf(row: SummaryRow): number {
  return 300 + row.name.length + row.hostname.length + row.agent_version.length;
}
