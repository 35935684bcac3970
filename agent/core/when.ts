// Times as people type them: `sat 02:00`, `02:00`, `2026-03-07 02:00`, or an instant.
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import { instantOfWallTime, wallTime } from '../../shared/encoding/zone.ts';

const DAY_MS = 86_400_000;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const WALL =
  /^(?:(?<day>[a-z]{3})[a-z]* |(?<date>\d{4}-\d{2}-\d{2})[ t])?(?<time>(?:[01]\d|2[0-3]):[0-5]\d)$/;

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
