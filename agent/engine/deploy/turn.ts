// One piece of work at a time: who deploys, who waits, and who is told to let go.
import { FairleadError } from '../../../shared/errors/error.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import { type DeploymentRecord, isFinal } from '../../../shared/schema/deployment.ts';
import type { Run } from './run.ts';

/** Where `yielded` aborts, what waits for the network waits no longer. */
export type Work<T> = (hold: (run: Run) => void, yielded: AbortSignal) => Promise<T>;

/** One piece of work at a time; `hold` names the deployment it is about. */
export interface Turn {
  /** Waits for whatever is at work, but not for another deployment. Errors: deploy/busy, deploy/agent-stops. */
  deploy<T>(work: Work<T>): Promise<T>;
  wait<T>(work: Work<T>): Promise<T>;
  /** For questions about what stands still. Error: deploy/busy. */
  waitUnlessBusy<T>(work: Work<T>): Promise<T>;
  inProgress(): DeploymentRecord | null;
  /** How long the deployment under way is watched; null where none is. */
  soakInProgressMs(): Promise<number | null>;
  /** Asks what is at work to give way, unless it is the deployment of this plan. */
  giveWay(plan: string): void;
  /** The number of the deployment that was at work last; 0 where none was. */
  lastHeld(): number;
  /** Tells what is at work to let go, and waits until it has. */
  leave(): Promise<void>;
  isLeaving(): boolean;
}

export function createTurn(): Turn {
  const inTurn = createTurns();
  let deploying = false;
  let held: Run | null = null;
  let yielded = new AbortController();
  let lastHeld = 0;
  let leaving = false;

  const hold = (run: Run): void => {
    held = run;
    lastHeld = run.record.id;
    if (leaving) void run.leave();
  };

  const wait = <T>(work: Work<T>): Promise<T> =>
    inTurn(() => {
      yielded = new AbortController();
      return work(hold, yielded.signal).finally(() => {
        held = null;
      });
    });

  const live = (): Run | null => (held === null || isFinal(held.current().state) ? null : held);

  function verifyIdle(): void {
    if (leaving) throw new FairleadError('deploy/agent-stops', {});
    if (!deploying && held === null) return;
    throw new FairleadError('deploy/busy', { deployment: held?.record.id ?? 0 });
  }

  return {
    wait,
    async waitUnlessBusy(work) {
      verifyIdle();
      return wait(work);
    },
    async deploy(work) {
      verifyIdle();
      deploying = true;
      try {
        return await wait(work);
      } finally {
        deploying = false;
      }
    },
    giveWay(plan) {
      if (held?.record.plan === plan) return;
      yielded.abort();
      held?.giveWay();
    },
    isLeaving: () => leaving,
    lastHeld: () => lastHeld,
    async leave() {
      leaving = true;
      await held?.leave();
      await inTurn(async () => undefined);
    },
    inProgress: () => live()?.current() ?? null,
    soakInProgressMs: async () => (await live()?.options.soakMs()) ?? null,
  };
}
