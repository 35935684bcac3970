// What comes at this moment, for people: its name, how much of it is here, how fast it comes, and how long the rest will take.
import { formatDuration } from '../encoding/instant.ts';
import type { Pace } from '../encoding/pace.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { formatBytes } from '../errors/entry.ts';
import type { Transfer } from '../protocol/transfer.ts';

/**
 * `12.3 MB of 40.0 MB, 1.2 MB/s, 23s left`, without what nobody knows: how much there is, or at which rate it comes.
 */
export function describePace(bytes: number, total: number | null, pace: Pace): string {
  const of = total === null ? '' : ` of ${formatBytes(total)}`;
  return [`${formatBytes(bytes)}${of}`, ...describeRate(pace)].join(', ');
}

/** `fetching core/auth 1.0.1, as a patch` */
export function nameTransfer({ what, way }: Pick<Transfer, 'what' | 'way'>): string {
  return `fetching ${sanitizeLine(what)}${way === 'patch' ? ', as a patch' : ''}`;
}

/** What has come in full is being unpacked: `unpacking core/auth 1.0.1: all 40.0 MB are here` */
export function describeTransfer(one: Transfer): string {
  const { what, bytes, total } = one;
  if (bytes === total) return `unpacking ${sanitizeLine(what)}: all ${formatBytes(bytes)} are here`;
  return `${nameTransfer(one)}: ${describePace(bytes, total, one)}`;
}

function describeRate({ bytesPerSecond, leftMs, stalledMs }: Pace): readonly string[] {
  if (stalledMs > 0) return [`STALLED for ${formatSeconds(stalledMs)}`];
  return [
    ...(bytesPerSecond === null ? [] : [`${formatBytes(bytesPerSecond)}/s`]),
    ...(leftMs === null ? [] : [`${formatSeconds(leftMs)} left`]),
  ];
}

/** Whole seconds: tenths would only flicker. */
function formatSeconds(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 60 ? `${seconds}s` : formatDuration(seconds * 1000);
}
