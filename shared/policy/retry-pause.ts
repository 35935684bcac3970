// How long a plan that did not commit is left alone before the agent tries it again by itself.
import { type EpochMs, instantMs } from '../encoding/instant.ts';
import { type DeploymentRecord, isFinal } from '../schema/deployment.ts';
import { block, type Reason } from './blockers.ts';
import type { DecideInput } from './decide-input.ts';

const FIRST_PAUSE_MS = 60_000;
/** A server that restarts is soon back, and what was fetched so far is on the disk. */
const FIRST_PAUSE_AFTER_LOST_SERVER_MS = 5_000;
const LONGEST_PAUSE_MS = 6 * 60 * 60 * 1000;

export interface RetryPause {
  /** The last attempt. */
  readonly failed: DeploymentRecord;
  readonly since: EpochMs;
  readonly notBefore: EpochMs;
}

/** Holds the agent back, not the operator. */
export function retryReasons({ attempts, command, now }: DecideInput, plan: string): readonly Reason[] {
  const pause = command === null ? retryPause(attempts, plan) : null;
  // An attempt that lies in the future was made by a clock that has been set since: it would hold back for years.
  if (pause === null || now < pause.since || pause.notBefore <= now) return [];
  const { id, failure } = pause.failed;
  return [
    block('retry-later', {
      message: `change ${id} did not commit, and its plan is tried again by itself: ${failure?.message ?? 'no failure was recorded'}`,
      source: 'the deployment records',
      clearsAt: pause.notBefore,
    }),
  ];
}

/** Each attempt doubles it. */
export function pauseAfter(attempts: number, firstMs = FIRST_PAUSE_MS): number {
  return Math.min(LONGEST_PAUSE_MS, firstMs * 2 ** (attempts - 1));
}

/**
 * A full disk or a server that is away fails the same plan again and again: each attempt since the last success doubles
 * the pause, so that neither load nor records grow without bound. Null when the plan has not failed.
 */
export function retryPause(records: readonly DeploymentRecord[], plan: string): RetryPause | null {
  const since = records.findLastIndex((record) => record.state === 'committed') + 1;
  // One that is under way has not failed.
  const attempts = records.slice(since).filter((record) => record.plan === plan && isFinal(record.state));
  const failed = attempts.at(-1);
  const ended = failed?.stages.at(-1);
  if (failed === undefined || ended === undefined) return null;
  const lostServer = failed.failure?.code.startsWith('transport/') === true;
  const first = lostServer ? FIRST_PAUSE_AFTER_LOST_SERVER_MS : FIRST_PAUSE_MS;
  const pauseMs = pauseAfter(attempts.length, first);
  const endedMs = instantMs(ended.at);
  return { failed, since: endedMs, notBefore: endedMs + pauseMs };
}
