// The fleet in numbers for Prometheus: one look at the instances, and what reports and jobs have counted already.
import { sql } from 'kysely';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { decision } from '../../shared/schema/decision.ts';
import { countStandings } from './fleet-standings.ts';
import { IN_SERVICE } from './instances.ts';
import type { Database, DatabaseTransaction } from './tables.ts';

/** In seconds: a heartbeat, an hour, a day. */
export const HEARD_WITHIN = [1_800, 3_600, 86_400] as const;
const VERDICTS = decision.shape.verdict.options;

export interface InstanceNumbers {
  readonly verdicts: readonly (readonly [verdict: string, count: number])[];
  readonly heard: readonly (readonly [within: number, count: number])[];
  readonly unhealthy: number;
  /** From 0 to 1. */
  readonly compliance: number;
}

export async function readInstanceNumbers(db: Database, now: EpochMs): Promise<InstanceNumbers> {
  const counts: Readonly<Record<string, unknown>> = await db
    .selectFrom('instances')
    .where(IN_SERVICE)
    .select((each) => [
      ...VERDICTS.map((verdict) => each.fn.countAll().filterWhere('verdict', '=', verdict).as(verdict)),
      ...HEARD_WITHIN.map((seconds) =>
        each.fn
          .countAll()
          .filterWhere('last_seen', '>', formatInstantMs(now - seconds * 1_000))
          .as(`heard ${seconds}`),
      ),
      each.fn.countAll().filterWhere('unhealthy', '>', 0).as('unhealthy'),
    ])
    .executeTakeFirstOrThrow();
  const verdicts = VERDICTS.map((verdict) => [verdict, Number(counts[verdict])] as const);
  const { complies, violates } = await countStandings(db, now);
  return {
    verdicts,
    heard: HEARD_WITHIN.map((seconds) => [seconds, Number(counts[`heard ${seconds}`])] as const),
    unhealthy: Number(counts['unhealthy']),
    compliance: complies + violates === 0 ? 1 : complies / (complies + violates),
  };
}

export interface WebhookNumbers {
  readonly name: string;
  readonly waiting: number;
  readonly dropped: number;
  readonly isFailing: boolean;
}

export async function readWebhookNumbers(db: Database): Promise<readonly WebhookNumbers[]> {
  const rows = await db
    .selectFrom('webhooks as w')
    .leftJoin('receivers as r', 'r.id', 'w.id')
    .select(['w.name', 'w.disabled_why', 'r.failing_since', 'r.dropped'])
    .select((each) =>
      each
        .selectFrom('deliveries as d')
        .whereRef('d.receiver', '=', 'w.id')
        .where('d.state', '=', 'waiting')
        .select((select) => select.fn.countAll().as('waiting'))
        .as('waiting'),
    )
    .execute();
  return rows.map(({ name, waiting, dropped, failing_since, disabled_why }) => ({
    ...{ name, waiting: Number(waiting ?? 0), dropped: Number(dropped ?? 0) },
    isFailing: failing_since !== null || disabled_why !== null,
  }));
}

/** In the transaction of what they count, in one order: two that count the same do not wait for each other in a ring. */
export async function addToTallies(
  trx: DatabaseTransaction,
  increments: ReadonlyMap<string, number>,
): Promise<void> {
  if (increments.size === 0) return;
  const rows = [...increments].map(([series, value]) => ({ series, value }));
  await trx
    .insertInto('tallies')
    .values(rows.toSorted((a, b) => (a.series < b.series ? -1 : 1)))
    .onConflict((conflict) =>
      conflict.column('series').doUpdateSet({ value: sql<number>`tallies.value + excluded.value` }),
    )
    .execute();
}

/** Bounded by what counts: no series is named by an agent. */
export async function readTallies(db: Database): Promise<(series: string) => number> {
  const rows = await db.selectFrom('tallies').selectAll().execute();
  const values = new Map(rows.map(({ series, value }) => [series, Number(value)]));
  return (series) => values.get(series) ?? 0;
}
