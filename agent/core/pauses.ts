// How long is waited: between questions to the server, after a refusal that says when, before a service is started again.
import type { EpochMs } from '../../shared/encoding/instant.ts';

/** Past this no server is waited for, whatever its Retry-After says: it could otherwise silence an agent for good. */
export const LONGEST_WAIT_MS = 60 * 60 * 1000;
const SHORTEST_WAIT_MS = 1000;

export interface PollState {
  /** Failed rounds in a row. */
  readonly failures: number;
  /** What the server asked for in its last answer; 0 when nothing. */
  readonly retryAfterMs: number;
}

/**
 * Milliseconds until the next round. `chance` is uniform in [0, 1).
 *
 * A steady fleet keeps its rate and spreads over time: between half and one and a half intervals. After failures the wait
 * is drawn from the whole of a range that doubles (full jitter), so that agents do not return to a recovering server together.
 */
export function pollDelayMs(intervalMs: number, state: PollState, chance: number): number {
  const wait =
    state.failures === 0
      ? intervalMs * (0.5 + chance)
      : chance * Math.min(LONGEST_WAIT_MS, intervalMs * 2 ** Math.min(state.failures, 20));
  // The server's own wish is the least; jitter comes on top, or everybody it turned away would return at once.
  const asked = state.retryAfterMs + chance * intervalMs;
  return Math.round(Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, wait, asked)));
}

/** Whole seconds to wait, or null for text that is neither form. Not capped: who waits caps it. */
export function parseRetryAfter(header: string, now: EpochMs): number | null {
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = /GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000));
}

export interface ListenState {
  /** Connections in a row that did not last. */
  readonly failures: number;
  /** Somebody on the way gives no such connection. */
  readonly isRefusal: boolean;
}

/** A server that restarts sends everybody away in the same second. */
const LISTEN_AGAIN_MS = 20_000;
/** Before the range doubles: whoever asked while it restarted need not wait as if it were gone. */
const ATTEMPTS_IN_A_RANGE = 4;
const LONGEST_LISTEN_WAIT_MS = 5 * 60_000;
const AFTER_REFUSAL_MS = 10 * 60_000;

/** Milliseconds until the agent tries again to listen; polls go on meanwhile. `chance` is uniform in [0, 1). */
export function listenDelayMs({ failures, isRefusal }: ListenState, chance: number): number {
  const wait = isRefusal
    ? AFTER_REFUSAL_MS * (0.5 + chance)
    : chance *
      Math.min(
        LONGEST_LISTEN_WAIT_MS,
        LISTEN_AGAIN_MS * 2 ** Math.floor(Math.min(failures, 40) / ATTEMPTS_IN_A_RANGE),
      );
  return Math.round(Math.max(SHORTEST_WAIT_MS, wait));
}

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
