// PostgreSQL's own archive of its log, as far as that tells everybody who asks: whether it keeps up.
import { sql } from 'kysely';
import { durationMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { Database } from './tables.ts';
import { isPostgres } from './transact.ts';

export interface Archive {
  /** Since when nothing was archived; a server writes all the time, so that `archive_timeout` bounds it. */
  readonly ageMs: number;
  /** Which part the last attempt failed on. */
  readonly failed: string | null;
}

/** Twice as long as providers take that archive every five minutes. */
const LATE_MS = durationMs('PT10M');

/** Null for a fleet in a file, and where `archive_mode` is off. */
export async function readArchive(db: Database): Promise<Archive | null> {
  if (!isPostgres(db)) return null;
  // A cluster that was just started had no time to archive anything, and one that crashed has forgotten what it did.
  const { rows } = await sql<{ readonly mode: string; readonly age: string; readonly failed: string | null }>`
    select current_setting('archive_mode') as mode,
      extract(epoch from clock_timestamp()
        - greatest(coalesce(last_archived_time, stats_reset), pg_postmaster_start_time())) as age,
      case when last_failed_time > coalesce(last_archived_time, '-infinity')
        then last_failed_wal end as failed
    from pg_stat_archiver`.execute(db);
  const [row] = rows;
  if (row === undefined || row.mode === 'off') return null;
  return { ageMs: Math.max(0, Number(row.age) * 1_000), failed: row.failed };
}

/** Error: backup/archive-late. */
export async function verifyArchive(db: Database): Promise<void> {
  const archive = await readArchive(db);
  if (archive === null || archive.ageMs < LATE_MS) return;
  const minutes = Math.floor(archive.ageMs / 60_000);
  throw new FairleadError('backup/archive-late', { minutes, failed: archive.failed });
}
