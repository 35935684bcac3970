// The fleet in one answer: counted by columns and rows that reports fill when they arrive, never by their texts.
import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { FleetSummary } from '../../shared/protocol/fleet-summary.ts';
import { countInstances, IN_SERVICE } from './instances.ts';
import { OPEN } from './proposal-row.ts';
import { columnTypesOf, type Database, type Tables } from './tables.ts';

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

const DAY_MS = 86_400_000;
/** Beside each count. */
const SOME = 5;
const FAILED = ['rolled-back', 'abandoned', 'inconsistent'] as const;

/** `silentMs`: who was not heard for so long is silent. */
export async function summarizeFleet(db: Database, silentMs: number, now: EpochMs): Promise<FleetSummary> {
  const before = (ms: number) => formatInstantMs(now - ms);
  return {
    at: formatInstantMs(now),
    instances: await countInstances(db),
    isolated: await some(db, (each) => each('standing', '=', 'isolated')),
    moved: await some(db, (each) => each('moved_to', 'is not', null)),
    silent: await some(db, (each) => isSilent(each, before(silentMs))),
    twinned: await some(db, (each) => each('twins_heard', '>', before(DAY_MS))),
    unhealthy: await some(db, (each) => each('unhealthy', '>', 0)),
    failing: await some(db, (each) => hasFailed(each, before(DAY_MS))),
    verdicts: await countVerdicts(db),
    blocked: await listBlocked(db),
    proposals: await countOpen(db, formatInstantMs(now)),
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

function hasFailed(each: Each, since: string) {
  const failed = each
    .selectFrom('deployments')
    .select('deployments.instance')
    .where('deployments.started_at', '>', since)
    .where('deployments.state', 'in', FAILED);
  return each('instances.id', 'in', failed);
}

async function countVerdicts(db: Database): Promise<FleetSummary['verdicts']> {
  const rows = await inService(db)
    .select((select) => ['verdict', select.fn.countAll().as('count')])
    .where('verdict', 'is not', null)
    .groupBy('verdict')
    .orderBy('verdict')
    .execute();
  return rows.map(({ verdict, count }) => ({
    verdict: verdict as FleetSummary['verdicts'][number]['verdict'],
    count: Number(count),
  }));
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

type Each = ExpressionBuilder<Tables, 'instances'>;

async function some(db: Database, is: (each: Each) => Expression<SqlBool>): Promise<FleetSummary['silent']> {
  const chosen = () => inService(db).where(is);
  const { total } = await chosen()
    .select((select) => select.fn.countAll().as('total'))
    .executeTakeFirstOrThrow();
  const count = Number(total);
  const instances =
    count === 0
      ? []
      : await chosen().select(['id', 'name']).orderBy('name').orderBy('id').limit(SOME).execute();
  return { count, instances };
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
  const found: FleetSummary['blocked'] = [];
  for (const { owner, code, count } of groups) {
    const instances = await db
      .selectFrom('instance_blockers as b')
      .innerJoin('instances as i', 'i.id', 'b.instance')
      .select(['i.id', 'i.name'])
      .where('b.owner', '=', owner)
      .where('b.code', '=', code)
      .orderBy('b.instance')
      .limit(SOME)
      .execute();
    found.push({
      owner: owner as FleetSummary['blocked'][number]['owner'],
      code,
      count: Number(count),
      instances,
    });
  }
  return found;
}

/** Codes are the catalogue's, some forty; agents may say others. */
const MOST_GROUPS = 100;
