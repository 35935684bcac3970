// POST /v1/rollback/rehearsal: what a rollback would do and cost, tried as far as that goes without stopping anything.
import { z } from 'zod';
import { componentKey, instant } from '../schema/common.ts';
import { planStep } from '../schema/deployment.ts';
import { rollbackTo } from './rollback-to.ts';

export const rehearsalRequest = z.strictObject({ to: rollbackTo.optional() });

export const rehearsalReply = z.strictObject({
  schema: z.literal('fairlead/rehearsal@1'),
  at: instant,
  generation: z.int(),
  steps: z.array(planStep),
  /** A check without a problem holds. */
  checks: z.array(z.strictObject({ check: z.string(), problem: z.string().nullable() })),
  /** Components whose data go back to a snapshot: what was written since is lost. */
  restores: z.array(componentKey),
  /** The longest interruption of the last deployments; null when there was none to measure. */
  interruptionMs: z.number().nullable(),
});

export type RehearsalRequest = z.output<typeof rehearsalRequest>;
export type RehearsalReply = z.output<typeof rehearsalReply>;
