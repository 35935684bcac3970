// Post-deploy verification: whether the fleet's reports let a change be completed, end it, or say nothing yet.

import type { FleetCounts } from '../../../shared/change/change.ts';
import { exceedsShare, shareOf } from '../../../shared/change/judge.ts';
import { type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';
import { count } from '../../../shared/errors/entry.ts';
import { FairleadError } from '../../../shared/errors/error.ts';

export type FleetVerdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' }
  /** One line that says what is still missing. */
  | { readonly kind: 'awaited'; readonly awaited: string };

export interface FleetEvidence {
  readonly counts: FleetCounts;
  /** Share of the deployments, from 0 to 1, that may go wrong: fixed when the change was opened. */
  readonly tolerance: number;
  /** A person has looked at machines that failed by themselves, or fell silent, beyond the tolerance. */
  readonly isAcknowledged: boolean;
  /** How many instances must have committed the release. */
  readonly atLeast: number;
  /** When the last wave opens; null when no rollout offers the release. */
  readonly lastWave: EpochMs | null;
  readonly now: EpochMs;
}

/**
 * By rate and by cause. What the release itself did beyond the tolerance fails it, whoever acknowledges it. What the machines did is no
 * evidence against it, and none for it: like silence it must be within the tolerance, or be acknowledged by a person.
 */
export function judgeFleet(evidence: FleetEvidence): FleetVerdict {
  const { counts, tolerance, isAcknowledged, atLeast, lastWave, now } = evidence;
  const { environment = 0, silent = 0, overdue = 0 } = counts;
  if (exceedsShare(counts, tolerance)) return { kind: 'failed' };
  // What has no end within its time was counted among what went wrong, and nobody waits for it.
  const active = counts.inProgress - silent - overdue;
  if (active > 0) return awaiting(`${active} still deploying`);
  if (counts.committed < atLeast)
    return awaiting(`${counts.committed} of ${count(atLeast, 'instance')} committed`);
  if (lastWave !== null && lastWave > now) {
    return awaiting(`the last wave opens at ${formatInstant(lastWave)}`);
  }
  const all = counts.committed + counts.rolledBack + counts.failed + counts.inProgress;
  if (environment + silent > tolerance * all && !isAcknowledged) {
    const unknown = `${environment} failed by their machines and ${silent} silent for a day, of ${all}`;
    return awaiting(`${unknown}: look at them, then --acknowledge --reason TEXT`);
  }
  return { kind: 'passed' };
}

/** A platform or suite fares as the capabilities it ships: as widely as the rarest, with every failure. */
export function combineCounts(parts: readonly FleetCounts[]): FleetCounts {
  const sum = (key: keyof FleetCounts) => parts.reduce((total, part) => total + (part[key] ?? 0), 0);
  const some = (['environment', 'silent', 'overdue', 'degraded'] as const).flatMap((key) => {
    const total = sum(key);
    return total === 0 ? [] : [[key, total] as const];
  });
  return {
    committed: parts.length === 0 ? 0 : Math.min(...parts.map((part) => part.committed)),
    rolledBack: sum('rolledBack'),
    inProgress: sum('inProgress'),
    failed: sum('failed'),
    ...Object.fromEntries(some),
  };
}

/** `2%`, `0.5%` → a share from 0 to 1. Error: vendor/option-invalid. */
export function parseShare(value: string, option: string): number {
  const share = shareOf(value);
  if (share !== null) return share;
  throw new FairleadError('vendor/option-invalid', { option, value, form: '0% to 100%, such as 2% or 0.5%' });
}

function awaiting(awaited: string): FleetVerdict {
  return { kind: 'awaited', awaited };
}
