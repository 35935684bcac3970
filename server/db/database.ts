// Opening the database: the embedded file, brought to today's tables.
import { closeSync, openSync } from 'node:fs';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { FairleadError } from '../../shared/errors/error.ts';
import { isDiskFull, toDiskError } from '../../shared/errors/system-error.ts';
import { MIGRATIONS } from './migrations.ts';
import { createSqliteDialect } from './node-sqlite.ts';
import type { Database, Tables } from './tables.ts';

/** `file` is created when it does not exist. The caller ends with `destroy()`. Errors: server/database-unreadable, disk/full. */
export async function openDatabase(file: string): Promise<Database> {
  try {
    // SQLite would make it readable for everyone; its companion files take the mode of this one.
    closeSync(openSync(file, 'a', 0o600));
    return await open(file);
  } catch (cause) {
    if (isDiskFull(cause)) throw toDiskError(file, cause);
    const problem = cause instanceof Error ? cause.message : 'unknown error';
    throw new FairleadError('server/database-unreadable', { path: file, problem }, { cause });
  }
}

async function open(file: string): Promise<Database> {
  const db = new Kysely<Tables>({ dialect: createSqliteDialect(file) });
  try {
    await migrate(db);
    return db;
  } catch (cause) {
    await db.destroy();
    throw cause;
  }
}

async function migrate(db: Database): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
