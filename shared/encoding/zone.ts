// Wall clocks: what a time zone's clock shows at an instant, and the instant at which it shows a given time.
import type { EpochMs } from './instant.ts';

/** A time on a zone's wall clock, as milliseconds of the same time in UTC: it counts, but is no instant. */
export type WallMs = number;

const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

export function isTimeZone(text: string): boolean {
  try {
    formatFor(text);
    return true;
  } catch {
    return false;
  }
}

export function wallTime(instant: EpochMs, zone: string): WallMs {
  const parts = new Map(
    formatFor(zone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

/**
 * When the clock is set back a time shows twice: the first counts. When it is set forward a time never shows: it is
 * taken as if the clock had not been touched yet, so 02:30 becomes 03:30 (RFC 5545 §3.3.5).
 */
export function instantOfWallTime(wall: WallMs, zone: string): EpochMs {
  return instantsShowing(wall, zone)[0] ?? wall - clockAround(wall, zone).before;
}

/** Every instant at which the clock shows this time: one, two when it is set back over it, none when forward. */
export function instantsShowing(wall: WallMs, zone: string): readonly EpochMs[] {
  const { before, after, changes } = clockAround(wall, zone);
  return [
    ...(wall - before < changes ? [wall - before] : []),
    ...(wall - after >= changes ? [wall - after] : []),
  ];
}

/** How a zone's clock runs through one day. */
interface ZoneClock {
  /** Milliseconds ahead of UTC. */
  readonly before: number;
  readonly after: number;
  /** The first instant of `after`; infinite on a day on which the clock runs evenly. */
  readonly changes: EpochMs;
}

const clocks = new Map<string, Map<number, ZoneClock>>();
const MAX_DAYS_KNOWN = 20_000;

/** Of the day on which the wall clock shows this time. Remembered: looking years ahead asks for the same days again. */
export function clockAround(wall: WallMs, zone: string): ZoneClock {
  const day = Math.floor(wall / DAY_MS);
  const known = clocks.get(zone) ?? new Map<number, ZoneClock>();
  clocks.set(zone, known);
  if (known.size >= MAX_DAYS_KNOWN) known.clear();
  const clock = known.get(day) ?? readClock(day, zone);
  known.set(day, clock);
  return clock;
}

/** All of it in whole seconds. No zone is further than a day from UTC, and none changes twice in three days. */
function readClock(day: number, zone: string): ZoneClock {
  let [low, high] = [(day - 1) * DAY_MS, (day + 2) * DAY_MS];
  const [before, after] = [offsetAt(low, zone), offsetAt(high, zone)];
  if (before === after) return { before, after, changes: Number.POSITIVE_INFINITY };
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offsetAt(middle, zone) === before) low = middle;
    else high = middle;
  }
  return { before, after, changes: high };
}

function offsetAt(instant: EpochMs, zone: string): number {
  return wallTime(instant, zone) - instant;
}

function formatFor(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(zone, format);
  return format;
}
