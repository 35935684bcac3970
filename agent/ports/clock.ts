// Time as the engine sees it: wall clock for documents, monotonic time for waiting.
import type { EpochMs } from '../../shared/encoding/instant.ts';

export interface Clock {
  now(): EpochMs;
  /** Milliseconds from an arbitrary start; never jumps. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
