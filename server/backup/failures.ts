// What is told where backups fail: a mark for everybody who asks, and an event once, for as long as it lasts.
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { isFairleadError } from '../../shared/errors/error.ts';
import { verifyArchive } from '../db/archive.ts';
import { clearBackupMark, readBackupMark, writeBackupMark } from '../db/backup-marks.ts';
import { appendEvents } from '../db/events.ts';
import type { Database } from '../db/tables.ts';
import { transact } from '../db/transact.ts';

interface Telling {
  readonly db: Database;
  readonly now: () => EpochMs;
}

/** `subject` is what no backup reaches. True where nobody had noted it before. */
export async function noteFailure(
  { db, now }: Telling,
  mark: 'failed' | 'archive',
  subject: string,
  error: unknown,
): Promise<boolean> {
  const problem = error instanceof Error ? error.message : String(error);
  const at = now();
  return await transact(db, 'serializable', async (trx) => {
    const before = await readBackupMark(trx, mark);
    await writeBackupMark(trx, mark, { since: before?.since ?? formatInstantMs(at), problem });
    if (before !== null) return false;
    const event = { kind: 'backup.failed', instance: null, actor: 'server', subject } as const;
    await appendEvents(trx, [{ ...event, details: { problem } }], at);
    return true;
  });
}

/** A fleet in PostgreSQL is as safe as that one's archive. Answers what nobody had noted before. Errors: server/database-*. */
export async function lookAtArchive(telling: Telling): Promise<unknown> {
  try {
    await verifyArchive(telling.db);
    if ((await readBackupMark(telling.db, 'archive')) !== null) await clearBackupMark(telling.db, 'archive');
    return null;
  } catch (error) {
    if (!isFairleadError(error, 'backup/archive-late')) throw error;
    return (await noteFailure(telling, 'archive', 'the archive of PostgreSQL', error)) ? error : null;
  }
}
