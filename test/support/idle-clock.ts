// A clock that moves only when everybody waits: the next sleeper wakes as soon as nothing else is left to do.
import type { Clock } from '../../agent/ports/machine.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export interface IdleClock extends Clock {
  /** Moves wall and monotonic time without waking anybody early. */
  advance(ms: number): void;
  /** Sets the wall clock alone, by whole years. */
  setWall(years: number): void;
}

const YEAR_MS = 365 * 86_400_000;
const START = Date.UTC(2026, 0, 31, 10, 0, 0);

export function createIdleClock(): IdleClock {
  let now = 0;
  let wall = 0;
  let sleepers: Sleeper[] = [];
  let scheduled = false;

  // A macrotask runs after every promise that can still settle has settled.
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      const next = sleepers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) return;
      sleepers = sleepers.filter((one) => one !== next);
      now = Math.max(now, next.at);
      next.wake();
      if (sleepers.length > 0) schedule();
    });
  }

  return {
    now: () => START + wall + now,
    monotonic: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = { at: now + ms, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((one) => one !== sleeper);
          resolve();
        });
        schedule();
      }),
    advance(ms) {
      now += ms;
    },
    setWall(years) {
      wall = years * YEAR_MS;
    },
  };
}
