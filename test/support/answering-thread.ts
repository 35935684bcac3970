// A thread for the tests of threads: it answers, fails and ends as it is told.
import { resourceLimits, workerData } from 'node:worker_threads';
import { FairleadError } from '../../shared/errors/error.ts';
import { answerQuestions, tellNews } from '../../shared/node/thread.ts';

let asked = 0;

answerQuestions<string, string>(async () => {
  if (workerData === 'fails at once') throw new FairleadError('server/no-passphrase', { dir: '/x' });
  return {
    answer: async (question) => {
      asked++;
      switch (question) {
        case 'known':
          throw new FairleadError('request/rate-limited', { seconds: 7 });
        case 'unknown':
          throw Object.assign(new Error('busy'), { errcode: 5 });
        case 'limits':
          return `${resourceLimits.maxOldGenerationSizeMb} ${asked}`;
        case 'throw later':
          setImmediate(() => {
            throw new Error('thrown later');
          });
          return await new Promise<string>(() => undefined);
        case 'die':
          return process.exit(1);
        case 'take all memory':
          for (const kept: string[] = []; ; ) kept.push(`${kept.length}`.repeat(10_000).slice(1));
        case 'later':
          await new Promise((resolve) => setTimeout(resolve, 30));
          break;
        case 'news':
          tellNews('something happened');
      }
      return `${question} ${asked}`;
    },
    close: () => tellNews('closed'),
  };
});
