// How many instances run each version: counted by the database itself whenever a row of what runs comes or goes, by whoever's hand.
import { type Kysely, sql } from 'kysely';
import { inParts } from './page.ts';
import { columnTypesOf, type Database, type DatabaseTransaction, type RunningVersionRow } from './tables.ts';
import { isPostgres } from './transact.ts';

/** Transactions that count at once on PostgreSQL count in as many places; those beyond it wait for each other. */
const SHARDS = 32;
/** Where numbers end that were put together; nobody counts there. */
const FOLDED = -1;
/** With the shard the two numbers of a lock; locks of one number are apart from those. */
const LOCK = 0x666c;

/** Triggers before numbers: they keep writers out of the rows until the first count is committed. */
export async function addRunningVersions(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('running_versions')
    .addColumn('component', text, (c) => c.notNull())
    .addColumn('version', text, (c) => c.notNull())
    .addColumn('shard', integer, (c) => c.notNull())
    .addColumn('instances', integer, (c) => c.notNull())
    .addPrimaryKeyConstraint('running_versions_key', ['component', 'version', 'shard'])
    .execute();
  await (isPostgres(db as Database) ? countOnPostgres(db) : countOnSqlite(db));
  await sql`insert into running_versions (component, version, shard, instances)
    select component, version, ${sql.lit(FOLDED)}, count(*) from instance_components group by component, version`.execute(
    db,
  );
}

const ADD = sql`on conflict (component, version, shard) do update set instances = running_versions.instances + excluded.instances`;

async function countOnSqlite(db: Kysely<unknown>): Promise<void> {
  const count = (row: 'new' | 'old') =>
    sql`insert into running_versions (component, version, shard, instances)
      values (${sql.ref(`${row}.component`)}, ${sql.ref(`${row}.version`)}, 0, ${sql.lit(row === 'new' ? 1 : -1)}) ${ADD};`;
  const on = sql`on instance_components for each row begin`;
  await sql`create trigger running_added after insert ${on} ${count('new')} end`.execute(db);
  await sql`create trigger running_gone after delete ${on} ${count('old')} end`.execute(db);
  await sql`create trigger running_changed after update ${on} ${count('old')} ${count('new')} end`.execute(
    db,
  );
}

/**
 * Most of a rollout's reports move the same two numbers, and whoever changed one keeps it to the end of the transaction. So
 * each transaction counts in the first shard that no other holds: nobody waits, and no two can wait for each other.
 */
async function countOnPostgres(db: Kysely<unknown>): Promise<void> {
  const count = (rows: 'added' | 'gone') =>
    sql`insert into running_versions (component, version, shard, instances)
      select component, version, free, ${sql.raw(rows === 'added' ? '' : '-')}count(*) from ${sql.table(rows)}
      group by component, version order by component, version ${ADD};`;
  await sql`create function count_running() returns trigger language plpgsql as $$
    declare free integer := 0;
    begin
      while free < ${sql.lit(SHARDS - 1)} and not pg_try_advisory_xact_lock(${sql.lit(LOCK)}, free) loop
        free := free + 1;
      end loop;
      if tg_op <> 'INSERT' then ${count('gone')} end if;
      if tg_op <> 'DELETE' then ${count('added')} end if;
      return null;
    end $$`.execute(db);
  const once = sql`for each statement execute function count_running()`;
  await sql`create trigger running_added after insert on instance_components referencing new table as added ${once}`.execute(
    db,
  );
  await sql`create trigger running_gone after delete on instance_components referencing old table as gone ${once}`.execute(
    db,
  );
  await sql`create trigger running_changed after update on instance_components referencing old table as gone new table as added ${once}`.execute(
    db,
  );
}

export function countRunning(db: Database, components: readonly string[]) {
  return db
    .selectFrom('running_versions')
    .select(['component', 'version', sql<number>`sum(instances)`.as('instances')])
    .where('component', 'in', components)
    .groupBy(['component', 'version'])
    .having(sql<number>`sum(instances)`, '>', 0)
    .execute();
}

/** Of one run; the next one goes on. */
const MOST_FOLDED = 1_000;

/**
 * Versions that nobody runs any more go: an agent may name another at each report. Numbers that somebody is changing are
 * left for the next time, so that this waits for nobody; a rest of them that is not zero stays.
 */
export async function forgetVersions(trx: DatabaseTransaction): Promise<void> {
  const over = trx
    .selectFrom('running_versions')
    .select(['component', 'version'])
    .groupBy(['component', 'version'])
    .having(sql<number>`sum(instances)`, '=', 0)
    .limit(MOST_FOLDED);
  const rows = await trx
    .selectFrom('running_versions')
    .selectAll()
    .where((where) =>
      where(where.refTuple('component', 'version'), 'in', over.$asTuple('component', 'version')),
    )
    .$if(isPostgres(trx), (query) => query.forUpdate().skipLocked())
    .execute();
  for (const part of inParts(rows)) {
    await trx
      .deleteFrom('running_versions')
      .where((where) =>
        where(
          where.refTuple('component', 'version', 'shard'),
          'in',
          part.map(({ component, version, shard }) => where.tuple(component, version, shard)),
        ),
      )
      .execute();
  }
  for (const part of inParts(restsOf(rows))) {
    await trx
      .insertInto('running_versions')
      .values(part)
      .onConflict((conflict) =>
        conflict.columns(['component', 'version', 'shard']).doUpdateSet({
          instances: sql<number>`running_versions.instances + excluded.instances`,
        }),
      )
      .execute();
  }
}

function restsOf(rows: readonly RunningVersionRow[]): readonly RunningVersionRow[] {
  const sums = new Map<string, RunningVersionRow>();
  for (const { component, version, instances } of rows) {
    const key = `${component} ${version}`;
    const before = sums.get(key)?.instances ?? 0;
    sums.set(key, { component, version, shard: FOLDED, instances: before + instances });
  }
  return [...sums.values()].filter(({ instances }) => instances !== 0);
}
