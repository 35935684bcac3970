// Numbers about backups for Prometheus: how old the last one is, whether they fail, and what the last drill found.
import { instantMs } from '../../shared/encoding/instant.ts';
import type { Context } from '../context.ts';
import { readArchive } from '../db/archive.ts';
import { readAuditHead } from '../db/audit-chain.ts';
import { type BackupMarks, readBackupMark } from '../db/backup-marks.ts';
import type { Database } from '../db/tables.ts';
import type { MetricName, Watch } from './metric-table.ts';

/** Nothing where no backups are kept: a number that stands still would look like one that was forgotten. */
export function observeBackups(watch: Watch, { db, backups }: Context): void {
  if (backups === null) return;
  for (const [name, read] of NUMBERS) {
    watch(name, async (say) => {
      const value = await read(db);
      if (value !== null) say(value);
    });
  }
}

type Read = (db: Database) => Promise<number | null>;

/** Null where there is none yet. */
const of =
  <Name extends keyof BackupMarks>(name: Name, value: (mark: BackupMarks[Name]) => number | null): Read =>
  async (db) => {
    const mark = await readBackupMark(db, name);
    return mark === null ? null : value(mark);
  };

const NUMBERS: readonly (readonly [name: MetricName, read: Read])[] = [
  ['fairlead_backup_last_success_timestamp_seconds', of('backup', ({ at }) => instantMs(at) / 1000)],
  ['fairlead_backup_duration_seconds', of('backup', ({ tookMs }) => tookMs / 1000)],
  ['fairlead_backup_size_bytes', of('backup', ({ bytes }) => bytes)],
  ['fairlead_backup_failing', async (db) => ((await readBackupMark(db, 'failed')) === null ? 0 : 1)],
  [
    'fairlead_backup_log_behind',
    async (db) => {
      const [head, sent] = await Promise.all([readAuditHead(db), readBackupMark(db, 'log')]);
      return Math.max(0, head.count - (sent?.count ?? 0));
    },
  ],
  [
    'fairlead_backup_archive_age_seconds',
    async (db) => {
      const archive = await readArchive(db);
      return archive === null ? null : archive.ageMs / 1000;
    },
  ],
  ['fairlead_backup_drill_timestamp_seconds', of('drill', ({ at }) => instantMs(at) / 1000)],
  ['fairlead_backup_drill_failed', of('drill', ({ problem }) => (problem === null ? 0 : 1))],
  ['fairlead_backup_drill_rpo_seconds', of('drill', ({ rpoMs }) => rpoMs / 1000)],
  ['fairlead_backup_drill_rto_seconds', of('drill', ({ rtoMs }) => (rtoMs === null ? null : rtoMs / 1000))],
];
