// POST /v1/way: what would lead to one release, step by step, and everything that stands in the way.

import { z } from 'zod';
import { instant } from '../schema/common.ts';
import { blocker } from '../schema/decision.ts';
import { plan } from '../schema/deployment.ts';
import { forecast } from '../schema/forecast.ts';
import { move } from './admin.ts';
import { besidePlan } from './packages.ts';

/** `platform@2.5.0`, `core@1.2.0` or `core/auth@1.0.1`. */
export const wayRequest = z.strictObject({ target: z.string().max(400) });

export const wayReply = z.strictObject({
  schema: z.literal('fairlead/way@1'),
  at: instant,
  target: z.string(),
  /** `runs`: nothing to do. `none`: nothing the blockers name leads there. */
  outcome: z.enum(['runs', 'reachable', 'none']),
  /** Deployments, one after the other: a forced patch or a required stop comes first. */
  hops: z.array(
    z.strictObject({
      plan,
      /** Their `bytes` are those of trees that are not on the disk, where the plan's count what runs alone as there. */
      moves: z.array(move),
      forecast: forecast.optional(),
    }),
  ),
  /** Empty: `fairlead apply` does it. */
  blockers: z.array(blocker),
  /** Where the release ran here before: the very plan that `fairlead rollback` makes, and what keeps it from going there. */
  back: z
    .strictObject({ generation: z.int(), plan, problem: z.string().nullable(), command: z.string() })
    .optional(),
  /** The longest interruption of the last deployments; null when none has been measured. */
  interruptionMs: z.number().nullable(),
  ...besidePlan,
});

export type WayRequest = z.output<typeof wayRequest>;
export type WayReply = z.output<typeof wayReply>;
