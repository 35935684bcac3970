// fairlead check, plan and explain: what is on offer, what it would change, and every reason why it does not happen now.
import { explanationReply } from '../../../shared/protocol/admin.ts';
import type { Verdict } from '../../../shared/schema/decision.ts';
import { type CliContext, show } from '../context.ts';
import { renderExplanation, renderPlan } from '../output/explanation.ts';
import { describeVerdict } from '../output/verdict.ts';

/** Exit statuses of `check`, for scripts. */
export const CHECK_EXIT = { none: 0, available: 10, blocked: 20 } as const;

/** Asks the server first; when it is away, says so and judges by what is known. */
export async function check(context: CliContext): Promise<number> {
  const reply = await context.client.call('POST', '/v1/check', explanationReply);
  show(context, reply, () => renderExplanation(reply, context.style));
  return checkExitOf(reply.decision.verdict);
}

export async function plan(context: CliContext): Promise<number> {
  const reply = await context.client.call('GET', '/v1/explanation', explanationReply);
  show(context, reply, () => [
    describeVerdict(reply.decision, null, context.style),
    ...(reply.plan === null ? ['There is nothing to do.'] : renderPlan(reply)),
  ]);
  return 0;
}

export async function explain(context: CliContext): Promise<number> {
  const reply = await context.client.call('GET', '/v1/explanation', explanationReply);
  show(context, reply, () => renderExplanation(reply, context.style));
  return 0;
}

function checkExitOf(verdict: Verdict): number {
  switch (verdict) {
    case 'current':
      return CHECK_EXIT.none;
    case 'apply':
    case 'wait':
    case 'ask':
      return CHECK_EXIT.available;
    case 'held':
    case 'blocked':
      return CHECK_EXIT.blocked;
  }
}
