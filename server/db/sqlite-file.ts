// One connection to the embedded file: durable at every commit, each statement prepared once.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

const BUSY_TIMEOUT_MS = 5_000;
const RETRY_MS = 10;
/** https://sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;
/** The queries of the program are fewer; those made of long lists differ and would fill it. */
const PREPARED = 200;

export interface SqliteAnswer {
  readonly rows: Record<string, unknown>[];
  /** Null for what reads. */
  readonly changes: number | null;
}

export interface SqliteFile {
  run(sql: string, parameters: readonly unknown[]): SqliteAnswer;
  close(): void;
}

/** Opens or creates the file. Readers never wait for a writer; a commit that returned survives a power cut. */
export function openSqliteFile(file: string): SqliteFile {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  keepWriteAheadLog(database);
  database.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
  const prepared = new Map<string, StatementSync>();

  function prepare(sql: string): StatementSync {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    // A transaction that reads before it writes would otherwise fail when another process wrote in between.
    const statement = database.prepare(sql === 'begin' ? 'begin immediate' : sql);
    if (prepared.size >= PREPARED) prepared.delete(prepared.keys().next().value ?? '');
    prepared.set(sql, statement);
    return statement;
  }

  return {
    run: (sql, parameters) => {
      const statement = prepare(sql);
      const values = parameters as SQLInputValue[];
      if (statement.columns().length > 0) return { rows: statement.all(...values), changes: null };
      return { rows: [], changes: Number(statement.run(...values).changes) };
    },
    close: () => database.close(),
  };
}

/** Of connections that open a new file at once one changes its mode; the others SQLite sends away at once, whatever the timeout. */
function keepWriteAheadLog(database: DatabaseSync): void {
  const deadline = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      database.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (cause) {
      if ((cause as { readonly errcode?: unknown }).errcode !== SQLITE_BUSY || performance.now() > deadline)
        throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
