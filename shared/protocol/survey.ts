// What stands on the way to each of the vendor's addresses, as the agent's own requests go: what `fairlead doctor` is told.
import { z } from 'zod';
import { instant, line } from '../schema/common.ts';

/** In the order in which a request meets them. */
export const STEPS = ['settings', 'name', 'connection', 'proxy', 'certificate', 'answer'] as const;
export type Step = (typeof STEPS)[number];

export const endpoint = z.strictObject({
  /** Signed files, or what the agent tells the server and asks of it. */
  use: z.enum(['releases', 'reports', 'mirror']),
  url: line,
  /** Without its password; null where the server is asked straight. */
  proxy: line.nullable(),
  /** Of whom a connection is made to, which is the proxy where there is one. */
  addresses: z.array(line),
  /** Null without TLS, and where it was not reached. */
  certificate: z
    .strictObject({
      /** Who signed it, by the name that stands in it. */
      authority: line,
      ends: instant,
    })
    .nullable(),
  status: z.int().nullable(),
  /** How far this machine's clock is ahead of the one that answered; null where that said no time. */
  clockAheadMs: z.int().nullable(),
  /** Where the way ends, and why; null where it leads there. */
  failure: z
    .strictObject({ step: z.enum(STEPS), code: line, problem: z.string(), hint: z.string() })
    .nullable(),
});
export type Endpoint = z.output<typeof endpoint>;

/** GET /v1/survey */
export const surveyReply = z.strictObject({
  schema: z.literal('fairlead/survey@1'),
  endpoints: z.array(endpoint),
  /** What all trust in signed files hangs on; null where there is none yet. */
  root: z.strictObject({ version: z.int(), expires: instant }).nullable(),
});
export type SurveyReply = z.output<typeof surveyReply>;
