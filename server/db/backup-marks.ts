// What the server remembers of its backups: one row for each thing that happens again and again, so that every process and command knows of the last time.
import type { Kysely } from 'kysely';
import type { Restores } from '../../shared/protocol/receipt.ts';
import { columnTypesOf, type Database, type DatabaseTransaction } from './tables.ts';

export async function addBackupMarks(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema
    .createTable('backup_marks')
    .addColumn('name', text, (c) => c.primaryKey())
    .addColumn('value', text, (c) => c.notNull())
    .execute();
}

/** Instants are RFC 3339. */
export interface BackupMarks {
  /** The last backup that is whole. */
  readonly backup: { readonly at: string; readonly tookMs: number; readonly bytes: number };
  /** Since when backups fail, and of what. */
  readonly failed: { readonly since: string; readonly problem: string };
  /** Since when PostgreSQL archives nothing. */
  readonly archive: { readonly since: string; readonly problem: string };
  /** Up to which entry the audit log is at the place. */
  readonly log: { readonly count: number };
  /** The newest restores: receipts explain by them what installs saw of the log and is gone. */
  readonly restores: Restores;
  /** The last drill; null in place of what it did not get to measure. */
  readonly drill: {
    readonly at: string;
    readonly rpoMs: number;
    readonly rtoMs: number | null;
    readonly problem: string | null;
  };
}

export async function readBackupMark<Name extends keyof BackupMarks>(
  db: Database,
  name: Name,
): Promise<BackupMarks[Name] | null> {
  const row = await db.selectFrom('backup_marks').select('value').where('name', '=', name).executeTakeFirst();
  return row === undefined ? null : (JSON.parse(row.value) as BackupMarks[Name]);
}

export async function writeBackupMark<Name extends keyof BackupMarks>(
  db: Database | DatabaseTransaction,
  name: Name,
  mark: BackupMarks[Name],
): Promise<void> {
  const value = JSON.stringify(mark);
  await db
    .insertInto('backup_marks')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}

export async function clearBackupMark(
  db: Database | DatabaseTransaction,
  name: keyof BackupMarks,
): Promise<void> {
  await db.deleteFrom('backup_marks').where('name', '=', name).execute();
}
