// Watches one exchange: whatever its status, it answers in time, goes on at a rate, and ends; else it is cut.
import { FairleadError } from '../../../shared/errors/error.ts';

export interface ExchangeLimits {
  /** From the request to the last of the headers: informational answers (1xx) gain nothing. */
  readonly headersMs: number;
  /** For a body that is not wanted. */
  readonly discardMs: number;
  /** A body slower than this, after the grace, is a server that only keeps us busy (slow retrieval attack). */
  readonly minBytesPerSecond: number;
  readonly rateGraceMs: number;
  /**
   * What is asked for as a whole, such as metadata, begins anew wherever it breaks off, and others are asked only then. So it ends within
   * this time, or within what its bound takes at the rate, whichever is longer.
   */
  readonly wholeMs: number;
  readonly wholeBytesPerSecond: number;
}

export const EXCHANGE_LIMITS: ExchangeLimits = {
  headersMs: 30_000,
  discardMs: 5_000,
  minBytesPerSecond: 512,
  rateGraceMs: 20_000,
  wholeMs: 10 * 60_000,
  wholeBytesPerSecond: 4 * 1024,
};

export interface Watch {
  /** Aborts, with the reason, when a limit is passed or the caller's own signal aborts. */
  readonly signal: AbortSignal;
  answered(): void;
  received(bytes: number): void;
  /** The body is wanted as a whole, of so many bytes at most. */
  whole(maxBytes: number): void;
  /** From here on the body is only waited for, not for long. */
  discarding(): void;
  end(): void;
}

const LOOKS_PER_LIMIT = 20;

/** Looked at by a timer, not when bytes come: what says nothing at all must end too. */
export function watchExchange(url: string, limits: ExchangeLimits, outer?: AbortSignal): Watch {
  const controller = new AbortController();
  const stop = (problem: string) =>
    controller.abort(new FairleadError('transport/unreachable', { url, problem }));
  const onOuter = () => controller.abort(outer?.reason);
  if (outer?.aborted === true) onOuter();
  outer?.addEventListener('abort', onOuter, { once: true });
  let state: 'asked' | 'answered' | 'discarding' = 'asked';
  let since = performance.now();
  let bytes = 0;
  let mostMs = Number.POSITIVE_INFINITY;
  const enter = (next: typeof state) => {
    state = next;
    since = performance.now();
  };
  const look = () => {
    const elapsedMs = performance.now() - since;
    if (state === 'asked' && elapsedMs > limits.headersMs) {
      stop(`no answer within ${limits.headersMs / 1000} seconds`);
    } else if (state === 'discarding' && elapsedMs > limits.discardMs) {
      stop('an answer that nobody wants does not end');
    } else if (state === 'answered' && elapsedMs > mostMs) {
      stop(`it takes longer than ${Math.ceil(mostMs / 60_000)} minutes`);
    } else if (state === 'answered' && elapsedMs > limits.rateGraceMs) {
      const rate = (bytes * 1000) / elapsedMs;
      if (rate < limits.minBytesPerSecond) stop(`slower than ${limits.minBytesPerSecond} bytes a second`);
    }
  };
  const shortest = Math.min(limits.headersMs, limits.discardMs, limits.rateGraceMs);
  const timer = setInterval(look, Math.min(1_000, Math.ceil(shortest / LOOKS_PER_LIMIT)));
  return {
    signal: controller.signal,
    answered: () => enter('answered'),
    received: (count) => {
      bytes += count;
    },
    whole: (maxBytes) => {
      mostMs = Math.max(limits.wholeMs, (maxBytes * 1000) / limits.wholeBytesPerSecond);
    },
    discarding: () => enter('discarding'),
    end: () => {
      clearInterval(timer);
      outer?.removeEventListener('abort', onOuter);
    },
  };
}
