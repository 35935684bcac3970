// A rollback rehearsed: what it would do, what was tried of it without touching anything, what it has cost before.
import { instantMs } from '../../../shared/encoding/instant.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentRecord, PlanStep } from '../../../shared/schema/deployment.ts';

export interface Rehearsal {
  /** Where it would lead. */
  readonly generation: number;
  readonly steps: readonly PlanStep[];
  readonly checks: readonly RehearsalCheck[];
  /** Components whose data go back to a snapshot: what was written since is lost. */
  readonly restores: readonly ComponentKey[];
  /** The longest interruption of the last deployments; null when there was none to measure. */
  readonly interruptionMs: number | null;
}

export interface RehearsalCheck {
  /** `the files of core/auth are what was signed` */
  readonly check: string;
  /** Null when it holds. */
  readonly problem: string | null;
}

const REMEMBERED = 5;

/** From the first stop until everything was healthy again, the longest of the last few. */
export function longestInterruption(records: readonly DeploymentRecord[]): number | null {
  const measured = records.filter((one) => one.state === 'committed').flatMap(interruptionOf);
  return measured.length === 0 ? null : Math.max(...measured.slice(-REMEMBERED));
}

function interruptionOf({ stages }: DeploymentRecord): readonly number[] {
  const from = stages.find((one) => one.state === 'stopping');
  const until = stages.findLast((one) => one.state === 'soaking');
  if (from === undefined || until === undefined) return [];
  const ms = instantMs(until.at) - instantMs(from.at);
  // A clock that was set in between measured nothing.
  return ms >= 0 && ms < 86_400_000 ? [ms] : [];
}
