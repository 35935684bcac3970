// POST /v1/packages: of which packages the versions differ that the steps of a plan move between, by the bills of materials signed with them; and what they would fetch.
import { z } from 'zod';
import { componentKey, version } from '../schema/common.ts';
import { fetched } from '../schema/deployment.ts';

/** What a person reads, and what a request has room for; more are said to be left out. */
export const MOST_COMPARED = 20;

/** Beside everything else that the agent does it reads no larger ones. */
export const MAX_COMPARED_BYTES = 2 ** 20;

const moved = { component: componentKey, from: version, to: version };

export const packagesRequest = z.strictObject({ steps: z.array(z.strictObject(moved)).max(MOST_COMPARED) });

const changes = z.array(
  z.strictObject({ name: z.string(), from: z.array(z.string()), to: z.array(z.string()) }),
);

/** Packages by what became of them, as `compareSboms` answers. */
export const packageDifference = { added: changes, removed: changes, changed: changes };

export const packagesReply = z.strictObject({
  schema: z.literal('fairlead/packages@1'),
  steps: z.array(
    z.strictObject({
      ...moved,
      /** Null where it cannot be told; then `problem` says why. */
      difference: z.strictObject(packageDifference).nullable(),
      problem: z.string().nullable(),
      /** What would be fetched for it; absent where it is here, or nobody says. */
      fetch: fetched.pick({ way: true, bytes: true }).optional(),
    }),
  ),
});

/** What `fairlead plan` adds to the agent's answer. */
export const besidePlan = { packages: packagesReply.shape.steps.optional() };

export type PackagesRequest = z.output<typeof packagesRequest>;
export type PackagesReply = z.output<typeof packagesReply>;
export type MovedStep = PackagesRequest['steps'][number];
