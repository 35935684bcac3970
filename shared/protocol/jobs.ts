// Jobs as those who run the server see them: what is to be done, by whom it is being done, and what failed.
import { z } from 'zod';
import { instant } from '../schema/common.ts';

export const JOB_STATES = ['waiting', 'running', 'failing', 'given-up'] as const;

export const jobModel = z.object({
  id: z.string(),
  kind: z.string(),
  /** What it is about, in the kind’s own words. */
  subject: z.string(),
  /** `failing`: the last attempt failed, another follows. */
  state: z.enum(JOB_STATES),
  due_at: instant,
  /** Begun since it last succeeded. */
  attempts: z.int().min(0),
  last_error: z.string().nullable(),
  given_up_at: instant.nullable(),
  /** Machine and process, while it runs. */
  running_on: z.string().nullable(),
});
export type JobModel = z.output<typeof jobModel>;

export const jobsList = z.object({ jobs: z.array(jobModel) });
