// The deployments that the agent begins by itself, beside the rounds: whatever one waits for, what is asked and decided does not.
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Offer } from '../../core/conclude.ts';
import type { Log } from '../../ports/machine.ts';

export interface OwnDeployments {
  /** Returns at once; a plan that is under way goes on. */
  begin(offer: Offer): void;
}

export interface OwnDeploymentsOptions {
  readonly deploy: (offer: Offer) => Promise<DeploymentRecord>;
  /** What was just deployed may open the way for the next step, a required stop for one. */
  readonly onCommitted: () => void;
  readonly log: Log;
}

export function createOwnDeployments({ deploy, onCommitted, log }: OwnDeploymentsOptions): OwnDeployments {
  const underWay = new Set<string>();

  async function run(offer: Offer): Promise<void> {
    try {
      if ((await deploy(offer)).state === 'committed') onCommitted();
    } catch (err) {
      const code = isFairleadError(err) ? err.code : 'internal';
      log.warn({ code, err }, 'a deployment did not start');
    }
  }

  return {
    begin(offer) {
      const plan = digestOfValue(offer.plan);
      if (underWay.has(plan)) return;
      underWay.add(plan);
      void run(offer).finally(() => underWay.delete(plan));
    },
  };
}
