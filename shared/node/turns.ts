// Work that has to wait: one piece after the other, a few of many at a time, or one for all who ask meanwhile.
import { setImmediate } from 'node:timers/promises';
import type { Pieces } from '../encoding/pieces.ts';

export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** A piece starts when the one before has ended, however it ended: what fails ends its own turn only. */
export function createTurns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** Resolves when it is aborted, at once where it was. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Well below what anybody notices, also on a slower machine. */
const SLICE_MS = 10;

/** For long work in small pieces: asked between two of them, it lets everybody else have a turn once this one has lasted. */
export function createRests(): () => Promise<void> | undefined {
  let began = performance.now();
  return () => {
    if (performance.now() - began < SLICE_MS) return undefined;
    return setImmediate().then(() => {
      began = performance.now();
    });
  };
}

/** Looks after which somebody else may have a turn; the clock is not asked more often. */
const LOOKS_AT_ONCE = 1_000;

/** To its end, however long that takes: the loop is held for a slice, and those looks, at a time. */
export async function inPieces<Result>(
  work: Pieces<Result>,
  rest: () => Promise<void> | undefined = createRests(),
): Promise<Result> {
  let looks = 0;
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    looks += step.value;
    if (looks < LOOKS_AT_ONCE) continue;
    looks = 0;
    await rest();
  }
}

/** `worker` counts from 0 below `limit`: what belongs to a worker, a buffer say, is used by one task at a time. The first failure is thrown only after every started task has ended: nothing writes behind the caller's back. */
export async function forEachBounded<Item>(
  items: Iterable<Item>,
  limit: number,
  run: (item: Item, worker: number) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failed = false;
  const work = async (worker: number) => {
    for (let next = queue.next(); !next.done && !failed; next = queue.next()) {
      await run(next.value, worker).catch((cause: unknown) => {
        failed = true;
        throw cause;
      });
    }
  };
  const results = await Promise.allSettled(Array.from({ length: limit }, (_, worker) => work(worker)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Who asks while somebody waits for an answer gets that one. */
export function joined<Result>(ask: () => Promise<Result>): () => Promise<Result> {
  let asked: Promise<Result> | null = null;
  return () => {
    asked ??= ask().finally(() => {
      asked = null;
    });
    return asked;
  };
}
