// Maintenance windows for people: which there are, and when deployments may start next.
import { instantMs } from '../encoding/instant.ts';
import type { Opening } from '../protocol/opening.ts';
import type { Policy } from '../schema/policy.ts';
import { formatTable, indent } from './table.ts';
import { formatBoth } from './times.ts';

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
