// What an emergency order says beyond its advisory: whether the hole is exploited already, and in which waves the fix is forced.
import { z } from 'zod';
import { advisoryId } from './advisory.ts';
import { instant, line } from './common.ts';
import { plainWaves } from './rollout.ts';

/**
 * A document of its own beside the advisory, signed by the same role: an agent that knows no waves of orders reads the
 * advisory alone and forces the fix at once, where an advisory of another form would be none to it.
 */
export const orderTerms = z.strictObject({
  schema: z.literal('fairlead/order-terms@1'),
  advisory: advisoryId,
  /** The hole is in use already: who waits for proof of the fix waits in the open. */
  exploited: z.boolean().default(false),
  /** Mixed with the instance id to place each instance in a wave. */
  seed: line,
  start: instant,
  /** At the order's deadline they no longer count. */
  waves: plainWaves,
});

export type OrderTerms = z.output<typeof orderTerms>;
