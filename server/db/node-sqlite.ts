// Kysely on Node's own SQLite: no native add-on to install.
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { openSqliteFile, type SqliteAnswer, type SqliteFile } from './sqlite-file.ts';
import type { Database } from './tables.ts';

type Run = (sql: string, parameters: readonly unknown[]) => SqliteAnswer | Promise<SqliteAnswer>;

/** In this thread: simple, and every query stops everything else. For commands, and for tests. */
export function createSqliteDialect(file: string): Dialect {
  return dialectOf(openSqliteFile(file));
}

/** Over a connection that is open, in the thread that opened it. */
export function dialectOf(opened: SqliteFile): Dialect {
  const connection = createConnection(opened.run);
  return createDialect(null, {
    ...transactions,
    init: async () => undefined,
    acquireConnection: async () => connection,
    releaseConnection: async () => undefined,
    destroy: async () => opened.close(),
  });
}

/** A whole piece of work for the thread that writes: it is asked once, where each statement of a transaction would be a question of its own. */
export type Writer = (work: readonly unknown[]) => Promise<unknown>;

/** With a `writer` there are many connections side by side, without one a single one whose users take turns. */
export function createDialect(writer: Writer | null, driver: Driver): Dialect {
  return {
    createDriver: () => driver,
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createAdapter: () => new TransactionalAdapter(writer),
  };
}

export const transactions = {
  beginTransaction: (connection: DatabaseConnection) => execute(connection, 'begin'),
  commitTransaction: (connection: DatabaseConnection) => execute(connection, 'commit'),
  rollbackTransaction: (connection: DatabaseConnection) => execute(connection, 'rollback'),
};

export function createConnection(run: Run): DatabaseConnection {
  return {
    executeQuery: async <Row>({ sql, parameters }: CompiledQuery) => {
      const { rows, changes } = await run(sql, parameters);
      return {
        rows: rows as Row[],
        ...(changes === null ? {} : { numAffectedRows: BigInt(changes) }),
      };
    },
    streamQuery: () => {
      throw new Error('lists are read in parts, not streamed');
    },
  };
}

/** SQLite changes tables inside transactions: a server killed while it migrates finds the old tables or the new. */
class TransactionalAdapter extends SqliteAdapter {
  readonly writer: Writer | null;

  constructor(writer: Writer | null) {
    super();
    this.writer = writer;
  }

  override get supportsTransactionalDdl(): boolean {
    return true;
  }

  override get supportsMultipleConnections(): boolean {
    return this.writer !== null;
  }
}

/** Null where the caller's own thread writes, or another program does. */
export function writerOf(db: Database): Writer | null {
  const { adapter } = db.getExecutor();
  return adapter instanceof TransactionalAdapter ? adapter.writer : null;
}

async function execute(connection: DatabaseConnection, sql: string): Promise<void> {
  await connection.executeQuery(CompiledQuery.raw(sql));
}
