// A thread beside the loop: its answers, its errors, and its end.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isDatabaseBusy } from '../../../shared/errors/error.ts';
import { startOnDemand, startThread, type Thread, type ThreadOptions } from '../../../shared/node/thread.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';

const MODULE = 'test/support/answering-thread.ts';
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

describe('the limits of a thread', () => {
  it.each([
    ['those it is given', { limits: { maxOldGenerationSizeMb: 21 } }, '21 1'],
    ['those of every thread', {}, /^(?!21 )/],
  ])('are %s', async (_what, options, said) => {
    expect(await start(options).ask('limits')).toMatch(said);
  });
});

describe('a thread that ends', () => {
  it('by an error of its own is missed with that error, by everybody from then on', async () => {
    const thread = startThread<string, string>(MODULE);

    await expect(thread.ask('throw later')).rejects.toThrow('thrown later');
    await expect(thread.ask('a')).rejects.toThrow('thrown later');
    expect(thread.hasEnded()).toBe(true);
  });

  it('without a word is missed all the same', async () => {
    const thread = startThread<string, string>(MODULE);
    expect(thread.hasEnded()).toBe(false);

    await expect(thread.ask('die')).rejects.toThrow('the thread has ended');
    expect(thread.hasEnded()).toBe(true);
  });

  it('because it could not begin says why to the first and that it ended to the others', async () => {
    const thread = startThread<string, string>(MODULE, { data: 'fails at once' });

    const [first, second] = await Promise.allSettled([thread.ask('a'), thread.ask('b')]);

    expect(first).toMatchObject({ reason: { code: 'server/no-passphrase', data: { dir: '/x' } } });
    expect(second).toMatchObject({ reason: { message: 'the thread has ended' } });
    await thread.stop();
  });

  it('as it is told to closes what it holds first', async () => {
    const heard: unknown[] = [];
    const thread = startThread<string, string>(MODULE, { onNews: (news) => heard.push(news) });
    const answer = thread.ask('later');

    await thread.stop();

    expect([await answer, heard]).toEqual(['later 1', ['closed']]);
  });

  it('that was told so twice, or was never begun, has ended', async () => {
    const thread = start();
    await thread.stop();
    await thread.ask('a');
    await Promise.all([thread.stop(), thread.stop()]);
    await thread.stop();

    expect(await thread.ask('a')).toBe('a 1');
  });
});

describe('a thread on demand', () => {
  const counted = (idleMs: number | null) => {
    const begun: ReturnType<typeof startThread<string, string>>[] = [];
    const thread = startOnDemand<string, string>(() => {
      const one = startThread<string, string>(MODULE);
      begun.push(one);
      return one;
    }, idleMs);
    open.push(thread);
    return { thread, begun };
  };

  it('is begun by the first question, and stays for the next', async () => {
    const { thread, begun } = counted(null);
    expect(begun).toHaveLength(0);

    expect([await thread.ask('a'), await thread.ask('b')]).toEqual(['a 1', 'b 2']);
    expect(begun).toHaveLength(1);
  });

  it('ends when nobody asked for so long, and is begun anew', async () => {
    const { thread, begun } = counted(1);
    expect(await thread.ask('a')).toBe('a 1');

    await expect.poll(() => begun[0]?.hasEnded(), { timeout: 20_000 }).toBe(true);

    expect(await thread.ask('b')).toBe('b 1');
    expect(begun).toHaveLength(2);
  });

  it('does not end while somebody waits', async () => {
    const { thread, begun } = counted(1);

    expect(await Promise.all([thread.ask('a'), thread.ask('later'), thread.ask('later')])).toEqual([
      'a 1',
      'later 2',
      'later 3',
    ]);
    expect(begun).toHaveLength(1);
  });
});

describe('a program', () => {
  const said = (script: string) => {
    const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    const head = `const { startThread } = await import(${url('../../../shared/node/thread.ts')});
      const thread = startThread('${MODULE}');`;
    const program = join(temporaryDirectory(), 'program.mjs');
    writeFileSync(program, `${head}\n${script}`);
    const { status, stdout } = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 50_000 });
    return [status, stdout];
  };

  it.each([
    ['ends though a thread of its stands idle', "console.log('begun')", 'begun\n'],
    ['waits for an answer, and ends then', "console.log(await thread.ask('later'))", 'later 1\n'],
    [
      'waits for the end of a thread',
      "thread.ask('later').then(console.log); await thread.stop(); console.log('stopped')",
      'later 1\nstopped\n',
    ],
    ['waits for the end of an idle thread', "await thread.stop(); console.log('stopped')", 'stopped\n'],
  ])('%s', { timeout: 60_000 }, (_what, script, output) => {
    expect(said(script)).toEqual([0, output]);
  });
});
