// Deployment records that reports bring: the newest word of an instance about each deployment, and a bounded history.
import { sql } from 'kysely';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { type JsonLimits, parseJson } from '../../shared/encoding/json.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { contentDigestOf } from '../../shared/protocol/pass.ts';
import type { LedgerClaim } from '../../shared/protocol/receipt.ts';
import { type Report, report } from '../../shared/protocol/report.ts';
import { parseDocument } from '../../shared/schema/parse-document.ts';
import { POSTPONED } from '../core/alerts.ts';
import { type Said, saidIn } from '../core/said.ts';
import { type DeploymentRow, type RecordRow, recordRow } from './deployment-row.ts';
import { blockersOf, type ReportedColumns, reportedColumns } from './instance-row.ts';
import { asInserted, inParts } from './page.ts';
import type { DatabaseTransaction, Tables } from './tables.ts';

/** Of each instance, the newest by number; the instance itself keeps them all. */
export const KEPT_RECORDS = 1_000;
export const KEPT_RECORD_BYTES = 4 * 2 ** 20;

interface FromInstance {
  /** From the credential, never from the body. */
  readonly instance: string;
  /** What the credential was held against: the instance's row has it still, or nothing is written. */
  readonly key: string;
  /** Which start of its agent sent it; null where that is not said. */
  readonly boot: string | null;
  readonly received: EpochMs;
}

export interface ReceivedReport extends FromInstance {
  readonly rows: ReportRows;
}

export interface Beat {
  readonly sequence: number;
  /** Of the report that would say the same. */
  readonly digest: string;
}

export interface ReceivedBeat extends FromInstance {
  readonly beat: Beat;
}

type Row = DeploymentRow;
type ChangeRow = Tables['deployment_changes'];

/** Of a record that stands in several reports the last one counts. */
export async function writeRecords(
  trx: DatabaseTransaction,
  reports: readonly ReceivedReport[],
): Promise<void> {
  const rows = new Map<string, Row>();
  const changed = new Map<string, ChangeRow>();
  for (const { instance, rows: reported } of reports) {
    for (const { changes, plan: _, brings: __, ...row } of reported.records) {
      rows.set(`${instance} ${row.record}`, { instance, ...row });
      for (const change of changes) {
        const { record, started_at } = row;
        changed.set(`${instance} ${record} ${change}`, { change, instance, record, started_at });
      }
    }
  }
  if (rows.size === 0) return;
  for (const part of inParts(inOrder(rows))) await upsertDeployments(trx, part);
  for (const part of inParts(inOrder(changed))) {
    await trx
      .insertInto('deployment_changes')
      .values(part)
      .onConflict((conflict) =>
        conflict
          .columns(['change', 'instance', 'record'])
          .doUpdateSet({ started_at: sql.ref<string>('excluded.started_at') }),
      )
      .execute();
  }
  await pruneDeployments(trx, [...new Set([...rows.values()].map(({ instance }) => instance))]);
}

/** One order for everybody: two batches at once cannot lock each other out. */
function inOrder<Value>(byKey: ReadonlyMap<string, Value>): readonly Value[] {
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

async function upsertDeployments(trx: DatabaseTransaction, rows: readonly Row[]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  await trx
    .insertInto('deployments')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['instance', 'record']).doUpdateSet({
        ...asInserted(first),
        heard_at: sql<string>`coalesce(deployments.heard_at, excluded.heard_at)`,
      }),
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

export interface ReportRows {
  readonly instance: ReportedColumns & Pick<Tables['instances'], 'report_digest'>;
  /** Component to version. */
  readonly components: readonly (readonly [string, string])[];
  /** Owner and code. */
  readonly blockers: readonly (readonly [string, string])[];
  readonly records: readonly RecordRow[];
  /** What spans are kept of. */
  readonly said: readonly Said[];
  /** Of the log of the install; null where the report says nothing of it. */
  readonly ledger: LedgerClaim | null;
  /** An order that somebody there puts off. */
  readonly postponed: Postponed | null;
}

interface Postponed {
  readonly until: string | null;
  readonly reason: string;
  readonly advisories: readonly string[];
}

export const MAX_REPORT_BYTES = 2 ** 20;

const LIMITS: JsonLimits = { maxBytes: MAX_REPORT_BYTES, maxDepth: 32, maxNodes: 131_072 };

/** Errors: json/*, document/invalid. */
export function readReport(bytes: Uint8Array, received: EpochMs): ReportRows {
  const name = 'the request body';
  const parsed = parseDocument(report, parseJson(bytes, name, LIMITS), name);
  return reportRows(parsed, received, contentDigestOf(bytes));
}

/** `digest` is of its bytes; without one no heartbeat fits it. */
export function reportRows(report: Report, received: EpochMs, digest: string | null = null): ReportRows {
  return {
    instance: { ...reportedColumns(report, received), report_digest: digest },
    // Named twice, a component counts as its last entry says.
    components: [...new Map(report.components.map(({ component, version }) => [component, version]))],
    blockers: blockersOf(report),
    records: report.records.map((record) => recordRow(record, received)),
    said: saidIn(report),
    ledger: report.ledger ?? null,
    postponed: postponedIn(report),
  };
}

const MOST_NAMED = 20;

/** An agent says so, by this code, of a forced patch that is on its way; the critical advisories are what it is about. */
function postponedIn({ decision }: Report): Postponed | null {
  const held = decision?.blockers.find(({ code }) => code === POSTPONED);
  if (decision === null || held === undefined) return null;
  const critical = decision.exposed.filter(({ severity }) => severity === 'critical');
  return {
    until: held.clearsAt ?? null,
    reason: sanitizeLine(held.message, 300),
    advisories: [...new Set(critical.map(({ advisory }) => sanitizeLine(advisory, 60)))].slice(0, MOST_NAMED),
  };
}
