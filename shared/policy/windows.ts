// Maintenance windows: whether a deployment may start now, and when the next openings are.
import { matchesAfter, matchesUntil } from '../encoding/cron.ts';
import { durationMs } from '../encoding/duration.ts';
import type { EpochMs } from '../encoding/instant.ts';
import { instantOfWallTime, wallTime } from '../encoding/zone.ts';
import type { Policy, Window } from '../schema/policy.ts';

type Windows = Policy['windows'];

export interface Opening {
  readonly opens: EpochMs;
  /** Null: it stays open. */
  readonly closes: EpochMs | null;
}

const DAY_MS = 86_400_000;
/** Openings and closings looked at before giving up: a deny window may cover every allow window for good. */
const MAX_STEPS = 1000;

/** Windows gate the start of a deployment only; without allow windows every time is open that is not denied. */
export function isOpen(windows: Windows, at: EpochMs): boolean {
  return !isWithinAny(windows.deny, at) && (windows.allow.length === 0 || isWithinAny(windows.allow, at));
}

/** The first instant at or after `from` at which a deployment may start; null when none is found. */
export function nextOpen(windows: Windows, from: EpochMs): EpochMs | null {
  let at = from;
  for (let step = 0; step < MAX_STEPS; step++) {
    if (isOpen(windows, at)) return at;
    const denied = latestEnd(windows.deny, at);
    const next = denied ?? earliestStart(windows.allow, at);
    if (next === null) return null;
    at = next;
  }
  return null;
}

/** The openings from `from` on; the first may have begun already. */
export function nextOpenings(windows: Windows, from: EpochMs, count: number): readonly Opening[] {
  const openings: Opening[] = [];
  for (let at: EpochMs | null = from; at !== null && openings.length < count; ) {
    const opens = nextOpen(windows, at);
    if (opens === null) break;
    const closes = nextClose(windows, opens);
    openings.push({ opens, closes });
    at = closes;
  }
  return openings;
}

function nextClose(windows: Windows, from: EpochMs): EpochMs | null {
  const denied = earliestStart(windows.deny, from);
  let end = windows.allow.length === 0 ? null : latestEnd(windows.allow, from);
  // Windows that overlap or touch are one opening.
  for (let step = 0; end !== null && step < MAX_STEPS; step++) {
    const later = latestEnd(windows.allow, end);
    if (later === null || (denied !== null && denied <= end)) break;
    end = later;
  }
  return denied === null || (end !== null && end < denied) ? end : denied;
}

function isWithinAny(windows: readonly Window[], at: EpochMs): boolean {
  return windows.some((window) => endOfSpan(window, at) !== null);
}

function latestEnd(windows: readonly Window[], at: EpochMs): EpochMs | null {
  const ends = windows.map((window) => endOfSpan(window, at)).filter((end) => end !== null);
  return ends.length === 0 ? null : Math.max(...ends);
}

function earliestStart(windows: readonly Window[], after: EpochMs): EpochMs | null {
  const starts = windows.map((window) => nextStart(window, after)).filter((start) => start !== null);
  return starts.length === 0 ? null : Math.min(...starts);
}

/** The end of the span of this window that holds the instant; null outside. Durations are real time, not wall time. */
function endOfSpan(window: Window, at: EpochMs): EpochMs | null {
  const length = durationMs(window.duration);
  const days = Math.ceil(length / DAY_MS) + 2;
  for (const wall of matchesUntil(window.cron, wallTime(at, window.zone) + slack(window, at), days)) {
    const start = instantOfWallTime(wall, window.zone);
    if (start <= at) return at < start + length ? start + length : null;
  }
  return null;
}

function nextStart(window: Window, after: EpochMs): EpochMs | null {
  for (const wall of matchesAfter(window.cron, wallTime(after, window.zone) - slack(window, after))) {
    const start = instantOfWallTime(wall, window.zone);
    if (start > after) return start;
  }
  return null;
}

/**
 * How far the wall clock's order may differ from the order of instants: not at all while the clock runs evenly. Around a
 * change an hour can be missing or double, so a day further is looked at and instants are compared.
 */
function slack({ zone }: Window, at: EpochMs): number {
  const offset = (instant: EpochMs) => wallTime(instant, zone) - Math.floor(instant / 1000) * 1000;
  return offset(at - DAY_MS) === offset(at + DAY_MS) ? 0 : DAY_MS;
}
