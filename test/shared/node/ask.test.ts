// Asking, whatever is asked: it ends in time, also where who asks forgets to.
import { describe, expect, it } from 'vitest';
import { ask } from '../../../shared/node/probes/ask.ts';

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
