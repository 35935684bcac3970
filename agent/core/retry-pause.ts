// How long a plan that did not commit is left alone before the agent tries it again by itself.
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';

const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 6 * 60 * 60 * 1000;

/**
 * A full disk or a server that is away fails the same plan again and again: each attempt since the last success doubles
 * the pause, so that neither load nor records grow without bound. Null when the plan may be tried now.
 */
export function retryNotBefore(records: readonly DeploymentRecord[], plan: string): EpochMs | null {
  const since = records.findLastIndex((record) => record.state === 'committed') + 1;
  const failed = records.slice(since).filter((record) => record.plan === plan);
  const last = failed.at(-1)?.stages.at(-1);
  if (last === undefined) return null;
  return instantMs(last.at) + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failed.length - 1));
}
