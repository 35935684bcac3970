// The embedded file in threads of its own: a lock that is held, a disk that hangs and a long query stop no other request.

import { Worker } from 'node:worker_threads';
import type { DatabaseConnection, Dialect } from 'kysely';
import { createTurns, type InTurn } from '../../shared/node/turns.ts';
import { createConnection, createDialect, transactions } from './node-sqlite.ts';
import type { SqliteAnswer } from './sqlite-file.ts';
import type { Answered, Asked } from './sqlite-worker.ts';

/** One thread reads what was committed, the other writes: whoever reads never waits for a writer. */
export function createThreadedDialect(file: string): Dialect {
  const reader = startThread(file);
  const writer = startThread(file);
  const read = createConnection(reader.run);
  const write = createConnection(writer.run);
  const inTurn = createTurns();
  // Who is in a transaction, and how its turn ends. Which thread answers is known only once one begins.
  const turns = new WeakMap<DatabaseConnection, () => void>();

  function leave(connection: DatabaseConnection): void {
    turns.get(connection)?.();
    turns.delete(connection);
  }

  return createDialect(true, {
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

interface Thread {
  run(sql: string, parameters: readonly unknown[]): Promise<SqliteAnswer>;
  stop(): Promise<void>;
}

interface Waiting {
  resolve(answer: SqliteAnswer): void;
  reject(error: unknown): void;
}

function startThread(file: string): Thread {
  const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: file });
  // Answers come in the order of the questions.
  const waiting: Waiting[] = [];
  let failure: unknown = null;
  const fail = (error: unknown) => {
    failure ??= error;
    for (const one of waiting.splice(0)) one.reject(failure);
  };
  worker.on('message', (answer: Answered) => {
    const first = waiting.shift();
    if ('error' in answer) first?.reject(Object.assign(new Error(answer.error.message), answer.error));
    else first?.resolve(answer);
  });
  worker.on('error', fail);
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.on('exit', () => fail(new Error('the database is closed')));
  return {
    run: (sql, parameters) =>
      new Promise((resolve, reject) => {
        if (failure !== null) return reject(failure);
        waiting.push({ resolve, reject });
        worker.postMessage({ sql, parameters } satisfies Asked);
      }),
    stop: async () => {
      worker.postMessage(null);
      await ended;
    },
  };
}
