// Kysely on Node's own SQLite: durable at every commit, and no native add-on to install.
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type Dialect, SqliteAdapter, SqliteDialect, type SqliteStatement } from 'kysely';

const BUSY_TIMEOUT_MS = 5_000;

/** Opens or creates the file. Readers never wait for a writer; a commit that returned survives a power cut. */
export function createSqliteDialect(file: string): Dialect {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
  const kysely = new SqliteDialect({
    database: { prepare: (sql) => prepare(database, sql), close: () => database.close() },
  });
  return {
    createDriver: () => kysely.createDriver(),
    createQueryCompiler: () => kysely.createQueryCompiler(),
    createIntrospector: (db) => kysely.createIntrospector(db),
    createAdapter: () => new TransactionalAdapter(),
  };
}

/** SQLite changes tables inside transactions: a server killed while it migrates finds the old tables or the new. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

function prepare(database: DatabaseSync, sql: string): SqliteStatement {
  // A transaction that reads before it writes would otherwise fail when another process wrote in between.
  const statement = database.prepare(sql === 'begin' ? 'begin immediate' : sql);
  return {
    reader: statement.columns().length > 0,
    all: (values) => statement.all(...(values as SQLInputValue[])),
    run: (values) => statement.run(...(values as SQLInputValue[])),
    iterate: (values) => statement.iterate(...(values as SQLInputValue[])),
  };
}
