// POST /v1/logs: the last lines a service wrote, or those that a failed deployment left.
import { z } from 'zod';
import { componentKey } from '../schema/common.ts';

export const logsRequest = z.strictObject({
  component: componentKey,
  /** Of the service as this deployment saw it fail; of what runs now unless given. */
  change: z.int().min(1).optional(),
});

export const logsReply = z.strictObject({
  schema: z.literal('fairlead/logs@1'),
  component: componentKey,
  /** Whole lines, the newest last, without secrets and without characters that would move a terminal. */
  lines: z.array(z.string()).max(20_000),
});

export type LogsRequest = z.output<typeof logsRequest>;
export type LogsReply = z.output<typeof logsReply>;
