// The time that all processes on one database go by: its own, so that one whose clock is wrong refuses nobody and signs nothing strange.
import { sql } from 'kysely';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { Database } from './tables.ts';
import { isPostgres } from './transact.ts';

const COMPARE_MS = 10_000;

/** With the embedded file it is the machine's. Error: server/database-away. */
export async function databaseClock(db: Database): Promise<() => EpochMs> {
  if (!isPostgres(db)) return Date.now;
  let ahead = await compare(db);
  const again = () =>
    compare(db).then(
      (found) => {
        ahead = found;
      },
      // Until it answers again the last comparison holds: no clock of ours was moved in between, only that of the machine.
      () => undefined,
    );
  setInterval(again, COMPARE_MS).unref();
  return () => Math.round(performance.now() + ahead);
}

/** How far the database's clock is ahead of one that nobody can move. */
async function compare(db: Database): Promise<number> {
  const asked = performance.now();
  const { rows } = await sql<{ readonly at: number }>`
    select extract(epoch from clock_timestamp()) * 1000 as at`.execute(db);
  const answered = performance.now();
  return Number(rows[0]?.at) - (asked + answered) / 2;
}
