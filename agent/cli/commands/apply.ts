// fairlead apply and rollback: change what runs, by hand and on the record, and follow it to its end.
import type { Digest } from '../../../shared/encoding/digest.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { changesReply, explanationReply, startedReply } from '../../../shared/protocol/admin.ts';
import type { CliContext } from '../context.ts';
import { followChange } from '../follow.ts';
import { renderExplanation } from '../output/explanation.ts';

export interface ApplyOptions {
  readonly now?: boolean;
  readonly reason?: string;
  readonly yes?: boolean;
}

export async function apply(context: CliContext, options: ApplyOptions): Promise<number> {
  const offer = await context.client.call('GET', '/v1/explanation', explanationReply);
  if (!context.json) context.print(renderExplanation(offer, context.style).join('\n'));
  if (offer.plan !== null && !(await agreed(context, options, 'Apply this plan now?'))) return EXIT.refused;
  // What the operator saw is what runs: the agent refuses when the plan has become another one.
  const plan: Digest | undefined = offer.decision.target?.plan;
  const { change } = await context.client.call('POST', '/v1/apply', startedReply, {
    plan,
    reason: options.reason,
    now: options.now === true,
  });
  await followChange(context, change);
  return EXIT.ok;
}

export interface RollbackOptions {
  readonly to?: number;
  readonly reason: string;
  readonly yes?: boolean;
}

export async function rollback(context: CliContext, options: RollbackOptions): Promise<number> {
  const { changes } = await context.client.call('GET', '/v1/changes', changesReply);
  const last = changes.findLast((change) => change.state === 'committed');
  const target = options.to === undefined ? 'the previous healthy generation' : `generation ${options.to}`;
  const from = last === undefined ? '' : ` (now: generation ${last.generation}, change ${last.id})`;
  if (!(await agreed(context, options, `Roll back to ${target}${from}?`))) return EXIT.refused;
  const { to, reason } = options;
  const { change } = await context.client.call('POST', '/v1/rollback', startedReply, { to, reason });
  await followChange(context, change);
  return EXIT.ok;
}

/** Only a person is asked: a script has said what it wants by calling. */
async function agreed(
  context: CliContext,
  options: { readonly yes?: boolean },
  question: string,
): Promise<boolean> {
  if (options.yes === true || !context.interactive) return true;
  return await context.confirm(question);
}
