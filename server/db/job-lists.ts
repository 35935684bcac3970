// Jobs, read: what there is to do, what fails, and since when something should have been done.
import { sql } from 'kysely';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import type { JOB_STATES, JobModel } from '../../shared/protocol/jobs.ts';
import { cutPart, type Page, type Part } from './page.ts';
import type { Database, JobRow } from './tables.ts';

/** Its id. */
export type JobKey = readonly [string];

export async function listJobs(
  db: Database,
  { limit, after }: Page<JobKey>,
  now: EpochMs,
): Promise<Part<JobModel, JobKey>> {
  const rows = await db
    .selectFrom('jobs')
    .selectAll()
    .$if(after !== null, (query) => query.where('id', '>', after?.[0] ?? ''))
    .orderBy('id')
    .limit(limit + 1)
    .execute();
  const { entries, next } = cutPart(
    rows,
    limit,
    (row) => JSON.stringify(row).length,
    ({ id }): JobKey => [id],
  );
  return { entries: entries.map((row) => modelOf(row, now)), next };
}

function modelOf(row: JobRow, now: EpochMs): JobModel {
  const { id, kind, subject, due_at, last_error, given_up_at } = row;
  const state = stateOf(row, now);
  return {
    ...{ id, kind, subject, state, due_at, last_error, given_up_at },
    attempts: Number(row.attempts),
    running_on: state === 'running' ? row.leased_by : null,
  };
}

function stateOf(row: JobRow, now: EpochMs): (typeof JOB_STATES)[number] {
  if (row.given_up_at !== null) return 'given-up';
  if (row.leased_until !== null && row.leased_until > formatInstantMs(now)) return 'running';
  return row.last_error === null ? 'waiting' : 'failing';
}

export interface JobCounts {
  readonly kind: string;
  /** Whose last attempt failed. */
  readonly failing: number;
  readonly givenUp: number;
  /** How long the oldest is due; 0 while nothing is. */
  readonly overdueMs: number;
}

/** By kind. */
export async function countJobs(db: Database, now: EpochMs): Promise<readonly JobCounts[]> {
  const rows = await db
    .selectFrom('jobs')
    .select((select) => [
      'kind',
      sql<number>`sum(case when last_error is not null and given_up_at is null then 1 else 0 end)`.as(
        'failing',
      ),
      select.fn.count('given_up_at').as('given_up'),
      sql<string | null>`min(case when given_up_at is null then due_at end)`.as('first_due'),
    ])
    .groupBy('kind')
    .orderBy('kind')
    .execute();
  return rows.map(({ kind, failing, given_up, first_due }) => ({
    kind,
    failing: Number(failing),
    givenUp: Number(given_up),
    overdueMs: first_due === null ? 0 : Math.max(0, now - instantMs(first_due)),
  }));
}
