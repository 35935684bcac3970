// Whether the instance waits for a person: a deployment ended neither old nor new, and nothing was committed since.
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';

/** The deployment it is about. An attempt that was abandoned or rolled back has mended nothing. */
export function selectInconsistent(records: readonly DeploymentRecord[]): DeploymentRecord | null {
  const last = records.findLast(({ state }) => state === 'committed' || state === 'inconsistent');
  return last?.state === 'inconsistent' ? last : null;
}
