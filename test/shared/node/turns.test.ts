// Work that waits: in its turn, after a failure too, and resting when it has lasted.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRests, createTurns, forEachBounded } from '../../../shared/node/turns.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** A piece of work that ends when it is told to. */
function gate() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { promise, resolve, reject };
}
const settle = () => new Promise((next) => setImmediate(next));

describe('a turn', () => {
  it('begins when the one before has ended, and gives back its own answer', async () => {
    const inTurn = createTurns();
    const [first, second] = [gate(), gate()];
    const begun: string[] = [];
    const answers = [first, second].map(({ promise }, i) =>
      inTurn(() => {
        begun.push(`${i}`);
        return promise;
      }),
    );
    await settle();
    expect(begun).toEqual(['0']);

    second.resolve('b');
    await settle();
    expect(begun).toEqual(['0']);

    first.resolve('a');
    expect(await Promise.all(answers)).toEqual(['a', 'b']);
    expect(begun).toEqual(['0', '1']);
  });

  it('that fails ends itself alone', async () => {
    const inTurn = createTurns();

    await expect(inTurn(() => Promise.reject(new Error('first')))).rejects.toThrow('first');
    expect(await inTurn(async () => 'second')).toBe('second');
  });
});

describe('a rest', () => {
  it('is due when the work has lasted ten milliseconds, and ends with a turn of others', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const rest = createRests();

    expect(rest()).toBeUndefined();
    vi.advanceTimersByTime(9);
    expect(rest()).toBeUndefined();
    vi.advanceTimersByTime(1);
    const resting = rest();
    expect(resting).toBeInstanceOf(Promise);
    vi.advanceTimersByTime(10);
    await resting;

    expect(rest()).toBeUndefined();
    vi.advanceTimersByTime(10);
    expect(rest()).toBeInstanceOf(Promise);
  });
});

describe('a task for a few workers', () => {
  it('has fewer at work where there is less to do', async () => {
    const workers: number[] = [];
    await forEachBounded(new Set(['a']), 8, async (_item, worker) => {
      workers.push(worker);
    });
    await forEachBounded([], 8, () => Promise.reject(new Error('never')));

    expect(workers).toEqual([0]);
  });
});
