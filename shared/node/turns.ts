// Turns: work that reads and writes the same thing, one piece after the other.

import { setImmediate } from 'node:timers/promises';

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
