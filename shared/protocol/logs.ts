// POST /v1/logs: the last lines a service wrote, or those that a failed deployment left.
import { z } from 'zod';
import { componentKey, instant } from '../schema/common.ts';

export const MOST_LOG_LINES = 20_000;

export const logsRequest = z.strictObject({
  component: componentKey,
  /** Of the service as this deployment saw it fail; of what runs now unless given. */
  change: z.int().min(1).optional(),
  /** As closely as the driver knows, and rather a few lines more. */
  since: instant.optional(),
});

export const logsReply = z.strictObject({
  schema: z.literal('fairlead/logs@1'),
  component: componentKey,
  /** Whole lines, the newest last, without secrets and without characters that would move a terminal. */
  lines: z.array(z.string()).max(MOST_LOG_LINES),
});

export type LogsRequest = z.output<typeof logsRequest>;
export type LogsReply = z.output<typeof logsReply>;
