// What the records of deployments tell: what settled last, what ended inconsistent, what may still be undone by itself.
import { type EpochMs, instantMs } from '../../../shared/encoding/instant.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentRecord, Plan } from '../../../shared/schema/deployment.ts';

export interface ProbationFacts {
  /** Oldest first. */
  readonly records: readonly DeploymentRecord[];
  /** The generation that runs, and the plan that led to it. */
  readonly current: { readonly number: number; readonly plan: Plan };
  readonly now: EpochMs;
  readonly probationMs: number;
}

/** Failed ways back after which only a person decides. */
const MAX_RETURNS = 2;

/**
 * The deployment to undo when `component` degrades, or null when a person must decide. Never on the way down already,
 * never where going back would cost data: a snapshot restored an hour later takes that hour's work with it.
 */
export function selectUndoable(facts: ProbationFacts, component: ComponentKey): DeploymentRecord | null {
  const { records, current, now, probationMs } = facts;
  const record = records.findLast((one) => one.state === 'committed');
  if (record === undefined || record.generation !== current.number) return null;
  if (record.reason.kind === 'rollback' || record.previousGeneration === null) return null;
  if (current.plan.reversible !== 'yes') return null;
  const isOurs = record.steps.some((step) => step.component === component && step.to !== null);
  if (!isOurs || record.unhealthyBefore?.includes(component)) return null;
  const returns = records.filter((one) => one.id > record.id && one.reason.kind === 'rollback');
  return returns.length < MAX_RETURNS && isWithin(record, now, probationMs) ? record : null;
}

// A clock that was set makes the age senseless: a commit that lies in the future is never undone by itself.
function isWithin(record: DeploymentRecord, now: EpochMs, probationMs: number): boolean {
  const committed = record.stages.at(-1);
  if (committed === undefined) return false;
  const age = now - instantMs(committed.at);
  return age >= 0 && age < probationMs;
}

/** The generation the last deployment that moved anything left running; null where that was none, or nobody can tell. */
export function selectSettled(records: readonly DeploymentRecord[]): number | null {
  const last = records.findLast(({ state }) => state !== 'abandoned');
  switch (last?.state) {
    case 'committed':
      return last.generation;
    case 'rolled-back':
      return last.previousGeneration;
    default:
      return null;
  }
}

/** The deployment it is about. An attempt that was abandoned or rolled back has mended nothing. */
export function selectInconsistent(records: readonly DeploymentRecord[]): DeploymentRecord | null {
  const last = records.findLast(({ state }) => state === 'committed' || state === 'inconsistent');
  return last?.state === 'inconsistent' ? last : null;
}
