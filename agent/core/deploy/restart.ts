// When a service that exited is started again: at once, then ever later, until it stays up.

export interface RestartHistory {
  /** Starts in a row that did not last. */
  readonly attempts: number;
  /** Monotonic milliseconds. */
  readonly lastStart: number;
}

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
const STABLE_MS = 60_000;

export const NEVER_RESTARTED: RestartHistory = { attempts: 0, lastStart: Number.NEGATIVE_INFINITY };

/** Whether a service that is down should be started now. */
export function isRestartDue(history: RestartHistory, now: number): boolean {
  if (history.attempts === 0) return true;
  const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (history.attempts - 1));
  return now - history.lastStart >= delay;
}

export function afterStart(history: RestartHistory, now: number): RestartHistory {
  const lasted = now - history.lastStart >= STABLE_MS + LONGEST_DELAY_MS;
  return { attempts: lasted ? 1 : history.attempts + 1, lastStart: now };
}
