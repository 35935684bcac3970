// The fleet in one answer: counted by columns and rows that reports fill when they arrive, never by their texts.
import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely';
import { byCodePoint } from '../../shared/encoding/canonical.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { FleetSummary } from '../../shared/protocol/fleet-summary.ts';
import { decision } from '../../shared/schema/decision.ts';
import { IN_SERVICE } from './instances.ts';
import { OPEN } from './proposal-row.ts';
import { columnTypesOf, type Database, type Tables } from './tables.ts';
import { isPostgres } from './transact.ts';

const DAY_MS = 86_400_000;
/** Beside each count. */
const SOME = 5;
/** In the words of its index: with parameters no database knows that it holds them all. */
const FAILED = sql<boolean>`state in ('rolled-back', 'abandoned', 'inconsistent')`;

export async function addBlockers(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema.alterTable('instances').addColumn('blocked', text).execute();
  await db.schema.alterTable('instances').addColumn('unhealthy', integer).execute();
  await db.schema
    .createTable('instance_blockers')
    .addColumn('instance', text, (c) => c.notNull().references('instances.id'))
    .addColumn('owner', text, (c) => c.notNull())
    .addColumn('code', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('instance_blockers_key', ['owner', 'code', 'instance'])
    .execute();
  await db.schema.createIndex('blockers_of_instance').on('instance_blockers').column('instance').execute();
}

/**
 * A row is as wide as its report. The file has what is counted in an index of its own; PostgreSQL would have to write in every
 * index what a report changes in one, so there those few stand apart whom somebody should look at.
 */
export async function addGlance(db: Kysely<unknown>): Promise<void> {
  if (!isPostgres(db as Database)) {
    const columns = ['standing', 'moved_to', 'last_seen', 'twins_heard', 'unhealthy', 'verdict'] as const;
    await db.schema
      .createIndex('instances_at_a_glance')
      .on('instances')
      .columns(['name', 'id', ...columns])
      .execute();
  } else {
    for (const [name, is] of Object.entries({
      isolated: sql`standing = 'isolated'`,
      moved: sql`moved_to is not null`,
      twinned: sql`twins_heard is not null`,
      unhealthy: sql`unhealthy > 0`,
    }))
      await sql`create index ${sql.ref(`instances_${name}`)} on instances (name, id) where ${is}`.execute(db);
  }
  await sql`create index deployments_failed on deployments (started_at, instance) where ${FAILED}`.execute(
    db,
  );
  await sql`create index enrolments_open on enrolments (created_at, hash) where used_by is null`.execute(db);
}

/** `silentMs`: who was not heard for so long is silent. */
export async function summarizeFleet(db: Database, silentMs: number, now: EpochMs): Promise<FleetSummary> {
  const before = (ms: number) => formatInstantMs(now - ms);
  const standings: Standings = {
    isolated: (each) => each('standing', '=', 'isolated'),
    moved: (each) => each('moved_to', 'is not', null),
    silent: (each) => isSilent(each, before(silentMs)),
    twinned: (each) => each('twins_heard', '>', before(DAY_MS)),
    unhealthy: (each) => each('unhealthy', '>', 0),
  };
  const counts = await countAll(db, standings);
  return {
    at: formatInstantMs(now),
    instances: counts.of('instances'),
    isolated: await some(db, standings.isolated, counts.of('isolated')),
    moved: await some(db, standings.moved, counts.of('moved')),
    silent: await some(db, standings.silent, counts.of('silent')),
    twinned: await some(db, standings.twinned, counts.of('twinned')),
    unhealthy: await some(db, standings.unhealthy, counts.of('unhealthy')),
    failing: await listFailing(db, before(DAY_MS)),
    verdicts: counts.verdicts,
    blocked: await listBlocked(db),
    proposals: await countOpen(db, formatInstantMs(now)),
  };
}

type Each = ExpressionBuilder<Tables, 'instances'>;
type Is = (each: Each) => Expression<SqlBool>;
type Standings = Readonly<Record<'isolated' | 'moved' | 'silent' | 'twinned' | 'unhealthy', Is>>;

const VERDICTS = decision.shape.verdict.options.toSorted(byCodePoint);

/** One look at every instance for all numbers, in any order: a hundred thousand would have to be sorted to be grouped. */
async function countAll(db: Database, standings: Standings) {
  const wanted = Object.entries<Is>({
    ...standings,
    ...Object.fromEntries(
      VERDICTS.map((verdict) => [`is ${verdict}`, (each) => each('verdict', '=', verdict)]),
    ),
  });
  const counts: Readonly<Record<string, unknown>> = await inService(db)
    .select((each) => [
      each.fn.countAll().as('instances'),
      ...wanted.map(([name, is]) => each.fn.countAll().filterWhere(is).as(name)),
    ])
    .executeTakeFirstOrThrow();
  return {
    of: (name: keyof Standings | 'instances') => Number(counts[name]),
    verdicts: VERDICTS.flatMap((verdict) => {
      const count = Number(counts[`is ${verdict}`]);
      return count === 0 ? [] : [{ verdict, count }];
    }),
  };
}

/** Those that are isolated or have gone are not expected to speak. */
function isSilent(each: Each, since: string) {
  return each.and([
    each('standing', 'is', null),
    each('moved_to', 'is', null),
    each.or([each('last_seen', 'is', null), each('last_seen', '<', since)]),
  ]);
}

async function listFailing(db: Database, since: string): Promise<FleetSummary['failing']> {
  const failed: Is = (each) =>
    each(
      'instances.id',
      'in',
      each
        .selectFrom('deployments')
        .select('deployments.instance')
        .where('deployments.started_at', '>', since)
        .where(FAILED),
    );
  const { count } = await inService(db)
    .where(failed)
    .select((each) => each.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  return some(db, failed, Number(count));
}

async function countOpen(db: Database, at: string): Promise<number> {
  const { open } = await db
    .selectFrom('proposals')
    .select((select) => select.fn.countAll().as('open'))
    .where('status', 'in', OPEN)
    .where('expires_at', '>', at)
    .executeTakeFirstOrThrow();
  return Number(open);
}

function inService(db: Database) {
  return db.selectFrom('instances').where(IN_SERVICE);
}

async function some(db: Database, is: Is, count: number): Promise<FleetSummary['silent']> {
  if (count === 0) return { count, instances: [] };
  const first = inService(db).where(is).select(['id', 'name']).orderBy('name').orderBy('id').limit(SOME);
  return { count, instances: await first.execute() };
}

async function listBlocked(db: Database): Promise<FleetSummary['blocked']> {
  const groups = await db
    .selectFrom('instance_blockers')
    .select((select) => ['owner', 'code', select.fn.countAll().as('count')])
    .groupBy(['owner', 'code'])
    .orderBy(sql`count(*) desc`)
    .orderBy('owner')
    .orderBy('code')
    .limit(MOST_GROUPS)
    .execute();
  const [first, ...others] = groups.map(({ owner, code }, place) => selectBlocked(db, owner, code, place));
  if (first === undefined) return [];
  const rows = await db
    .selectFrom(others.reduce((all, one) => all.unionAll(one), first).as('b'))
    .innerJoin('instances as i', 'i.id', 'b.instance')
    .select(['i.id', 'i.name', 'b.place'])
    .execute();
  return groups.map(({ owner, code, count }, place) => ({
    owner: owner as FleetSummary['blocked'][number]['owner'],
    ...{ code, count: Number(count) },
    instances: rows
      .flatMap(({ id, name, place: of }) => (Number(of) === place ? [{ id, name }] : []))
      .sort((a, b) => byCodePoint(a.id, b.id)),
  }));
}

function selectBlocked(db: Database, owner: string, code: string, place: number) {
  const some = db
    .selectFrom('instance_blockers')
    .select((each) => ['instance', each.lit(place).as('place')])
    .where('owner', '=', owner)
    .where('code', '=', code)
    .orderBy('instance')
    .limit(SOME)
    .as('some');
  return db.selectFrom(some).selectAll();
}

/** Codes are the catalogue's, some forty; agents may say others. */
const MOST_GROUPS = 100;
