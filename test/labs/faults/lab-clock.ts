// The clock of the laboratory: it leaps when everybody waits, and whoever waits dies with the agent.
import { createIdleClock, type IdleClock } from '../../support/idle-clock.ts';

export interface LabClock extends IdleClock {
  /** A signal for supervision: it aborts after so many pauses, in each of which half a minute passes. */
  pauses(count: number): AbortSignal;
}

const PAUSE_MS = 30_000;

export function createLabClock(verifyAlive: () => void = () => undefined): LabClock {
  const clock = createIdleClock();
  const counted = new WeakMap<AbortSignal, () => void>();
  return {
    ...clock,
    async sleep(ms, signal) {
      verifyAlive();
      if (signal !== undefined) counted.get(signal)?.();
      await clock.sleep(ms, signal);
      verifyAlive();
    },
    pauses(count) {
      const over = new AbortController();
      let left = count;
      counted.set(over.signal, () => {
        clock.advance(PAUSE_MS);
        if (--left === 0) over.abort();
      });
      return over.signal;
    },
  };
}
