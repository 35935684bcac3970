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
import { openSqliteFile, type SqliteAnswer } from './sqlite-file.ts';

type Run = (sql: string, parameters: readonly unknown[]) => SqliteAnswer | Promise<SqliteAnswer>;

/** In this thread: simple, and every query stops everything else. For commands, and for tests. */
export function createSqliteDialect(file: string): Dialect {
  const opened = openSqliteFile(file);
  const connection = createConnection(opened.run);
  return createDialect(false, {
    ...transactions,
    init: async () => undefined,
    acquireConnection: async () => connection,
    releaseConnection: async () => undefined,
    destroy: async () => opened.close(),
  });
}

/** `many` connections side by side, or one whose users take turns. */
export function createDialect(many: boolean, driver: Driver): Dialect {
  return {
    createDriver: () => driver,
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createAdapter: () => new TransactionalAdapter(many),
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
  readonly #many: boolean;

  constructor(many: boolean) {
    super();
    this.#many = many;
  }

  override get supportsTransactionalDdl(): boolean {
    return true;
  }

  override get supportsMultipleConnections(): boolean {
    return this.#many;
  }
}

async function execute(connection: DatabaseConnection, sql: string): Promise<void> {
  await connection.executeQuery(CompiledQuery.raw(sql));
}
