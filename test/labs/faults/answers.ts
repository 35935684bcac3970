// A person's answer to a plan that waits: a yes starts one deployment and no other, a no ends the matter.
import { NO_APPROVALS } from '../../../agent/core/approvals.ts';
import { giveApproval } from '../../../agent/engine/agent/approvals.ts';
import { assess } from '../../../agent/engine/agent/assess.ts';
import type { AgentState } from '../../../agent/engine/agent/state.ts';
import { planDigest } from '../../../shared/compile/plan.ts';
import type { ApprovalStatement } from '../../../shared/schema/approval.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Acknowledged } from './acknowledged.ts';
import { agentOf, askAgent, catalogOf, roundToEnd, writePolicy } from './agent-of.ts';
import type { Instance, Scenario } from './laboratory.ts';
import { deployNext, ONE, TWO } from './releases.ts';
import { USUAL } from './scenario.ts';

type Answer = ApprovalStatement['verdict'];

const CATALOG = catalogOf(ONE, TWO);
/** Longer than any pause between two attempts, shorter than a yes lasts. */
const LATER_MS = 8 * 3_600_000;

export const APPROVAL: Scenario = {
  ...scenarioOf('approve'),
  name: 'approval',
  async next(instance) {
    await liftQuarantine(instance);
    await answerIfAsked(instance, 'approve');
    const committed = (await approvedRecords(instance)).some(({ state }) => state === 'committed');
    if (!committed) throw new Error('what is approved is not deployed');
    await deployNext(instance);
  },
};

export const DENIAL: Scenario = {
  ...scenarioOf('deny'),
  name: 'denial',
  async next(instance) {
    await answerIfAsked(instance, 'deny');
    await answerIfAsked(instance, 'approve');
    if ((await approvedRecords(instance)).length > 0) throw new Error('what was denied is deployed');
    await deployNext(instance);
  },
};

function scenarioOf(verdict: Answer): Omit<Scenario, 'name' | 'next'> {
  return {
    ...USUAL,
    history: [ONE],
    async before(instance) {
      await writePolicy(instance);
      await roundToEnd(agentOf(instance, CATALOG));
    },
    async act(instance, acknowledge) {
      const state = agentOf(instance, CATALOG);
      const plan = await answer(state, verdict);
      if (plan !== null) acknowledge({ kind: 'answered', plan, verdict });
      await roundToEnd(state);
    },
    goOn,
    broken,
  };
}

/** A round at once, and one when every pause after a failure is over. */
async function goOn(instance: Instance): Promise<void> {
  const state = agentOf(instance, CATALOG);
  await roundToEnd(state);
  instance.clock.advance(LATER_MS);
  await roundToEnd(state);
}

async function answerIfAsked(instance: Instance, verdict: Answer): Promise<void> {
  instance.clock.advance(LATER_MS);
  const state = agentOf(instance, CATALOG);
  await answer(state, verdict);
  await roundToEnd(state);
}

/** What was interrupted twice is quarantined: with that a yes alone starts nothing. */
async function liftQuarantine(instance: Instance): Promise<void> {
  for (const { component } of await instance.deployer.quarantine())
    await askAgent(instance, 'DELETE', `/v1/quarantine/${component}`, { reason: 'the power failed' });
}

/** The plan it was given to; null when none is on offer. */
async function answer(state: AgentState, verdict: Answer): Promise<string | null> {
  const { offer } = await assess(state);
  if (offer === null) return null;
  const plan = planDigest(offer.plan);
  await giveApproval(state, { plan, verdict, reason: 'CAB 12' }, 'ada');
  return plan;
}

async function broken(instance: Instance, acknowledged: readonly Acknowledged[]): Promise<readonly string[]> {
  const { receipts } = (await agentOf(instance, CATALOG).choice.approvals.read()) ?? NO_APPROVALS;
  const answers = receipts.map(({ receipt }) => written(receipt.statement));
  const audited = (await instance.audit.entries()).map(
    ({ event, details }) => `${event} ${written(details)}`,
  );
  const told = acknowledged.flatMap((fact) => (fact.kind === 'answered' ? [written(fact)] : []));
  const started = (await approvedRecords(instance)).filter(({ state }) => state !== 'abandoned').length;
  const yeses = receipts.filter(({ receipt }) => receipt.statement.verdict === 'approve').length;
  return [
    ...told.filter((one) => !answers.includes(one)).map((one) => `acknowledged ${one}, and it is lost`),
    ...answers
      .filter((one) => !audited.includes(`approval-given ${one}`))
      .map((one) => `${one} is unaudited`),
    ...(started > yeses ? [`approved ${yeses} times, started ${started} times`] : []),
  ];
}

function written({ plan, verdict }: { readonly plan?: unknown; readonly verdict?: unknown }): string {
  return `${verdict} ${plan}`;
}

/** Deployments of what waits for an answer. */
async function approvedRecords({ deployer }: Instance): Promise<readonly DeploymentRecord[]> {
  return (await deployer.records()).filter(({ reason }) => reason.kind === 'manual');
}
