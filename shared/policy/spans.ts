// Spans: when one window begins and ends, as instants in order, whatever the zone's clock does meanwhile.
import { type Cron, cronOf } from '../encoding/cron.ts';
import { durationMs, type EpochMs } from '../encoding/instant.ts';
import { clockAround, instantOfWallTime, instantsShowing, type WallMs, wallTime } from '../encoding/zone.ts';
import type { Window } from '../schema/policy.ts';

export interface Span {
  readonly start: EpochMs;
  readonly end: EpochMs;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** How far ahead is looked; what opens later never opens, what is open until then stays open. 29 February can be eight years away. */
export const HORIZON_MS = 3_000 * DAY_MS;

/** What may still be looked at: whoever asks about hundreds of windows gets an answer, or none, but no long wait. */
export interface Work {
  left: number;
}

/** A day that is looked at costs one, a span that is found this much. */
const SPAN_COST = 4;

/**
 * The spans of a window that end after `from`, earliest start first, for eight years. They may overlap; those of one day
 * that touch are one. Durations are real time.
 *
 * A time of day that the clock shows twice counts the first time, one that it never shows counts as if the clock had
 * not been touched yet (RFC 5545 §3.3.5). A rhythm that matches in every hour goes on through the hour that is shown twice.
 */
export function* spansOf(
  window: Window,
  from: EpochMs,
  until: EpochMs = from + HORIZON_MS,
  work: Work = { left: Number.POSITIVE_INFINITY },
): Generator<Span> {
  const cron = cronOf(window.cron);
  const length = durationMs(window.duration);
  const runs = runsOf(cron, length);
  const first = Math.floor(wallTime(from - length, window.zone) / DAY_MS) - 1;
  const last = Math.floor(wallTime(until, window.zone) / DAY_MS) + 1;
  for (let day = first; day <= last; day++) {
    if (--work.left < 0) return;
    const midnight = day * DAY_MS;
    if (!cron.isDay(midnight)) continue;
    for (const span of spansOfDay(window.zone, cron, length, runs, midnight)) {
      if (span.end <= from) continue;
      work.left -= SPAN_COST;
      yield span;
    }
  }
}

function* spansOfDay(
  zone: string,
  cron: Cron,
  length: number,
  runs: readonly Span[],
  midnight: WallMs,
): Iterable<Span> {
  const { before, after } = clockAround(midnight, zone);
  if (before === after) {
    const shift = midnight - before;
    for (const { start, end } of runs) yield { start: start + shift, end: end + shift };
    return;
  }
  const starts = cron.minutes.flatMap((minute) => {
    const wall = midnight + minute * MINUTE_MS;
    return cron.isHourly ? instantsShowing(wall, zone) : [instantOfWallTime(wall, zone)];
  });
  yield* joined(
    starts.sort((a, b) => a - b),
    length,
  );
}

/** The spans of a day on which the clock runs evenly, counted from its midnight. */
function runsOf({ minutes }: Cron, length: number): readonly Span[] {
  return joined(
    minutes.map((minute) => minute * MINUTE_MS),
    length,
  );
}

/** Those that touch are one. */
function joined(starts: readonly EpochMs[], length: number): readonly Span[] {
  const runs: Span[] = [];
  for (const start of starts) {
    const last = runs.at(-1);
    if (last !== undefined && start <= last.end) runs[runs.length - 1] = { ...last, end: start + length };
    else runs.push({ start, end: start + length });
  }
  return runs;
}

/** The spans of several windows in one order, until the work is used up. */
export function* mergeSpans(
  windows: readonly Window[],
  from: EpochMs,
  until: EpochMs,
  work: Work,
): Generator<Span> {
  const heads = distinct(windows).flatMap((window) => {
    const spans = spansOf(window, from, until, work);
    const head = spans.next();
    return head.done === true ? [] : [{ spans, head: head.value }];
  });
  while (heads.length > 0) {
    const index = heads.reduce(
      (best, one, i) => (one.head.start < (heads[best]?.head.start ?? 0) ? i : best),
      0,
    );
    const earliest = heads[index];
    if (earliest === undefined) return;
    yield earliest.head;
    const next = earliest.spans.next();
    if (next.done === true) heads.splice(index, 1);
    else earliest.head = next.value;
  }
}

/** Two that differ in their name alone are open and closed together. */
function distinct(windows: readonly Window[]): readonly Window[] {
  return [...new Map(windows.map((one) => [`${one.cron}|${one.duration}|${one.zone}`, one])).values()];
}
