// fairlead plan: what the update on offer would change, or what would lead to a release one names; nothing is done.
import { z } from 'zod';
import { EXIT } from '../../../shared/errors/entry.ts';
import { renderCost, renderPlan } from '../../../shared/present/explanation.ts';
import { describeVerdict } from '../../../shared/present/verdict.ts';
import { renderWay } from '../../../shared/present/way.ts';
import { explanationReply } from '../../../shared/protocol/admin.ts';
import { wayReply } from '../../../shared/protocol/way.ts';
import { type CliContext, show } from '../context.ts';

/** Of what is on offer; with a target, the way there. */
export const planAnswer = z.union([explanationReply, wayReply]);

/** With a target it exits with 4 when nothing leads there. */
export async function plan(context: CliContext, target?: string): Promise<number> {
  if (target !== undefined) return await planTo(context, target);
  const reply = await context.client.call('GET', '/v1/explanation', explanationReply);
  show(context, reply, () => [
    describeVerdict(reply.decision, reply.inProgress, context.style),
    ...(reply.plan === null
      ? ['There is nothing to do.']
      : [
          ...renderPlan(reply),
          ...renderCost(reply.plan, reply.interruptionMs, reply.plan.steps, reply.rollbackMs),
        ]),
  ]);
  return EXIT.ok;
}

async function planTo(context: CliContext, target: string): Promise<number> {
  const reply = await context.client.call('POST', '/v1/way', wayReply, { target });
  show(context, reply, () => renderWay(reply, context.style));
  return reply.outcome === 'none' ? EXIT.refused : EXIT.ok;
}
