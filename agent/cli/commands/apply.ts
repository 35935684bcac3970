// fairlead apply and rollback: change what runs, by hand and on the record, and follow it to its end.
import { z } from 'zod';
import { diffPlans } from '../../../shared/compile/plan.ts';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { describeFit, renderCost, renderPlan } from '../../../shared/present/explanation.ts';
import {
  changeReply,
  changesReply,
  explanationReply,
  type Override,
  startedReply,
} from '../../../shared/protocol/admin.ts';
import { rehearsalReply } from '../../../shared/protocol/upkeep.ts';
import type { DeploymentRecord, Plan } from '../../../shared/schema/deployment.ts';
import { agreed, type CliContext } from '../context.ts';
import { followChange } from '../follow.ts';
import { rehearse } from './rehearse.ts';

export const rollbackAnswer = z.union([changeReply, rehearsalReply]);

export interface ApplyOptions {
  readonly override?: readonly Override[];
  readonly acceptDrift?: boolean;
  readonly reason?: string;
  readonly yes?: boolean;
}

export async function apply(context: CliContext, options: ApplyOptions): Promise<number> {
  const offer = await context.client.call('GET', '/v1/explanation', explanationReply);
  // What stands against it, the agent's refusal says.
  if (!context.json && offer.plan !== null) {
    context.print(
      [...renderPlan(offer), ...renderCost(offer.plan, offer), ...describeFit(offer, offer.forecast)].join(
        '\n',
      ),
    );
  }
  if (offer.plan !== null && !(await agreed(context, options, 'Apply this plan now?'))) return EXIT.refused;
  // What the operator saw is what runs: the agent refuses when the plan has become another one.
  const plan: Digest | undefined = offer.decision.target?.plan;
  const body = { plan, reason: options.reason, override: overridesOf(options) };
  const { change } = await context.client
    .call('POST', '/v1/apply', startedReply, body)
    .catch(async (refusal: unknown) => {
      await explainChange(context, offer.plan, refusal);
      throw refusal;
    });
  await followChange(context, change);
  return EXIT.ok;
}

/** Two digests tell a person nothing: what the plan is now beside what was shown. */
async function explainChange(context: CliContext, shown: Plan | null, refusal: unknown): Promise<void> {
  const isChanged = isFairleadError(refusal, 'agent/refused') && refusal.data.code === 'apply/plan-changed';
  if (!isChanged || context.json || shown === null) return;
  const now = await context.client.call('GET', '/v1/explanation', explanationReply);
  if (now.plan === null) return;
  const lines = diffPlans(shown, now.plan).map((line) => `- ${sanitizeLine(line, 500)}`);
  context.print(['The plan is another one by now:', ...lines].join('\n'));
}

function overridesOf({ override = [], acceptDrift = false }: ApplyOptions): readonly Override[] {
  return [...new Set([...override, ...(acceptDrift ? (['drift'] as const) : [])])];
}

export interface RollbackOptions {
  /** A generation number, or a version such as `core/auth@1.0.0`. */
  readonly to?: number | string;
  readonly reason: string;
  /** Critical advisories the target is open to. */
  readonly acceptRisk?: readonly string[];
  readonly rehearse?: boolean;
  readonly yes?: boolean;
}

export async function rollback(context: CliContext, options: RollbackOptions): Promise<number> {
  if (options.rehearse === true) return await rehearse(context, options.to);
  const { changes } = await context.client.call('GET', '/v1/changes', changesReply);
  const last = changes.findLast((change) => change.state === 'committed');
  const target = describeTarget(options.to);
  const from = last === undefined ? '' : ` (now: generation ${last.generation}, change ${last.id})`;
  if (!(await agreed(context, options, `Roll back to ${target}${from}?`))) return EXIT.refused;
  const { to, reason, acceptRisk = [] } = options;
  const body = { to, reason, acceptRisk };
  const { change } = await context.client.call('POST', '/v1/rollback', startedReply, body);
  const record = await followChange(context, change);
  if (!context.json) context.print(liftHints(record).join('\n'));
  return EXIT.ok;
}

function describeTarget(to: number | string | undefined): string {
  if (to === undefined) return 'the previous healthy generation';
  return typeof to === 'number' ? `generation ${to}` : `the newest generation with ${to}`;
}

/** What was left stays away until somebody says otherwise. */
function liftHints({ steps }: DeploymentRecord): readonly string[] {
  return steps
    .filter(({ from }) => from !== null)
    .map(({ component, from }) => {
      const lift = `fairlead quarantine lift ${component} --reason "why"`;
      return `${component} ${from} is in quarantine and not installed again; to allow it: ${lift}`;
    });
}
