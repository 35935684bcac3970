// A whole fleet from the embedded file into an empty PostgreSQL database: every row, in one transaction, proved by the audit log.
import { sql } from 'kysely';
import { FairleadError } from '../../shared/errors/error.ts';
import { verifyAudit } from './audit-chain.ts';
import type { Database, DatabaseTransaction, Tables } from './tables.ts';
import { transact } from './transact.ts';

/** What the database counts by itself while the others are filled. */
type Counted = 'running_versions';
type Copyable = Exclude<keyof Tables, Counted>;

/** Those that others refer to go first. A table that is missing here does not compile. */
const ORDER: Readonly<Record<Copyable, number>> = {
  customers: 0,
  tokens: 0,
  sessions: 0,
  pass_keys: 0,
  enrolments: 0,
  instances: 0,
  changes: 0,
  audit: 0,
  publishing: 0,
  jobs: 0,
  events: 0,
  backup_marks: 0,
  guard_halts: 0,
  webhooks: 0,
  receivers: 0,
  deliveries: 0,
  alerts: 0,
  outbox: 0,
  tallies: 0,
  instance_components: 1,
  instance_blockers: 1,
  reports: 1,
  ledger_heads: 1,
  spans: 1,
  advisory_revisions: 0,
  deployments: 1,
  deployment_changes: 2,
  deployment_stats: 0,
  fleet_samples: 0,
  policies: 0,
  groups: 0,
  repeats: 0,
  group_members: 1,
  proposals: 1,
  proposal_marks: 1,
};

export const COPIED = (Object.keys(ORDER) as readonly Copyable[]).toSorted((a, b) => ORDER[a] - ORDER[b]);

/** Of each table. */
export type Copied = Readonly<Record<string, number>>;

/**
 * `from` is a file that nobody writes to meanwhile. Answers how many rows each table has. Nothing is left behind by a copy
 * that fails. Errors: server/database-filled, server/audit-broken.
 */
export async function copyFleet(from: Database, to: Database, database: string): Promise<Copied> {
  const head = await verifyAudit(from, null);
  const copied = await transact(to, 'committed', async (trx) => {
    for (const table of COPIED) await verifyEmpty(trx, table, database);
    const rows: Record<string, number> = {};
    for (const table of COPIED) rows[table] = await copyTable(from, trx, table);
    for (const table of ['events', 'deliveries']) {
      await sql`select setval(pg_get_serial_sequence(${table}, 'id'), max(id)) from ${sql.table(table)} having max(id) > 0`.execute(
        trx,
      );
    }
    await verifyAudit(trx, head.digest === null ? null : { count: head.count, digest: head.digest }, 1);
    return rows;
  });
  // Without it the first lists would be planned for empty tables.
  await sql`analyze`.execute(to);
  return copied;
}

async function verifyEmpty(trx: DatabaseTransaction, table: keyof Tables, database: string): Promise<void> {
  const row = await trx.selectFrom(table).select(sql`1`.as('one')).limit(1).executeTakeFirst();
  if (row !== undefined) throw new FairleadError('server/database-filled', { database });
}

const ROWS_AT_ONCE = 500;
/** Of one statement; a row that is longer goes alone. */
const BYTES_AT_ONCE = 4 * 2 ** 20;

type Row = Record<string, unknown>;

async function copyTable(from: Database, trx: DatabaseTransaction, table: keyof Tables): Promise<number> {
  let total = 0;
  for (let after = 0; ; ) {
    const { rows } = await sql<Row & { readonly place: number }>`
      select rowid as place, * from ${sql.table(table)} where rowid > ${after} order by rowid limit ${ROWS_AT_ONCE}`.execute(
      from,
    );
    const last = rows.at(-1);
    if (last === undefined) return total;
    for (const part of cut(rows.map(({ place: _, ...row }) => clean(row)))) {
      await trx
        .insertInto(table)
        .values(part as never)
        .execute();
    }
    total += rows.length;
    after = last.place;
  }
}

/** PostgreSQL takes no NUL in a text; SQLite did, and names of long ago may hold one. */
function clean(row: Row): Row {
  const entries = Object.entries(row);
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replaceAll('\u0000', '') : value,
    ]),
  );
}

function* cut(rows: readonly Row[]): Generator<readonly Row[]> {
  let part: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = Object.values(row).reduce<number>((sum, value) => sum + String(value).length, 0);
    if (part.length > 0 && bytes + size > BYTES_AT_ONCE) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(row);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
