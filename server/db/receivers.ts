// How it goes with each receiver: it rests after failures, for longer each time, and once it has taken nothing for days it is left alone.
import { durationMs, type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { type Outcome, recordOutcomes } from './deliveries.ts';
import type { Database } from './tables.ts';
import { transact } from './transact.ts';
import { disableWebhook } from './webhooks.ts';

/** So many in a row, and all that waits waits: a receiver that is down is asked now and then, with one message. */
const FAILURES_BEFORE_REST = 3;
const REST_MS = [10_000, 30_000, 60_000, 2 * 60_000, 5 * 60_000, 10 * 60_000] as const;
export const LONGEST_REST_MS = REST_MS[REST_MS.length - 1] ?? 0;
/** Then the server disables it. */
export const FAILING_FOR_MS = durationMs('P5D');

/** Of one message that some receiver does not take, while it takes others. */
const PAUSES_MS = ['PT10S', 'PT1M', 'PT5M', 'PT30M', 'PT2H', 'PT5H', 'PT10H', 'PT14H', 'PT20H'].map(
  durationMs,
);

/** `chance` from 0 to 1: many that failed at one moment do not come back at one moment. */
export function pauseBefore(attempt: number, chance: number): number {
  return jittered(PAUSES_MS[Math.min(attempt, PAUSES_MS.length) - 1] ?? 0, chance);
}

function restAfter(failures: number, chance: number): number {
  const steps = failures - FAILURES_BEFORE_REST;
  return steps < 0 ? 0 : jittered(REST_MS[Math.min(steps, REST_MS.length - 1)] ?? 0, chance);
}

function jittered(ms: number, chance: number): number {
  return Math.round(ms * (0.8 + 0.4 * chance));
}

/** How many attempts in a row have failed. */
export async function countFailures(db: Database, receiver: string): Promise<number> {
  const row = await db
    .selectFrom('receivers')
    .select('failures')
    .where('id', '=', receiver)
    .executeTakeFirst();
  return Number(row?.failures ?? 0);
}

export interface Round {
  readonly receiver: string;
  readonly outcomes: readonly Outcome[];
  /** The receiver asks to be left alone for so long. */
  readonly restMs: number;
  /** From 0 to 1. */
  readonly chance: number;
}

/** What came of attempts that were made together; answers whether the receiver may be asked again now. */
export async function concludeRound(db: Database, round: Round, now: EpochMs): Promise<boolean> {
  const { receiver, outcomes } = round;
  return await transact(db, 'committed', async (trx) => {
    await recordOutcomes(trx, receiver, outcomes, now);
    const before = await trx
      .selectFrom('receivers')
      .select(['failures', 'failing_since'])
      .where('id', '=', receiver)
      .executeTakeFirst();
    const standing = standingAfter(round, before ?? NEW, now);
    await trx
      .insertInto('receivers')
      .values({ id: receiver, dropped: 0, ...standing })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(standing))
      .execute();
    const why = whyDisabled(outcomes, standing.failing_since, now);
    if (why !== null) await disableWebhook(trx, receiver, why, now);
    return why === null && standing.rest_until === null;
  });
}

const NEW = { failures: 0, failing_since: null };

function standingAfter(
  { outcomes, restMs, chance }: Round,
  before: { readonly failures: number; readonly failing_since: string | null },
  now: EpochMs,
) {
  const failed = outcomes.filter(({ verdict }) => verdict !== 'arrived').length;
  const hasArrived = failed < outcomes.length;
  const failures = hasArrived ? 0 : Number(before.failures) + failed;
  const rest = Math.max(restMs, restAfter(failures, chance));
  return {
    failures,
    failing_since: hasArrived ? null : (before.failing_since ?? formatInstantMs(now)),
    rest_until: rest === 0 ? null : formatInstantMs(now + rest),
  };
}

function whyDisabled(outcomes: readonly Outcome[], failingSince: string | null, now: EpochMs): string | null {
  if (outcomes.some(({ verdict }) => verdict === 'gone'))
    return 'the receiver says that it is gone for good (410)';
  if (failingSince === null || Date.parse(failingSince) + FAILING_FOR_MS > now) return null;
  // One relay that is down would silence everybody who is told by mail.
  if (outcomes.every(({ verdict }) => verdict === 'unsent')) return null;
  return `nothing has arrived since ${failingSince}`;
}
