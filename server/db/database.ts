// Opening the database: the embedded file, brought to today's tables.
import { closeSync, openSync } from 'node:fs';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { FairleadError } from '../../shared/errors/error.ts';
import { isDiskFull, toDiskError } from '../../shared/errors/system-error.ts';
import { MIGRATIONS } from './migrations.ts';
import { createSqliteDialect } from './node-sqlite.ts';
import type { Database, Tables } from './tables.ts';
import { createThreadedDialect } from './threaded-sqlite.ts';

/** Where queries run: beside the caller, who serves others meanwhile, or in its own thread, for a command. */
export type Place = 'beside' | 'inline';

/** `file` is created when it does not exist. The caller ends with `destroy()`. Errors: server/database-unreadable, disk/full. */
export async function openDatabase(file: string, place: Place = 'inline'): Promise<Database> {
  try {
    // SQLite would make it readable for everyone; its companion files take the mode of this one.
    closeSync(openSync(file, 'a', 0o600));
    return await open(file, place);
  } catch (cause) {
    if (isDiskFull(cause)) throw toDiskError(file, cause);
    const problem = cause instanceof Error ? cause.message : 'unknown error';
    throw new FairleadError('server/database-unreadable', { path: file, problem }, { cause });
  }
}

async function open(file: string, place: Place): Promise<Database> {
  const dialect = place === 'beside' ? createThreadedDialect(file) : createSqliteDialect(file);
  const db = new Kysely<Tables>({ dialect });
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
