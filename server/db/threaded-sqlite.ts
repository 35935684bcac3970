// The embedded file in threads of its own: a lock that is held, a disk that hangs and a long query stop no other request.

import type { DatabaseConnection, Dialect } from 'kysely';
import { startThread } from '../../shared/node/thread.ts';
import { createTurns, type InTurn } from '../../shared/node/turns.ts';
import { createConnection, createDialect, transactions, type Writer } from './node-sqlite.ts';
import type { Received } from './reports.ts';
import type { SqliteAnswer } from './sqlite-file.ts';
import type { Answered, Asked } from './sqlite-worker.ts';

/** One thread reads what was committed, the other writes: whoever reads never waits for a writer. */
export function createThreadedDialect(file: string): Dialect {
  const [reader, writer] = [startConnection(file), startConnection(file)];
  const [read, write] = [reader, writer].map(({ ask }) =>
    createConnection(async (sql, parameters) => (await ask({ sql, parameters })) as SqliteAnswer),
  ) as [DatabaseConnection, DatabaseConnection];
  const inTurn = createTurns();
  const writeBatch: Writer = (batch) => inTurn(() => writer.ask({ batch: batch as readonly Received[] }));
  // Who is in a transaction, and how its turn ends. Which thread answers is known only once one begins.
  const turns = new WeakMap<DatabaseConnection, () => void>();

  function leave(connection: DatabaseConnection): void {
    turns.get(connection)?.();
    turns.delete(connection);
  }

  return createDialect(writeBatch, {
    init: async () => undefined,
    acquireConnection: async () => {
      const connection: DatabaseConnection = {
        ...read,
        executeQuery: (query) => (turns.has(connection) ? write : read).executeQuery(query),
      };
      return connection;
    },
    beginTransaction: async (connection) => {
      turns.set(connection, await takeTurn(inTurn));
      await transactions.beginTransaction(write);
    },
    // One that fails is rolled back next: until then the turn is not over.
    commitTransaction: () => transactions.commitTransaction(write),
    rollbackTransaction: () => transactions.rollbackTransaction(write),
    releaseConnection: async (connection) => leave(connection),
    destroy: async () => {
      await Promise.all([reader.stop(), writer.stop()]);
    },
  });
}

/** Waits for a turn and answers how it ends. */
function takeTurn(inTurn: InTurn): Promise<() => void> {
  return new Promise((begun) => {
    void inTurn(() => new Promise<void>((end) => begun(end)));
  });
}

function startConnection(file: string) {
  return startThread<Asked, Answered>('server/db/sqlite-worker.ts', { data: file });
}
