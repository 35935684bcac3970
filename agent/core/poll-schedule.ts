// When to ask the server again: jitter, back-off and a capped Retry-After.

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
