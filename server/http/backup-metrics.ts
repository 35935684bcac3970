// Numbers about backups for Prometheus: how old the last one is, whether they fail, and what the last drill found.
import { Gauge, type Registry } from 'prom-client';
import { instantMs } from '../../shared/encoding/instant.ts';
import type { Context } from '../context.ts';
import { readAuditHead } from '../db/audit-chain.ts';
import { type BackupMarks, readBackupMark } from '../db/backup-marks.ts';
import type { Database } from '../db/tables.ts';

/** Nothing where no backups are kept: a number that stands still would look like one that was forgotten. */
export function observeBackups(registry: Registry, { db, backups }: Context): void {
  if (backups === null) return;
  for (const [name, help, read] of NUMBERS) {
    const gauge: Gauge = new Gauge({
      name: `fairlead_backup_${name}`,
      help,
      registers: [registry],
      async collect() {
        const value = await read(db);
        if (value === null) gauge.remove();
        else gauge.set(value);
      },
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

const NUMBERS: readonly (readonly [name: string, help: string, read: Read])[] = [
  [
    'last_success_timestamp_seconds',
    'When the last whole backup was made',
    of('backup', ({ at }) => instantMs(at) / 1000),
  ],
  ['duration_seconds', 'How long the last backup took', of('backup', ({ tookMs }) => tookMs / 1000)],
  ['size_bytes', 'What the last copy of the database takes, sealed', of('backup', ({ bytes }) => bytes)],
  ['failing', '1 while backups fail', async (db) => ((await readBackupMark(db, 'failed')) === null ? 0 : 1)],
  [
    'log_behind',
    'Entries of the audit log that are not at the place of the backups yet',
    async (db) => {
      const [head, sent] = await Promise.all([readAuditHead(db), readBackupMark(db, 'log')]);
      return Math.max(0, head.count - (sent?.count ?? 0));
    },
  ],
  ['drill_timestamp_seconds', 'When a restore was tried last', of('drill', ({ at }) => instantMs(at) / 1000)],
  [
    'drill_failed',
    '1 where the last try did not succeed',
    of('drill', ({ problem }) => (problem === null ? 0 : 1)),
  ],
  [
    'drill_rpo_seconds',
    'What the last drill would have lost, in time',
    of('drill', ({ rpoMs }) => rpoMs / 1000),
  ],
  [
    'drill_rto_seconds',
    'How long the last drill took until the restored server was proved',
    of('drill', ({ rtoMs }) => (rtoMs === null ? null : rtoMs / 1000)),
  ],
];
