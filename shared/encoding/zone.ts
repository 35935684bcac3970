// Wall clocks: what a time zone's clock shows at an instant, and the instant at which it shows a given time.
import type { EpochMs } from './instant.ts';

/** A time on a zone's wall clock, as milliseconds of the same time in UTC: it counts, but is no instant. */
export type WallMs = number;

const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

export function isTimeZone(text: string): boolean {
  try {
    return formatFor(text).resolvedOptions().timeZone !== '';
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
  const before = wallTime(wall - DAY_MS, zone) - (wall - DAY_MS);
  const after = wallTime(wall + DAY_MS, zone) - (wall + DAY_MS);
  const shown = [wall - before, wall - after].filter((instant) => wallTime(instant, zone) === wall);
  return shown.length > 0 ? Math.min(...shown) : wall - before;
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
