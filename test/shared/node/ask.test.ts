// Asking, whatever is asked: it ends in time, also where who asks forgets to.
import { describe, expect, it } from 'vitest';
import { ask, type RunCommand } from '../../../shared/node/probes/ask.ts';
import type { Asked } from '../../../shared/schema/probes/probes.ts';

const never = new AbortController().signal;
const question = { kind: 'exec', exec: ['probe'], timeoutMs: 50 } as const;

describe('a question', () => {
  it('ends when its time is over, though nobody answers and nobody gives up', async () => {
    const forgetful = () => new Promise<never>(() => undefined);

    expect(await ask(question, forgetful, never)).toEqual({
      healthy: false,
      detail: 'no answer in 50 ms',
    });
  });

  it('lets what is known at the end be said', async () => {
    const late = (_: unknown, limit: AbortSignal) =>
      new Promise<{ ending: string; lastLine: string }>((resolve) => {
        limit.addEventListener('abort', () => resolve({ ending: 'exit status 1', lastLine: 'starting' }));
      });

    expect(await ask(question, late, never)).toEqual({ healthy: false, detail: 'exit status 1: starting' });
  });

  it('ends with whoever asked', async () => {
    const given = AbortSignal.abort(new Error('stopped'));

    expect(await ask(question, () => new Promise<never>(() => undefined), given)).toEqual({
      healthy: false,
      detail: 'stopped',
    });
  });
});

describe('an answer', () => {
  const answering = (run: RunCommand<Asked<'exec'>>) => ask({ ...question, timeoutMs: 5_000 }, run, never);
  const failing = (error: unknown) => answering(() => Promise.reject(error));
  const withCode = (code: string) => Object.assign(new Error('in words'), { code });

  it.each([
    ['success', 'exit status 0', 'ready', true, 'exit status 0'],
    ['failure, and the last line', 'exit status 1', 'no database', false, 'exit status 1: no database'],
    ['failure without a word', 'killed by SIGKILL', '', false, 'killed by SIGKILL'],
    [
      'a line that drives a terminal',
      'exit status 1',
      '\u001b[2Jgone',
      false,
      'exit status 1: \ufffd[2Jgone',
    ],
  ])('of a command is its ending: %s', async (_what, ending, lastLine, healthy, detail) => {
    expect(await answering(async () => ({ ending, lastLine }))).toEqual({ healthy, detail });
  });

  it.each([
    ['by its code', withCode('ECONNREFUSED'), { detail: 'ECONNREFUSED' }],
    ['in words', new Error('it\u202e failed'), { detail: 'it\ufffd failed' }],
    ['as nothing in particular', 'thrown', { detail: 'the probe failed' }],
    ['as this machine’s own shortage', withCode('EMFILE'), { detail: 'EMFILE', starved: true }],
  ])('that could not be had is said %s', async (_how, error, said) => {
    expect(await failing(error)).toEqual({ healthy: false, ...said });
  });

  it('that comes before the end of whoever asked counts', async () => {
    const given = new AbortController();
    const run = async () => {
      given.abort(new Error('stopped'));
      return { ending: 'exit status 0', lastLine: '' };
    };

    expect(await ask(question, run, given.signal)).toEqual({ healthy: true, detail: 'exit status 0' });
  });
});
