// What reports leave behind of themselves: the row of each instance as its newest says, and a bounded history.
import { type Kysely, sql } from 'kysely';
import type { KnownRow } from './instance-row.ts';
import { elementsOf, inParts, isAmong } from './page.ts';
import type { ReceivedReport } from './records.ts';
import type { Database, DatabaseTransaction } from './tables.ts';
import { isPostgres } from './transact.ts';

/** Of each instance; older ones go, and so do those that would make it hold more bytes. */
export const KEPT_REPORTS = 50;
export const KEPT_REPORT_BYTES = 512 * 1024;
/** A history is looked at when the number passes a multiple of it, so it is longer by fewer than so many reports; a large report has it looked at. */
export const UNLOOKED_REPORTS = 8;
const LARGE_BYTES = 8 * 1024;

/**
 * Every report writes the row of its instance anew. With room in the page PostgreSQL puts the new one beside the old one, and no
 * index has to hear of it; without, each report wrote five of them. And a report is inserted from the row of its instance, locked
 * and never removed: that there is one need not be looked for once more for each.
 */
export async function addRoomForReports(db: Kysely<unknown>): Promise<void> {
  if (!isPostgres(db as Database)) return;
  await sql`alter table instances set (fillfactor = 50)`.execute(db);
  await sql`alter table reports drop constraint if exists reports_instance_fkey`.execute(db);
}

const NUMBERS = new Set(['last_sequence', 'unhealthy']);

/** One text of a statement however many there are; the rows are there, and locked. `newest` has one of each instance. */
export async function writeRows(trx: DatabaseTransaction, newest: readonly ReceivedReport[]): Promise<void> {
  const [first] = newest;
  if (first === undefined) return;
  const columns = Object.keys(first.rows.instance);
  const elements = newest.map(({ instance, rows }) => [instance, ...Object.values(rows.instance)]);
  const set = columns.map((column, i) => {
    const said = sql`said.value->>${sql.lit(i + 1)}`;
    return sql`${sql.ref(column)} = ${NUMBERS.has(column) ? sql`cast(${said} as bigint)` : said}`;
  });
  await sql`
    update instances set ${sql.join(set)} from ${elementsOf(trx, elements)} as said
    where instances.id = said.value->>0`.execute(trx);
}

/** After the rows: the newest stands there already. */
export async function writeHistory(
  trx: DatabaseTransaction,
  known: ReadonlyMap<string, KnownRow>,
  kept: readonly ReceivedReport[],
  newest: readonly ReceivedReport[],
): Promise<void> {
  const last = new Set(newest);
  const rows = kept
    .filter((one) => !last.has(one))
    .map(({ instance, rows: { instance: reported } }) => ({
      instance,
      sequence: reported.last_sequence,
      received_at: reported.last_seen,
      body: reported.last_report,
    }));
  for (const part of inParts(rows)) await trx.insertInto('reports').values(part).execute();
  const ids = newest.map(({ instance }) => instance);
  await sql`
    insert into reports (instance, sequence, received_at, body)
    select id, last_sequence, last_seen, last_report from instances where ${isAmong(trx, 'id', ids)}`.execute(
    trx,
  );
  await pruneReports(
    trx,
    kept.filter((one) => isLookedAt(known.get(one.instance), one)).map(({ instance }) => instance),
  );
}

/** Numbers only go up: of fewer than so many in a row one passes. */
function isLookedAt(before: KnownRow | undefined, { rows: { instance } }: ReceivedReport): boolean {
  const passed = (sequence: number) => Math.floor(sequence / UNLOOKED_REPORTS);
  return (
    passed(before?.last_sequence ?? 0) !== passed(instance.last_sequence) ||
    instance.last_report.length > LARGE_BYTES
  );
}

/**
 * Newest first, each with the bytes that it and all newer ones take: what comes after enough of them goes. Asked first, since
 * mostly there is nothing: planned as one statement it would read the whole table of a small fleet.
 */
async function pruneReports(trx: DatabaseTransaction, instances: readonly string[]): Promise<void> {
  if (instances.length === 0) return;
  const { rows } = await sql<{ readonly instance: string; readonly sequence: number }>`
    select instance, sequence from (
      select instance, sequence,
        row_number() over newest as place,
        sum(octet_length(body)) over newest as bytes
      from reports where ${isAmong(trx, 'instance', instances)}
      window newest as (partition by instance order by sequence desc)
    ) as ranked
    where place > ${KEPT_REPORTS} or (place > 1 and bytes > ${KEPT_REPORT_BYTES})`.execute(trx);
  for (const part of inParts(rows)) {
    const gone = elementsOf(
      trx,
      part.map(({ instance, sequence }) => [instance, sequence]),
    );
    await sql`
      delete from reports where (instance, sequence) in (
        select gone.value->>0, cast(gone.value->>1 as bigint) from ${gone} as gone
      )`.execute(trx);
  }
}
