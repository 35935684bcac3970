// How deployments ended, counted by day and kind as they end, so that no question reads them one by one.
import { type Kysely, sql } from 'kysely';
import { isSurroundings } from '../../shared/change/change.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import { stepOf } from '../core/durations.ts';
import {
  type DeploymentStatRow,
  KEPT_STAT_DAYS,
  MOST_STATS_A_DAY,
  OTHERS,
  type Outcome,
  STAT_KEY,
} from './analytics-row.ts';
import { inParts } from './page.ts';
import { columnTypesOf, type Database, type DatabaseTransaction } from './tables.ts';
import { isPostgres, transact } from './transact.ts';

type Stat = Omit<DeploymentStatRow, 'deployments'>;

/** In the words of its index: with parameters no database knows that it holds them all. */
const UNCOUNTED = sql<boolean>`counted is null and state in ('committed', 'rolled-back', 'abandoned', 'inconsistent')`;

export async function addAnalytics(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema.alterTable('deployments').addColumn('counted', integer).execute();
  await sql`create index deployments_uncounted on deployments (instance, record) where ${UNCOUNTED}`.execute(
    db,
  );
  await db.schema
    .createTable('deployment_stats')
    .addColumn('day', text, (c) => c.notNull())
    .addColumn('component', text, (c) => c.notNull())
    .addColumn('version', text, (c) => c.notNull())
    .addColumn('reason', text, (c) => c.notNull())
    .addColumn('outcome', text, (c) => c.notNull())
    .addColumn('step', integer, (c) => c.notNull())
    .addColumn('deployments', integer, (c) => c.notNull())
    .addPrimaryKeyConstraint('deployment_stats_key', STAT_KEY as never)
    .execute();
}

/** Of one transaction: their records are read, and nobody waits for longer. */
const AT_ONCE = 500;

/** Which components there are, and which versions of each, as `core/auth 1.0.1`. */
export interface Known {
  readonly components: ReadonlySet<string>;
  readonly versions: ReadonlySet<string>;
}

/** Counts what has ended since the last time; answers how many deployments those were. Each counts once, whoever counts. */
export async function countEnded(
  db: Database,
  known: Known,
  now: EpochMs,
  signal: AbortSignal,
): Promise<number> {
  let total = 0;
  for (let counted = AT_ONCE; counted === AT_ONCE && !signal.aborted; total += counted) {
    counted = await transact(db, 'committed', (trx) => countPart(trx, known, now));
  }
  return total;
}

async function countPart(trx: DatabaseTransaction, known: Known, now: EpochMs): Promise<number> {
  const rows = await trx
    .selectFrom('deployments')
    .select(['instance', 'record', 'updated_at', 'heard_at', 'body'])
    .where(UNCOUNTED)
    .orderBy('instance')
    .orderBy('record')
    .limit(AT_ONCE)
    .$if(isPostgres(trx), (query) => query.forUpdate().skipLocked())
    .execute();
  const stats = rows.flatMap(({ updated_at, heard_at, body }) => {
    const day = dayOf(updated_at, heard_at, now);
    return day === null ? [] : [...statsOf(JSON.parse(body) as DeploymentRecord, day, known)];
  });
  await addStats(trx, stats);
  for (const part of inParts(rows)) {
    await trx
      .updateTable('deployments')
      .set({ counted: 1 })
      .where((where) =>
        where(
          where.refTuple('instance', 'record'),
          'in',
          part.map(({ instance, record }) => where.tuple(instance, record)),
        ),
      )
      .execute();
  }
  return rows.length;
}

/** A clock that is wrong by years tells no day: then it is the one on which it was heard of. Null: its day is no longer kept. */
function dayOf(ended: string, heard: string | null, now: EpochMs): string | null {
  const at = [ended, heard ?? ''].map((text) => Date.parse(text)).find((one) => isKept(one, now));
  return at === undefined ? null : formatInstantMs(at).slice(0, 10);
}

function isKept(at: EpochMs, now: EpochMs): boolean {
  return at <= now + DAY_MS && at > now - KEPT_STAT_DAYS * DAY_MS;
}

const DAY_MS = 86_400_000;

function* statsOf(record: DeploymentRecord, day: string, known: Known): Generator<Stat> {
  const { reason, stages } = record;
  const outcome = outcomeOf(record);
  const took = Date.parse(stages.at(-1)?.at ?? '') - Date.parse(stages[0]?.at ?? '');
  for (const { component, from, to } of record.steps) {
    const version = (reason.kind === 'rollback' ? from : to) ?? from ?? to ?? OTHERS;
    const isKnown = known.components.has(component);
    yield {
      ...{ day, reason: reason.kind, outcome, step: stepOf(took) },
      component: isKnown ? component : OTHERS,
      version: isKnown && known.versions.has(`${component} ${version}`) ? version : OTHERS,
    };
  }
}

/** By cause: what the machine, the network or a person did is no failure of a release. */
function outcomeOf({ state, failure }: DeploymentRecord): Outcome {
  if (state === 'committed') return 'committed';
  if (failure !== null && isSurroundings(failure.code)) return 'environment';
  return state === 'rolled-back' ? 'rolled-back' : 'failed';
}

async function addStats(trx: DatabaseTransaction, stats: readonly Stat[]): Promise<void> {
  const crowded = await crowdedDays(trx, new Set(stats.map(({ day }) => day)));
  const summed = new Map<string, DeploymentStatRow>();
  for (const stat of stats) {
    const row = crowded.has(stat.day) ? { ...stat, component: OTHERS, version: OTHERS } : stat;
    const key = STAT_KEY.map((column) => row[column]).join('\n');
    summed.set(key, { ...row, deployments: (summed.get(key)?.deployments ?? 0) + 1 });
  }
  // One order for everybody: two batches at once cannot lock each other out.
  const inOrder = [...summed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  for (const part of inParts(inOrder)) {
    await trx
      .insertInto('deployment_stats')
      .values(part)
      .onConflict((conflict) =>
        conflict.columns(STAT_KEY).doUpdateSet({
          deployments: sql<number>`deployment_stats.deployments + excluded.deployments`,
        }),
      )
      .execute();
  }
}

async function crowdedDays(
  trx: DatabaseTransaction,
  days: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  if (days.size === 0) return days;
  const rows = await trx
    .selectFrom('deployment_stats')
    .select('day')
    .where('day', 'in', [...days])
    .groupBy('day')
    .having(sql<number>`count(*)`, '>', MOST_STATS_A_DAY)
    .execute();
  return new Set(rows.map(({ day }) => day));
}

export async function pruneStats(trx: DatabaseTransaction, now: EpochMs): Promise<void> {
  const oldest = formatInstantMs(now - KEPT_STAT_DAYS * DAY_MS).slice(0, 10);
  await trx.deleteFrom('deployment_stats').where('day', '<', oldest).execute();
}
