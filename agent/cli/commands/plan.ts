// fairlead plan: what the update on offer would change, or what would lead to a release one names, and of which packages the versions differ; nothing is done.
import { z } from 'zod';
import { EXIT } from '../../../shared/errors/entry.ts';
import { describeWay } from '../../../shared/present/changes.ts';
import { describeFit, renderCost, renderPlan } from '../../../shared/present/explanation.ts';
import { countDifference, describeDifference } from '../../../shared/present/sbom-difference.ts';
import { describeVerdict } from '../../../shared/present/verdict.ts';
import { renderWay } from '../../../shared/present/way.ts';
import { explanationReply } from '../../../shared/protocol/admin.ts';
import {
  MOST_COMPARED,
  type MovedStep,
  type PackagesReply,
  packagesReply,
} from '../../../shared/protocol/packages.ts';
import { wayReply } from '../../../shared/protocol/way.ts';
import type { Plan } from '../../../shared/schema/deployment.ts';
import { isUnknownToAgent } from '../../adapters/admin/admin-client.ts';
import { type CliContext, show } from '../context.ts';

/** Of what is on offer; with a target, the way there. */
export const planAnswer = z.union([explanationReply, wayReply]);

/** With a target it exits with 4 when nothing leads there. */
export async function plan(context: CliContext, target?: string): Promise<number> {
  if (target !== undefined) return await planTo(context, target);
  const reply = await context.client.call('GET', '/v1/explanation', explanationReply);
  const compared = await compare(context, reply.plan === null ? [] : [reply.plan]);
  show(context, { ...reply, packages: compared }, () => [
    describeVerdict(reply.decision, reply.inProgress, context.style),
    ...(reply.plan === null
      ? ['There is nothing to do.']
      : [
          ...renderPlan(reply),
          ...renderFetches(compared),
          ...renderPackages(compared),
          ...renderCost(reply.plan, reply),
          ...describeFit(reply, reply.forecast),
        ]),
  ]);
  return EXIT.ok;
}

async function planTo(context: CliContext, target: string): Promise<number> {
  const reply = await context.client.call('POST', '/v1/way', wayReply, { target });
  const compared = await compare(
    context,
    reply.hops.map((hop) => hop.plan),
  );
  show(context, { ...reply, packages: compared }, () => [
    ...renderWay(reply, context.style),
    ...renderFetches(compared),
    ...renderPackages(compared),
  ]);
  return reply.outcome === 'none' ? EXIT.refused : EXIT.ok;
}

/** After the plan itself: what a server has or has not is no reason not to see that. */
async function compare({ client }: CliContext, plans: readonly Plan[]): Promise<PackagesReply['steps']> {
  const steps = plans
    .flatMap((one) => one.steps)
    .flatMap(({ component, from, to }): MovedStep[] =>
      from === null || to === null || from === to ? [] : [{ component, from, to }],
    );
  if (steps.length === 0) return [];
  try {
    const asked = { steps: steps.slice(0, MOST_COMPARED) };
    const { steps: compared } = await client.call('POST', '/v1/packages', packagesReply, asked);
    const problem = `not compared: no more than ${MOST_COMPARED} are at once`;
    return [
      ...compared,
      ...steps.slice(MOST_COMPARED).map((step) => ({ ...step, difference: null, problem })),
    ];
  } catch (error) {
    if (isUnknownToAgent(error)) return [];
    throw error;
  }
}

/** By the server's word, where the plan knows the most that it can be. */
function renderFetches(compared: PackagesReply['steps']): readonly string[] {
  return compared.flatMap(({ component, to, fetch }) =>
    fetch === undefined ? [] : [`fetches of ${component} ${to}: ${describeWay(fetch)}`],
  );
}

function renderPackages(compared: PackagesReply['steps']): readonly string[] {
  return compared.flatMap(({ component, from, to, difference, problem }) => {
    const head = `packages of ${component} ${from} → ${to}: `;
    if (difference === null) return [`${head}unknown: ${problem}`];
    return [head + countDifference(difference), ...describeDifference(difference)];
  });
}
