// Maintenance windows: whether a deployment may start now, and when the next openings are.

import type { EpochMs } from '../encoding/instant.ts';
import { finish, type Pieces } from '../encoding/pieces.ts';
import type { Policy } from '../schema/policy.ts';
import { HORIZON_MS, mergeSpans, type Span, type Work } from './spans.ts';

type Windows = Policy['windows'];

export interface Opening {
  readonly opens: EpochMs;
  /** Null: it stays open. */
  readonly closes: EpochMs | null;
}

/** As many days of one window as eight years have, or some months of a hundred windows: a few milliseconds of looking. */
const MOST_WORK = 40_000;

/** Windows gate the start of a deployment only; without allow windows every time is open that is not denied. */
export function isOpen(windows: Windows, at: EpochMs): boolean {
  return finish(createSweep(windows, at, at, { left: Number.MAX_SAFE_INTEGER }).nextOpen()) !== null;
}

/** The first instant from `from` on at which a deployment may start; null when none was found within bounds of time and work. */
export function* nextOpen(windows: Windows, from: EpochMs): Pieces<EpochMs | null> {
  return yield* createSweep(windows, from, from + HORIZON_MS, { left: MOST_WORK }).nextOpen();
}

/** The openings from `from` on; the first may have begun already. */
export function* nextOpenings(windows: Windows, from: EpochMs, count: number): Pieces<readonly Opening[]> {
  const work = { left: MOST_WORK };
  const sweep = createSweep(windows, from, from + HORIZON_MS, work);
  const openings: Opening[] = [];
  while (openings.length < count) {
    const opens = yield* sweep.nextOpen();
    if (opens === null) break;
    const closes = yield* sweep.nextClose(opens);
    // Whether it stays open is not known then.
    if (work.left < 0) break;
    openings.push({ opens, closes });
    if (closes === null) break;
  }
  return openings;
}

export interface Room {
  /** Null when none was found in a year, or within bounds of work. */
  readonly first: Opening | null;
  /** The first in which there is time enough. */
  readonly fits: Opening | null;
  /** Of the openings that are too short, the longest; null when there is none. */
  readonly longestMs: number | null;
  /** Nothing was left unlooked at. */
  readonly isAll: boolean;
}

/** What does not come within a year nobody waits for: asked at every decision, eight years would cost a tenth of a second. */
const LOOKED_AHEAD_MS = 400 * 86_400_000;

/**
 * Where `needMs` has room between an opening, or now, and its end, in the year to come. What is open and not known to close
 * has room.
 */
export function* findRoom(windows: Windows, from: EpochMs, needMs: (opens: EpochMs) => number): Pieces<Room> {
  const work = { left: MOST_WORK };
  const sweep = createSweep(windows, from, from + LOOKED_AHEAD_MS, work);
  let first: Opening | null = null;
  let longestMs: number | null = null;
  for (;;) {
    const opens = yield* sweep.nextOpen();
    if (opens === null) return { first, fits: null, longestMs, isAll: work.left >= 0 };
    const closes = yield* sweep.nextClose(opens);
    const isKnown = work.left >= 0;
    if (!isKnown && first !== null) return { first, fits: null, longestMs, isAll: false };
    const opening: Opening = { opens, closes: isKnown ? closes : null };
    first ??= opening;
    const lengthMs = (closes ?? from + HORIZON_MS) - opens;
    if (!isKnown || lengthMs >= needMs(opens)) return { first, fits: opening, longestMs, isAll: false };
    longestMs = Math.max(longestMs ?? 0, lengthMs);
  }
}

/** Goes through the spans of all windows once, side by side: however they overlap, each is looked at one time. */
function createSweep({ allow, deny }: Windows, from: EpochMs, until: EpochMs, work: Work) {
  const allowed = createQueue(mergeSpans(allow, from, until, work), work);
  const denied = createQueue(mergeSpans(deny, from, until, work), work);
  let at = from;

  return {
    *nextOpen(): Pieces<EpochMs | null> {
      while (at <= until) {
        const span = yield* allowed.firstEndingAfter(at);
        if (span === null && allow.length > 0) return null;
        at = Math.max(at, span?.start ?? at);
        const closed = yield* denied.firstEndingAfter(at);
        // What is not known to be open is closed.
        if (at > until || work.left < 0) return null;
        if (closed === null || closed.start > at) return at;
        at = closed.end;
      }
      return null;
    },

    *nextClose(opens: EpochMs): Pieces<EpochMs | null> {
      const barred = (yield* denied.firstEndingAfter(opens))?.start ?? Number.POSITIVE_INFINITY;
      let end = allow.length === 0 ? Number.POSITIVE_INFINITY : opens;
      // Windows that overlap or touch are one opening.
      while (end < barred) {
        const span = yield* allowed.firstEndingAfter(end);
        if (span === null || span.start > end) break;
        end = span.end;
      }
      at = Math.min(end, barred);
      return at < from + HORIZON_MS ? at : null;
    },
  };
}

function createQueue(spans: Generator<Span>, work: Work) {
  let head: IteratorResult<Span> | undefined;
  return {
    /** Whatever ends before is behind us for good: instants only grow. */
    *firstEndingAfter(at: EpochMs): Pieces<Span | null> {
      while (head === undefined || (head.done !== true && head.value.end <= at)) {
        const before = work.left;
        head = spans.next();
        yield before - work.left;
      }
      return head.done === true ? null : head.value;
    },
  };
}
