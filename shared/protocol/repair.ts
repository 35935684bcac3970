// POST /v1/verify/repair: the files of what runs made again what was signed.
import { z } from 'zod';
import { componentKey, instant, line, version } from '../schema/common.ts';

export const repairRequest = z.strictObject({
  reason: line,
  /** What was added beside the signed files goes, too. */
  removeAdded: z.boolean().default(false),
});

export const repairReply = z.strictObject({
  schema: z.literal('fairlead/repair@1'),
  at: instant,
  /** Only where something was found. */
  repairs: z.array(
    z.strictObject({
      component: componentKey,
      version,
      deviations: z.array(
        z.strictObject({ path: z.string(), problem: z.enum(['missing', 'changed', 'unexpected']) }),
      ),
      /** It may have loaded what was never signed. */
      restarted: z.boolean(),
      /** Added beside what was signed, and left. */
      added: z.int().min(0).default(0),
    }),
  ),
});

export type RepairRequest = z.output<typeof repairRequest>;
export type RepairReply = z.output<typeof repairReply>;
