// The thread in which one connection to the embedded file lives: a question, an answer, in that order.
import { parentPort, workerData } from 'node:worker_threads';
import { openSqliteFile, type SqliteAnswer } from './sqlite-file.ts';

export interface Asked {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** What an error of SQLite says of itself does not survive the way between threads by itself. */
export type Answered =
  | SqliteAnswer
  | { readonly error: { readonly message: string; readonly code?: unknown; readonly errcode?: unknown } };

const file = openSqliteFile(String(workerData));

parentPort?.on('message', (asked: Asked | null) => {
  if (asked === null) {
    file.close();
    parentPort?.close();
    return;
  }
  parentPort?.postMessage(answer(asked));
});

function answer({ sql, parameters }: Asked): Answered {
  try {
    return file.run(sql, parameters);
  } catch (cause) {
    const { message, code, errcode } = cause as Error & {
      readonly code?: unknown;
      readonly errcode?: unknown;
    };
    return { error: { message, code, errcode } };
  }
}
