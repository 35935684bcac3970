// Instants for people: on the wall clock they live by, and in UTC.
import { type EpochMs, formatInstant } from '../encoding/instant.ts';
import { isTimeZone, wallTime } from '../encoding/zone.ts';

/** The terminal's zone, or UTC where it says none, or one that nobody knows. */
export function localZone(zone: string | undefined): string {
  return zone !== undefined && isTimeZone(zone) ? zone : 'UTC';
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** `sat 2026-03-07 02:00 Europe/Berlin (2026-03-07T01:00:00Z)` */
export function formatBoth(at: EpochMs, zone: string): string {
  const wall = wallTime(at, zone);
  const [date, time] = formatInstant(wall).split('T');
  const day = DAYS[new Date(wall).getUTCDay()];
  return `${day} ${date} ${time?.slice(0, 5)} ${zone} (${formatInstant(at)})`;
}
