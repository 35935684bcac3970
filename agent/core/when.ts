// Times as people type them: `sat 02:00`, `02:00`, `2026-03-07 02:00`, an instant, or a span such as `4h`.
import { durationMs } from '../../shared/encoding/duration.ts';
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import { instantOfWallTime, wallTime } from '../../shared/encoding/zone.ts';

const DAY_MS = 86_400_000;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const WALL =
  /^(?:(?<day>[a-z]{3})[a-z]* |(?<date>\d{4}-\d{2}-\d{2})[ t])?(?<time>(?:[01]\d|2[0-3]):[0-5]\d)$/;
const SHORT = /^(\d{1,5})(s|m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS };

/** The next such moment on the zone's wall clock; null for text that is no time. */
export function parseWhen(text: string, now: EpochMs, zone: string): EpochMs | null {
  const written = text.trim();
  const instant = instantMs(written);
  if (!Number.isNaN(instant)) return instant;
  const { day, date, time } = WALL.exec(written.toLowerCase())?.groups ?? {};
  if (time === undefined) return null;
  const clock = clockMs(time);
  if (date !== undefined) {
    const midnight = instantMs(`${date}T00:00:00Z`);
    return Number.isNaN(midnight) ? null : instantOfWallTime(midnight + clock, zone);
  }
  const weekday = day === undefined ? null : DAYS.indexOf(day);
  return weekday === -1 ? null : nextOnWallClock(now, zone, clock, weekday);
}

/** Milliseconds of `4h`, `90m`, `3d` or an ISO 8601 duration; NaN for any other text. */
export function parseSpan(text: string): number {
  const [, count, unit] = SHORT.exec(text.trim()) ?? [];
  return unit === undefined ? durationMs(text.trim()) : Number(count) * (UNIT_MS[unit] ?? Number.NaN);
}

/** Today counts while the time is still to come. */
function nextOnWallClock(now: EpochMs, zone: string, clock: number, weekday: number | null): EpochMs | null {
  const today = Math.floor(wallTime(now, zone) / DAY_MS) * DAY_MS;
  for (let days = 0; days <= 7; days++) {
    const midnight = today + days * DAY_MS;
    if (weekday !== null && new Date(midnight).getUTCDay() !== weekday) continue;
    const at = instantOfWallTime(midnight + clock, zone);
    if (at > now) return at;
  }
  return null;
}

function clockMs(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return (hours * 60 + minutes) * 60_000;
}
