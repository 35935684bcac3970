// Work that waits: in its turn, after a failure too, and resting when it has lasted.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { aborted, createRests, createTurns, forEachBounded, inPieces } from '../../../shared/node/turns.ts';

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

describe('work in pieces', () => {
  const asked = async (said: readonly number[]) => {
    let rests = 0;
    const found = await inPieces(
      (function* () {
        yield* said;
        return 'found';
      })(),
      () => {
        rests++;
        return undefined;
      },
    );
    return [found, rests];
  };

  it.each([
    ['for every thousand looks, counted together', [400, 600, 999, 1], 2],
    ['for what takes more at once', [5_000], 1],
    ['for none below', [999], 0],
  ])('may rest %s', async (_when, said, rests) => {
    expect(await asked(said)).toEqual(['found', rests]);
  });

  it('waits for the rest to end', async () => {
    const resting = gate();
    const done = inPieces(
      (function* () {
        yield 1_000;
      })(),
      () => resting.promise.then(() => undefined),
    );
    let ended = false;
    void done.then(() => (ended = true));
    await settle();
    expect(ended).toBe(false);

    resting.resolve('');
    await done;
  });

  it('fails as it fails', async () => {
    const failing = (function* (): Generator<number, never, undefined> {
      yield 1;
      throw new Error('no');
    })();

    await expect(inPieces(failing)).rejects.toThrow('no');
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

describe('what waits for an end', () => {
  it('goes on when that comes, and at once where it came before', async () => {
    const ending = new AbortController();
    let isOver = false;
    const over = aborted(ending.signal).then(() => {
      isOver = true;
    });
    await settle();
    expect(isOver).toBe(false);

    ending.abort();
    await over;

    await expect(aborted(ending.signal)).resolves.toBeUndefined();
  });
});
