// How the fleet stood, hour by hour and day by day: who was exposed, who complied with its policy, which versions ran.
import { type Kysely, sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { SAMPLE_KINDS, type SampleKind } from '../../shared/protocol/analytics.ts';
import { type FleetSampleRow, KEPT_SAMPLE_DAYS, KEPT_SAMPLE_HOURS, MOST_VERSIONS } from './analytics-row.ts';
import { elementsOf, inParts } from './page.ts';
import { columnTypesOf, type Database, type DatabaseTransaction } from './tables.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export async function addSamples(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('fleet_samples')
    .addColumn('at', text, (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('instances', integer, (c) => c.notNull())
    .addPrimaryKeyConstraint('fleet_samples_key', ['kind', 'name', 'at'])
    .execute();
  await db.schema.createIndex('fleet_samples_by_time').on('fleet_samples').column('at').execute();
}

export type Counts = Readonly<Record<string, number>>;

export interface FleetSample {
  readonly exposed: Counts;
  readonly standing: Counts;
  readonly running: Counts;
}

/** A component and one version of it. */
export type VersionPair = readonly [component: string, version: string];

/** Instances that run any of these. */
export async function countRunningAny(db: Database, pairs: readonly VersionPair[]): Promise<number> {
  if (pairs.length === 0) return 0;
  const { total } = await db
    .selectFrom('instance_components as c')
    .select(sql<number>`count(distinct c.instance)`.as('total'))
    .where(
      sql<boolean>`(c.component, c.version) in (select pair.value->>0, pair.value->>1 from ${elementsOf(db, pairs)} as pair)`,
    )
    .executeTakeFirstOrThrow();
  return Number(total);
}

/** The versions that most instances run. */
export async function countVersions(db: Database): Promise<Counts> {
  const rows = await db
    .selectFrom('running_versions')
    .select(['component', 'version', sql<number>`sum(instances)`.as('instances')])
    .groupBy(['component', 'version'])
    .having(sql<number>`sum(instances)`, '>', 0)
    .orderBy('instances', 'desc')
    .orderBy('component')
    .orderBy('version')
    .limit(MOST_VERSIONS)
    .execute();
  return Object.fromEntries(
    rows.map(({ component, version, instances }) => [`${component} ${version}`, Number(instances)]),
  );
}

/** What the fleet is like now takes the place of what it was like earlier in this hour, and of which versions ran today. */
export async function keepSample(trx: DatabaseTransaction, sample: FleetSample, now: EpochMs): Promise<void> {
  const hour = formatInstantMs(now - (now % HOUR_MS));
  const day = formatInstantMs(now - (now % DAY_MS));
  const rows = SAMPLE_KINDS.flatMap((kind) =>
    Object.entries(sample[kind]).map(([name, instances]): FleetSampleRow => {
      return { at: kind === 'running' ? day : hour, kind, name, instances };
    }),
  );
  await trx.deleteFrom('fleet_samples').where('at', '=', day).where('kind', '=', 'running').execute();
  for (const part of inParts(rows)) {
    await trx
      .insertInto('fleet_samples')
      .values(part)
      .onConflict((conflict) =>
        conflict.columns(['kind', 'name', 'at']).doUpdateSet({
          instances: sql<number>`excluded.instances`,
        }),
      )
      .execute();
  }
  await pruneSamples(trx, now);
}

async function pruneSamples(trx: DatabaseTransaction, now: EpochMs): Promise<void> {
  await trx
    .deleteFrom('fleet_samples')
    .where('at', '<', formatInstantMs(now - KEPT_SAMPLE_DAYS * DAY_MS))
    .execute();
  await trx
    .deleteFrom('fleet_samples')
    .where('at', '<', formatInstantMs(now - KEPT_SAMPLE_HOURS * HOUR_MS))
    .where('kind', '<>', 'running')
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('fleet_samples as later')
          .select('later.at')
          .whereRef('later.kind', '=', 'fleet_samples.kind')
          .whereRef('later.name', '=', 'fleet_samples.name')
          .whereRef('later.at', '>', 'fleet_samples.at')
          .where(sql<boolean>`later.at < substr(fleet_samples.at, 1, 10) || 'U'`),
      ),
    )
    .execute();
}

/** Behind every instant of a day: `T` and what follows it is less. */
const endOf = (day: string) => `${day}U`;

export interface SampleQuestion {
  readonly kind: SampleKind;
  /** The first and the last day, as `2026-11-29`. */
  readonly from: string;
  readonly to: string;
  /** All unless given. */
  readonly name?: string | undefined;
  readonly limit: number;
}

/** The newest, oldest first, and whether there are older ones. */
export async function listSamples(
  db: Database,
  { kind, from, to, name, limit }: SampleQuestion,
): Promise<{ readonly samples: readonly FleetSampleRow[]; readonly more: boolean }> {
  const rows = await db
    .selectFrom('fleet_samples')
    .selectAll()
    .where('kind', '=', kind)
    .$if(name !== undefined, (query) => query.where('name', '=', name ?? ''))
    .where('at', '>=', from)
    .where('at', '<', endOf(to))
    .orderBy('at', 'desc')
    .orderBy('name', 'desc')
    .limit(limit + 1)
    .execute();
  return { samples: rows.slice(0, limit).toReversed(), more: rows.length > limit };
}
