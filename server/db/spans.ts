// From when to when each install said what: written when a report says something else than the one before, and at no other.
import { type Kysely, sql } from 'kysely';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { Said } from '../core/said.ts';
import type { RecordRow } from './deployment-row.ts';
import type { KnownRow } from './instance-row.ts';
import { asInserted, elementsOf, inParts, isAmong } from './page.ts';
import type { ReceivedReport } from './records.ts';
import { SILENT_MS } from './report-events.ts';
import { KEPT_SPANS, KEPT_SPANS_MS, type Proof, SPAN_KEY, type SpanRow } from './span-row.ts';
import { columnTypesOf, type DatabaseTransaction } from './tables.ts';

/** What ran by the last report of each ran from then on, for all that is known; what is heard next is to be a whole one. */
export async function addSpans(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('spans')
    .addColumn('instance', text, (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('subject', text, (c) => c.notNull())
    .addColumn('value', text, (c) => c.notNull())
    .addColumn('detail', text)
    .addColumn('since', text, (c) => c.notNull())
    .addColumn('since_sequence', integer)
    .addColumn('since_report', text)
    .addColumn('heard_before', text)
    .addColumn('until', text)
    .addColumn('until_sequence', integer)
    .addColumn('until_report', text)
    .addColumn('proof', text)
    .addPrimaryKeyConstraint('spans_pk', [...SPAN_KEY])
    .execute();
  await sql`create index spans_open on spans (instance) where until is null`.execute(db);
  await sql`create index spans_owned on spans (subject, instance) where kind = 'owned'`.execute(db);
  await sql`
    insert into spans (instance, kind, subject, value, since)
    select c.instance, 'runs', c.component, c.version, coalesce(i.last_seen, i.enrolled_at)
    from instance_components as c join instances as i on i.id = c.instance`.execute(db);
  await sql`update instances set report_digest = null`.execute(db);
  // Last: on PostgreSQL nobody else reads or writes the table from here on.
  await db.schema.alterTable('instances').addColumn('said', text).execute();
}

/** Before the rows of the instances are written: `known` is what they said before. `kept` in the order of their numbers. */
export async function writeSpans(
  trx: DatabaseTransaction,
  known: ReadonlyMap<string, KnownRow>,
  kept: readonly ReceivedReport[],
): Promise<void> {
  const moved = movedIn(known, kept);
  if (moved.size === 0) return;
  const open = await readOpen(trx, [...moved]);
  const written = new Map<string, SpanRow>();
  const early: SpanRow[] = [];
  const heard = new Map([...known].map(([id, { last_seen }]) => [id, last_seen]));
  for (const report of kept) {
    const { instance, received } = report;
    const before = heard.get(instance) ?? null;
    heard.set(instance, formatInstantMs(received));
    if (!moved.has(instance)) continue;
    const standing = open.get(instance) ?? new Map<string, SpanRow>();
    open.set(instance, standing);
    for (const [key, row] of standing) {
      if (Date.parse(row.since) <= received) continue;
      // The clock of the server was ahead: it was so now at the latest.
      const at = { ...row, since: formatInstantMs(received) };
      standing.set(key, at);
      written.delete(rowKey(row));
      written.set(rowKey(at), at);
      early.push(row);
    }
    for (const row of changesBy(report, standing, before)) written.set(rowKey(row), row);
  }
  await removeSpans(trx, early);
  const rows = [...written].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  for (const part of inParts(rows)) await upsertSpans(trx, part);
  await forgetCrowded(trx, [...moved].sort());
}

/** Those that say something else than before, end a silence, or tell of a deployment. */
function movedIn(known: ReadonlyMap<string, KnownRow>, kept: readonly ReceivedReport[]): ReadonlySet<string> {
  const moved = kept.filter(({ instance, received, rows: { instance: row, records } }) => {
    const before = known.get(instance);
    if (before === undefined) return false;
    return (
      before.said !== row.said ||
      isSilence(before.last_seen, received) ||
      (before.last_seen !== null && Date.parse(before.last_seen) > received) ||
      records.some(({ state }) => state === 'committed')
    );
  });
  return new Set(moved.map(({ instance }) => instance));
}

function isSilence(heard: string | null, received: EpochMs): heard is string {
  return heard !== null && received - Date.parse(heard) > SILENT_MS;
}

/** Changes what stands, and answers the rows to write. */
function changesBy(
  { instance, received, rows: { instance: row, said, records } }: ReceivedReport,
  standing: Map<string, SpanRow>,
  before: string | null,
): readonly SpanRow[] {
  const at = formatInstantMs(received);
  const [sequence, report] = [row.last_sequence, row.report_digest];
  const ended = { until: at, until_sequence: sequence, until_report: report };
  const begun = { instance, since: at, since_sequence: sequence, since_report: report, heard_before: before };
  const changes: SpanRow[] = [];
  const keys = new Set(said.map(saidKey));
  for (const [key, span] of standing) {
    if (keys.has(key)) continue;
    standing.delete(key);
    changes.push({ ...span, ...ended });
  }
  for (const one of said) {
    const stood = standing.get(saidKey(one));
    const proof = one.kind === 'runs' ? proofIn(records, one, at) : null;
    if (stood !== undefined && (proof === null || stood.proof !== null)) continue;
    const span = stood ?? { ...begun, ...one, ...STANDS, proof: null };
    const proven = { ...span, proof };
    standing.set(saidKey(one), proven);
    changes.push(proven);
  }
  if (isSilence(before, received)) changes.push({ ...begun, ...SILENCE, since: before, ...ended });
  return changes;
}

const STANDS = { until: null, until_sequence: null, until_report: null } as const;
const SILENCE = { kind: 'silent', subject: '', value: '', detail: null, proof: null } as const;

/** Of the newest deployment that committed it. */
function proofIn(records: readonly RecordRow[], { subject, value }: Said, told: string): string | null {
  const brought = records.findLast(
    ({ state, brings }) => state === 'committed' && brings.some(([of, to]) => of === subject && to === value),
  );
  if (brought === undefined) return null;
  const { record, plan, body, updated_at } = brought;
  const proof: Proof = { record, plan, digest: digestOf(utf8(body)), at: updated_at, told };
  return JSON.stringify(proof);
}

function saidKey({ kind, subject, value }: Pick<SpanRow, 'kind' | 'subject' | 'value'>): string {
  return JSON.stringify([kind, subject, value]);
}

function rowKey(row: SpanRow): string {
  return JSON.stringify(SPAN_KEY.map((column) => row[column]));
}

async function readOpen(
  trx: DatabaseTransaction,
  instances: readonly string[],
): Promise<Map<string, Map<string, SpanRow>>> {
  const rows = await trx
    .selectFrom('spans')
    .selectAll()
    .where('until', 'is', null)
    .where('kind', '<>', 'owned')
    .where(isAmong(trx, 'instance', instances))
    .execute();
  const open = new Map<string, Map<string, SpanRow>>();
  for (const row of rows) {
    const standing = open.get(row.instance) ?? new Map<string, SpanRow>();
    open.set(row.instance, standing.set(saidKey(row), row));
  }
  return open;
}

export async function upsertSpans(trx: DatabaseTransaction, rows: readonly SpanRow[]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  await trx
    .insertInto('spans')
    .values(rows)
    .onConflict((conflict) => conflict.columns([...SPAN_KEY]).doUpdateSet(asInserted(first)))
    .execute();
}

async function removeSpans(trx: DatabaseTransaction, rows: readonly SpanRow[]): Promise<void> {
  if (rows.length === 0) return;
  const gone = elementsOf(
    trx,
    rows.map((row) => SPAN_KEY.map((column) => row[column])),
  );
  const key = sql.join(SPAN_KEY.map((column) => sql.ref(column)));
  const parts = sql.join(SPAN_KEY.map((_, i) => sql`gone.value->>${sql.lit(i)}`));
  await sql`delete from spans where (${key}) in (select ${parts} from ${gone} as gone)`.execute(trx);
}

/**
 * The oldest of each that has too many go, what ran last of all, and a row says up to when: what an install makes the server forget is
 * known as forgotten.
 */
async function forgetCrowded(trx: DatabaseTransaction, instances: readonly string[]): Promise<void> {
  const theirs = isAmong(trx, 'instance', instances);
  const key = sql.join(SPAN_KEY.map((column) => sql.ref(column)));
  const { rows } = await sql<{ readonly instance: string; readonly until: string }>`
    delete from spans where ${theirs} and (${key}) in (
      select ${key} from (
        select ${key}, row_number() over (
          partition by instance order by case kind when 'runs' then 0 else 1 end, until desc) as place
        from spans where ${theirs} and until is not null and kind not in ('owned', 'forgotten')
      ) as ranked where place > ${KEPT_SPANS}
    ) returning instance, until`.execute(trx);
  const gone = Map.groupBy(rows, ({ instance }) => instance);
  for (const part of inParts([...gone].map(([instance, ended]) => forgottenOf(instance, ended))))
    await trx
      .insertInto('spans')
      .values(part)
      .onConflict((conflict) =>
        conflict.columns([...SPAN_KEY]).doUpdateSet({
          until: sql`case when spans.until > excluded.until then spans.until else excluded.until end`,
        }),
      )
      .execute();
}

function forgottenOf(instance: string, ended: readonly { readonly until: string }[]): SpanRow {
  const until = ended.reduce((latest, one) => (one.until > latest ? one.until : latest), '');
  return {
    ...{ instance, kind: 'forgotten', subject: '', value: '', detail: null, since: '', until, proof: null },
    ...{ since_sequence: null, since_report: null, heard_before: null },
    ...{ until_sequence: null, until_report: null },
  };
}

export async function forgetSpans(trx: DatabaseTransaction, now: EpochMs): Promise<void> {
  await trx
    .deleteFrom('spans')
    .where('until', '<', formatInstantMs(now - KEPT_SPANS_MS))
    .execute();
}
