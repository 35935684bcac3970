// A thread beside the loop: its answers, its errors, and its end.
import { afterEach, describe, expect, it } from 'vitest';
import { isDatabaseBusy } from '../../../shared/errors/error.ts';
import { startOnDemand, startThread, type Thread, type ThreadOptions } from '../../../shared/node/thread.ts';
import { rejectionOf } from '../../support/error-code.ts';

const MODULE = new URL('../../support/answering-thread.ts', import.meta.url);
const open: Thread<string, string>[] = [];

function start(options: ThreadOptions = {}) {
  const thread = startOnDemand<string, string>(() => startThread(MODULE, options), null);
  open.push(thread);
  return thread;
}

afterEach(async () => {
  for (const thread of open.splice(0)) await thread.stop();
});

describe('a thread', () => {
  it('answers in the order of the questions, also where the first takes longest', async () => {
    const thread = start();
    const answered: string[] = [];
    const ask = async (question: string) => answered.push(await thread.ask(question));

    await Promise.all(['later', 'a', 'b'].map(ask));

    expect(answered).toEqual(['later 1', 'a 2', 'b 3']);
  });

  it('fails with the error that was thrown there, and goes on', async () => {
    const thread = start();

    const known = await rejectionOf(thread.ask('known'));
    const unknown = await thread.ask('unknown').catch((error: unknown) => error);

    expect(known).toMatchObject({ code: 'request/rate-limited', data: { seconds: 7 } });
    expect(isDatabaseBusy(unknown)).toBe(true);
    expect(await thread.ask('a')).toBe('a 3');
  });

  it('says what nobody asked for before it answers', async () => {
    const heard: unknown[] = [];
    const thread = start({ onNews: (news) => heard.push(news) });

    await thread.ask('news');

    expect(heard).toEqual(['something happened']);
  });

  it.each([
    ['dies', 'die', {}],
    ['wants more memory than it may have', 'take all memory', { limits: { maxOldGenerationSizeMb: 20 } }],
  ])(
    'that %s fails everybody who waits, and the next question begins a new one',
    async (_what, question, options) => {
      const thread = start(options);
      await thread.ask('a');

      const lost = await Promise.allSettled([thread.ask(question), thread.ask('b')]);

      expect(lost.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(await thread.ask('c')).toBe('c 1');
    },
  );

  it('that cannot begin says why, each time it is asked', async () => {
    const thread = start({ data: 'fails at once' });

    expect((await rejectionOf(thread.ask('a'))).code).toBe('server/no-passphrase');
    expect((await rejectionOf(thread.ask('a'))).code).toBe('server/no-passphrase');
  });

  it('answers what waits before it stops', async () => {
    const thread = start();
    const answer = thread.ask('later');

    await thread.stop();

    expect(await answer).toBe('later 1');
  });
});
