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
/** 29 February can be eight years away. */
const HORIZON_DAYS = 8 * 366 + 2;
/** How far ahead is looked; what opens later never opens, what is open until then stays open. */
export const HORIZON_MS = HORIZON_DAYS * DAY_MS;

/**
 * The spans of a window that end after `from`, earliest start first, for eight years. They may overlap; those of one day
 * that touch are one. Durations are real time.
 *
 * A time of day that the clock shows twice counts the first time, one that it never shows counts as if the clock had
 * not been touched yet (RFC 5545 §3.3.5). A rhythm that matches in every hour goes on through the hour that is shown twice.
 */
export function* spansOf(window: Window, from: EpochMs): Generator<Span> {
  const cron = cronOf(window.cron);
  const length = durationMs(window.duration);
  const runs = runsOf(cron, length);
  const first = Math.floor(wallTime(from - length, window.zone) / DAY_MS) - 1;
  for (let day = first; day <= first + HORIZON_DAYS + length / DAY_MS + 3; day++) {
    const midnight = day * DAY_MS;
    if (!cron.isDay(midnight)) continue;
    for (const span of spansOfDay(window.zone, cron, length, runs, midnight)) if (span.end > from) yield span;
  }
}

function spansOfDay(
  zone: string,
  cron: Cron,
  length: number,
  runs: readonly Span[],
  midnight: WallMs,
): readonly Span[] {
  const { before, after } = clockAround(midnight, zone);
  if (before === after) {
    const shift = midnight - before;
    return runs.map(({ start, end }) => ({ start: start + shift, end: end + shift }));
  }
  const starts = cron.minutes.flatMap((minute) => {
    const wall = midnight + minute * MINUTE_MS;
    return cron.isHourly ? instantsShowing(wall, zone) : [instantOfWallTime(wall, zone)];
  });
  return starts.sort((a, b) => a - b).map((start) => ({ start, end: start + length }));
}

/** The spans of a day on which the clock runs evenly, counted from its midnight. */
function runsOf({ minutes }: Cron, length: number): readonly Span[] {
  const runs: Span[] = [];
  for (const minute of minutes) {
    const start = minute * MINUTE_MS;
    const last = runs.at(-1);
    if (last !== undefined && start <= last.end) runs[runs.length - 1] = { ...last, end: start + length };
    else runs.push({ start, end: start + length });
  }
  return runs;
}

/** The spans of several windows in one order. */
export function* mergeSpans(windows: readonly Window[], from: EpochMs): Generator<Span> {
  const heads = windows.flatMap((window) => {
    const spans = spansOf(window, from);
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
