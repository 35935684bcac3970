// Where the instance stands by its records alone: what a lost `current` must have named.
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';

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
