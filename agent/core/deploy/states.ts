// The states of a deployment and every way from one to the next, as one table.
import { type DeploymentState, type FinalState, isFinal } from '../../../shared/schema/deployment.ts';

export type WorkingState = Exclude<DeploymentState, FinalState>;

/** What happened, in the past tense. */
export type DeployEvent =
  | 'accepted'
  | 'fetched'
  | 'verified'
  | 'allowed'
  | 'stopped'
  | 'switched'
  | 'started'
  | 'passed'
  | 'soaked'
  | 'failed'
  | 'interrupted'
  | 'restored'
  | 'exhausted';

/**
 * Up to `preflight` nothing live is touched, so a failure is abandoned; later it is rolled back. What was interrupted while
 * it was judged is started and judged anew: a power cut has stopped every service. No way leads out of a rollback but its end.
 */
export const TRANSITIONS = {
  planned: { accepted: 'fetching', failed: 'abandoned' },
  fetching: { fetched: 'staged', failed: 'abandoned' },
  staged: { verified: 'preflight', failed: 'abandoned' },
  preflight: { allowed: 'stopping', failed: 'abandoned' },
  stopping: { stopped: 'switching', failed: 'rolling-back' },
  switching: { switched: 'starting', failed: 'rolling-back' },
  starting: { started: 'verifying', failed: 'rolling-back' },
  verifying: { passed: 'soaking', failed: 'rolling-back', interrupted: 'starting' },
  soaking: { soaked: 'committed', failed: 'rolling-back', interrupted: 'starting' },
  'rolling-back': { restored: 'rolled-back', exhausted: 'inconsistent' },
} as const satisfies Record<WorkingState, Partial<Record<DeployEvent, DeploymentState>>>;

/** A programming error when the table has no such way: the engine never guesses. */
export function transition(state: WorkingState, event: DeployEvent): DeploymentState {
  const ways: Partial<Record<DeployEvent, DeploymentState>> = TRANSITIONS[state];
  const next = ways[event];
  if (next === undefined) throw new Error(`no way from ${state} on ${event}`);
  return next;
}

/**
 * True where an agent that is told to stop may simply go: nothing live was touched, or every service runs and only has to
 * be judged again.
 */
export function canBeLeft(state: DeploymentState): boolean {
  return isUntouched(state) || state === 'verifying' || state === 'soaking';
}

/** True while the live system has not been touched yet. */
export function isUntouched(state: DeploymentState): boolean {
  return state === 'planned' || state === 'fetching' || state === 'staged' || state === 'preflight';
}

/** Mermaid's `stateDiagram-v2`. */
export function drawStateDiagram(): string {
  const ways = Object.entries(TRANSITIONS).flatMap(([from, events]) =>
    Object.entries(events).map(([event, to]) => ({ from, event, to })),
  );
  const ends = new Set(ways.map((way) => way.to).filter((state: DeploymentState) => isFinal(state)));
  return [
    'stateDiagram-v2',
    '  [*] --> planned',
    ...ways.map((way) => `  ${way.from} --> ${way.to} : ${way.event}`),
    ...[...ends].map((state) => `  ${state} --> [*]`),
    '',
  ].join('\n');
}
