// Maintenance windows: whether a deployment may start now, and when the next openings are.
import type { EpochMs } from '../encoding/instant.ts';
import type { Policy } from '../schema/policy.ts';
import { HORIZON_MS, mergeSpans, type Span } from './spans.ts';

type Windows = Policy['windows'];

export interface Opening {
  readonly opens: EpochMs;
  /** Null: it stays open. */
  readonly closes: EpochMs | null;
}

/** Windows gate the start of a deployment only; without allow windows every time is open that is not denied. */
export function isOpen(windows: Windows, at: EpochMs): boolean {
  return nextOpen(windows, at, at) !== null;
}

/** The first instant from `from` to `until` at which a deployment may start; null when eight years hold none. */
export function nextOpen(
  windows: Windows,
  from: EpochMs,
  until: EpochMs = from + HORIZON_MS,
): EpochMs | null {
  return createSweep(windows, from).nextOpen(until);
}

/** The openings from `from` on; the first may have begun already. */
export function nextOpenings(windows: Windows, from: EpochMs, count: number): readonly Opening[] {
  const sweep = createSweep(windows, from);
  const openings: Opening[] = [];
  while (openings.length < count) {
    const opens = sweep.nextOpen(from + HORIZON_MS);
    if (opens === null) break;
    const closes = sweep.nextClose(opens);
    openings.push({ opens, closes });
    if (closes === null) break;
  }
  return openings;
}

/** Goes through the spans of all windows once, side by side: however they overlap, each is looked at one time. */
function createSweep({ allow, deny }: Windows, from: EpochMs) {
  const allowed = createQueue(mergeSpans(allow, from));
  const denied = createQueue(mergeSpans(deny, from));
  let at = from;

  return {
    nextOpen(until: EpochMs): EpochMs | null {
      while (at <= until) {
        const span = allowed.firstEndingAfter(at);
        if (span === null && allow.length > 0) return null;
        at = Math.max(at, span?.start ?? at);
        const closed = denied.firstEndingAfter(at);
        if (at > until) return null;
        if (closed === null || closed.start > at) return at;
        at = closed.end;
      }
      return null;
    },

    nextClose(opens: EpochMs): EpochMs | null {
      const barred = denied.firstEndingAfter(opens)?.start ?? Number.POSITIVE_INFINITY;
      let end = allow.length === 0 ? Number.POSITIVE_INFINITY : opens;
      // Windows that overlap or touch are one opening.
      while (end < barred) {
        const span = allowed.firstEndingAfter(end);
        if (span === null || span.start > end) break;
        end = span.end;
      }
      at = Math.min(end, barred);
      return at < from + HORIZON_MS ? at : null;
    },
  };
}

function createQueue(spans: Generator<Span>) {
  let head = spans.next();
  return {
    /** Whatever ends before is behind us for good: instants only grow. */
    firstEndingAfter(at: EpochMs): Span | null {
      while (head.done !== true && head.value.end <= at) head = spans.next();
      return head.done === true ? null : head.value;
    },
  };
}
