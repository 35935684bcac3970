// Times for people: instants on their own clock, maintenance windows, and when deployments may start next.
import { type EpochMs, formatInstant, instantMs } from '../encoding/instant.ts';
import { isTimeZone, wallTime } from '../encoding/zone.ts';
import type { Opening } from '../protocol/upkeep.ts';
import type { Policy } from '../schema/policy.ts';
import { formatTable, indent } from './table.ts';

export function renderWindows({ windows }: Policy, openings: readonly Opening[], zone: string): string[] {
  const rows = (['allow', 'deny'] as const).flatMap((list) =>
    windows[list].map((window) => [list, window.name, window.cron, window.duration, window.zone]),
  );
  if (rows.length === 0) return ['No windows: a deployment may start at any time.'];
  return [
    ...formatTable([['LIST', 'NAME', 'CRON', 'DURATION', 'ZONE'], ...rows]),
    ...renderOpenings(openings, zone),
  ];
}

export function renderOpenings(openings: readonly Opening[], zone: string): string[] {
  if (openings.length === 0) return ['No deployment may ever start.'];
  const lines = openings.map(({ opens, closes }) => {
    const until = closes === null ? 'and stays open' : `until ${formatBoth(instantMs(closes), zone)}`;
    return `${formatBoth(instantMs(opens), zone)} ${until}`;
  });
  return ['Next openings:', ...indent(lines)];
}

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
