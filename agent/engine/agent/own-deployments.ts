// The deployments that the agent begins by itself, beside the rounds: whatever one waits for, what is asked and decided does not.
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Offer } from '../../core/conclude.ts';
import type { Log } from '../../ports/machine.ts';

export interface OwnDeployments {
  /** Returns at once; a plan that is under way goes on. */
  begin(offer: Offer): void;
  /** Why the last one did not even begin, so that no record tells of it, and what helps; null where it began. */
  problem(): string | null;
}

export interface OwnDeploymentsOptions {
  readonly deploy: (offer: Offer) => Promise<DeploymentRecord>;
  /** What was just deployed may open the way for the next step, a required stop for one. */
  readonly onCommitted: () => void;
  readonly log: Log;
}

/** Another one is at work, or has been since the decision. */
const ITS_TURN_COMES = ['deploy/busy', 'deploy/agent-stops', 'deploy/outdated'] as const;

export function createOwnDeployments({ deploy, onCommitted, log }: OwnDeploymentsOptions): OwnDeployments {
  const underWay = new Set<string>();
  let problem: string | null = null;

  async function run(offer: Offer): Promise<void> {
    try {
      const { state } = await deploy(offer);
      problem = null;
      if (state === 'committed') onCommitted();
    } catch (err) {
      const code = isFairleadError(err) ? err.code : 'internal';
      problem = isFairleadError(err, ...ITS_TURN_COMES) ? null : problemOf(err);
      log.warn({ code, err }, 'a deployment did not start');
    }
  }

  return {
    problem: () => problem,
    begin(offer) {
      const plan = digestOfValue(offer.plan);
      if (underWay.has(plan)) return;
      underWay.add(plan);
      void run(offer).finally(() => underWay.delete(plan));
    },
  };
}

function problemOf(error: unknown): string {
  return isFairleadError(error) ? `${error.message}: ${error.hint}` : 'a fault of the agent: see its log';
}
