// The thread in which one connection to the embedded file lives: a question, an answer, in that order.
import { workerData } from 'node:worker_threads';
import { answerQuestions } from '../../shared/node/thread.ts';
import type { Received, Told, takingReportsOn } from './reports.ts';
import { openSqliteFile, type SqliteAnswer } from './sqlite-file.ts';

/** A statement, or a batch of reports with all that is to be done for it. */
export type Asked =
  | { readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly batch: readonly Received[] };

export type Answered = SqliteAnswer | readonly Told[];

answerQuestions<Asked, Answered>(() => {
  const file = openSqliteFile(String(workerData));
  let taking: ReturnType<typeof takingReportsOn> | null = null;
  return {
    answer: async (asked) => {
      if ('sql' in asked) return file.run(asked.sql, asked.parameters);
      // The thread that only reads never needs it.
      taking ??= (await import('./reports.ts')).takingReportsOn(file);
      return taking(asked.batch);
    },
    close: () => file.close(),
  };
});
