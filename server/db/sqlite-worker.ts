// The thread in which one connection to the embedded file lives: a question, an answer, in that order.
import { workerData } from 'node:worker_threads';
import { answerQuestions } from '../../shared/node/thread.ts';
import { openSqliteFile, type SqliteAnswer } from './sqlite-file.ts';

export interface Asked {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

answerQuestions<Asked, SqliteAnswer>(() => {
  const file = openSqliteFile(String(workerData));
  return { answer: ({ sql, parameters }) => file.run(sql, parameters), close: () => file.close() };
});
