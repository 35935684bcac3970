// Post-deploy verification: whether the fleet's reports let a change be completed, end it, or say nothing yet.

import type { FleetCounts } from '../../../shared/change/change.ts';
import { type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';

export type FleetVerdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' }
  /** One line that says what is still missing. */
  | { readonly kind: 'awaited'; readonly awaited: string };

export interface FleetEvidence {
  readonly counts: FleetCounts;
  /** How many instances must have committed the release. */
  readonly atLeast: number;
  /** When the last wave opens; null when no rollout offers the release. */
  readonly lastWave: EpochMs | null;
  readonly now: EpochMs;
}

/**
 * One instance that came back or could not be brought to either end fails the release: waves exist so that this is
 * noticed while few are affected. Silence never counts as success.
 */
export function judgeFleet({ counts, atLeast, lastWave, now }: FleetEvidence): FleetVerdict {
  if (counts.rolledBack > 0 || counts.failed > 0) return { kind: 'failed' };
  if (counts.inProgress > 0) return awaiting(`${counts.inProgress} still deploying`);
  if (counts.committed < atLeast) return awaiting(`${counts.committed} of ${atLeast} instances committed`);
  if (lastWave !== null && lastWave > now) {
    return awaiting(`the last wave opens at ${formatInstant(lastWave)}`);
  }
  return { kind: 'passed' };
}

/** Whether more than this share of the deployments that have ended went wrong. `share` is from 0 to 1. */
export function exceedsShare({ committed, rolledBack, failed }: FleetCounts, share: number): boolean {
  const wrong = rolledBack + failed;
  return wrong > share * (committed + wrong);
}

/** A platform or suite fares as the capabilities it ships: as widely as the rarest, with every failure. */
export function combineCounts(parts: readonly FleetCounts[]): FleetCounts {
  const sum = (key: keyof FleetCounts) => parts.reduce((total, part) => total + part[key], 0);
  return {
    committed: parts.length === 0 ? 0 : Math.min(...parts.map((part) => part.committed)),
    rolledBack: sum('rolledBack'),
    inProgress: sum('inProgress'),
    failed: sum('failed'),
  };
}

function awaiting(awaited: string): FleetVerdict {
  return { kind: 'awaited', awaited };
}
