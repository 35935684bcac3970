// A clock that stands still until a test moves it.
import type { Clock } from '../../agent/ports/machine.ts';
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';

/** A loop that never waits would otherwise hang the test. */
const MOST_WAKES = 100_000;

export interface FakeClock extends Clock {
  /** Moves time step by step, waking each sleeper at its moment, and lets everything that follows happen. */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock alone, as an administrator or a bad battery would. */
  setWallClock(now: EpochMs): void;
  /** Milliseconds until the next sleeper wakes; null when nobody sleeps. */
  nextWakeIn(): number | null;
}

export function createFakeClock(start: EpochMs = instantMs('2026-03-01T10:00:00Z')): FakeClock {
  let elapsed = 0;
  let wall = start;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  const nextSleeper = () => [...sleepers].sort((a, b) => a.at - b.at)[0];
  const step = (ms: number) => {
    elapsed += ms;
    wall += ms;
  };

  return {
    now: () => wall,
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const wake = () => {
          sleepers.delete(sleeper);
          resolve();
        };
        const sleeper = { at: elapsed + ms, wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', wake, { once: true });
      }),
    async advance(ms) {
      const end = elapsed + ms;
      await settle();
      let wakes = 0;
      for (let next = nextSleeper(); next !== undefined && next.at <= end; next = nextSleeper()) {
        if (++wakes > MOST_WAKES) throw new Error('somebody sleeps and wakes without end');
        step(Math.max(0, next.at - elapsed));
        next.wake();
        await settle();
      }
      step(end - elapsed);
      await settle();
    },
    setWallClock: (now) => {
      wall = now;
    },
    nextWakeIn: () => {
      const next = nextSleeper();
      return next === undefined ? null : next.at - elapsed;
    },
  };
}

/** Lets every promise that can settle without time passing do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}
