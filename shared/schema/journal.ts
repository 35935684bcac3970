// The journal of one deployment: every state entered, every step intended and done, each entry durable before the next act.
import { z } from 'zod';
import { componentKey, instant } from './common.ts';
import { allRanOnce, DEPLOYMENT_STATES, drift, fetched, pulled } from './deployment.ts';

/** Who is to blame: a release's own fault quarantines it, the environment's never does at the first time. */
export const failure = z.strictObject({
  code: z.string().max(64),
  message: z.string().max(1000),
  component: componentKey.nullable(),
  fault: z.enum(['release', 'environment']),
});

export const step = z.strictObject({
  action: z.enum(['fetch', 'snapshot', 'stop', 'switch', 'start', 'direct', 'evidence', 'restore']),
  /** Null for `switch` and `evidence`, which concern the whole deployment. */
  component: componentKey.nullable(),
});

const position = { sequence: z.int().min(1), at: instant };

export const journalEntry = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('entered'),
    ...position,
    state: z.enum(DEPLOYMENT_STATES),
    /** Why the way forward ended; on entries that leave it. */
    failure: failure.optional(),
    /** Components found unhealthy before anything was touched; on the entry of `stopping`. */
    red: z.array(componentKey).optional(),
    /** Degraded after their commit: what this rollback answers; on the entry of `planned`. */
    degraded: z.array(componentKey).optional(),
    /** How the files of what is left look; on the entry of `preflight`. */
    drift: z.array(drift).optional(),
    /** What ran once at the start that failed, of the component that the failure names. */
    once: allRanOnce.optional(),
    /** What came from registries; on the entry of `stopping`. */
    pulled: pulled.optional(),
  }),
  z.strictObject({ kind: z.literal('intent'), ...position, step }),
  z.strictObject({
    kind: z.literal('done'),
    ...position,
    step,
    fetched: fetched.optional(),
    once: allRanOnce.optional(),
  }),
  /** An interrupted deployment was taken up: by a new process, or, where it `lived`, by the one that had been at work. */
  z.strictObject({ kind: z.literal('resumed'), ...position, lived: z.boolean().optional() }),
  /** The agent was told to stop: whoever takes over does not count as another attempt. */
  z.strictObject({ kind: z.literal('left'), ...position }),
]);

export type Failure = z.output<typeof failure>;
export type Step = z.output<typeof step>;
export type JournalEntry = z.output<typeof journalEntry>;
