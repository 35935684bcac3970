// What an attack is: something done to a running install, and the one way it may end.
import { setTimeout as delay } from 'node:timers/promises';
import type { DeploymentState } from '../../../../shared/schema/deployment.ts';
import type { AgentStart } from './agent-process.ts';
import type { Fort } from './fort.ts';

export interface Attack {
  readonly name: string;
  /** Before the agent starts. */
  readonly prepare?: (fort: Fort) => Promise<unknown>;
  readonly start?: AgentStart;
  /** While it runs; the update begins by itself within two seconds. */
  readonly strike?: (fort: Fort) => Promise<unknown>;
  /** For how long the agent is watched then. */
  readonly watchMs?: number;
  /** Takes the attack away; what has to come right afterwards comes right by itself. */
  readonly lift?: (fort: Fort) => Promise<unknown>;
  /** `new` unless given: what serves in the end. `old` where the attack took the right to update. */
  readonly end?: 'old' | 'new' | 'either';
}

const LOOK_MS = 30;
const LONGEST_LOOK_MS = 60_000;

/** Until the deployment under way shows the state; false when it went by unseen. */
export async function reaches(fort: Fort, state: DeploymentState): Promise<boolean> {
  const end = performance.now() + LONGEST_LOOK_MS;
  while (performance.now() < end) {
    const status = await fort.status();
    if (status?.inProgress?.state === state) return true;
    if (
      (await fort.changes())?.some(({ id, state: now }) => id > FIRST_CHANGES && now === 'committed') === true
    )
      return false;
    await delay(LOOK_MS);
  }
  return false;
}

/** Those that made the install; what comes after them is the attacked update. */
export const FIRST_CHANGES = 2;
