// The rows that analytics read, and how many are kept: counts of deployments by how they ended, and how the fleet stood when.
import type { SampleKind } from '../../shared/protocol/analytics.ts';

export const KEPT_STAT_DAYS = 400;
/** Of one day: what agents say of themselves fills no disk; beyond it a day counts as `OTHERS` whatever is new in it. */
export const MOST_STATS_A_DAY = 20_000;
/** Hours of samples go after a fortnight, the last of each day stays. */
export const KEPT_SAMPLE_HOURS = 14 * 24;
export const KEPT_SAMPLE_DAYS = 400;
/** Of the versions that run: those that most instances do. */
export const MOST_VERSIONS = 1_000;
/** A component or a version that nobody released here. */
export const OTHERS = 'other';

export type Outcome = 'committed' | 'rolled-back' | 'failed' | 'environment';

export interface DeploymentStatRow {
  /** Of its end by the clock of its install, UTC: `2026-11-29`. */
  readonly day: string;
  readonly component: string;
  /** What it was to become; for a rollback what was left. */
  readonly version: string;
  /** Of the plan: `channel`, `forced`, `manual` or `rollback`. */
  readonly reason: string;
  readonly outcome: Outcome;
  /** Of its duration; see core/durations.ts. */
  readonly step: number;
  readonly deployments: number;
}

/** There is one row of each. */
export const STAT_KEY = ['day', 'component', 'version', 'reason', 'outcome', 'step'] as const;

export interface FleetSampleRow {
  /** The beginning of its hour; of its day for what runs. */
  readonly at: string;
  readonly kind: SampleKind;
  readonly name: string;
  readonly instances: number;
}
