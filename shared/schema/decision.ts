// What the policy decided and every reason why: one value for CLI, record, server and dashboard.
import { z } from 'zod';
import { digest, instant } from './common.ts';
import { fix } from './deployment.ts';

export const blocker = z.strictObject({
  /** Stable, for programs: `channel-frozen`, `quarantined`, … */
  code: z.string(),
  message: z.string(),
  /** Where the blocking fact comes from: a policy key, a pin, an advisory, a signed document. */
  source: z.string(),
  /** Who can clear it. */
  owner: z.enum(['vendor', 'admin', 'time', 'health', 'host']),
  clearsAt: instant.optional(),
  /** The command that clears it. */
  clearWith: z.string().optional(),
});

export const decision = z.strictObject({
  verdict: z.enum(['current', 'apply', 'wait', 'ask', 'held', 'blocked']),
  /** What would be deployed; null when nothing is on offer. */
  target: z
    .strictObject({ kind: z.enum(['desired', 'emergency']), manifest: digest, plan: digest })
    .nullable(),
  blockers: z.array(blocker),
  /** What is newer and would be taken, were it not for a pin that is about it. No reason against anything: it is as wanted. */
  newer: z
    .array(
      z.strictObject({
        component: z.string(),
        from: z.string().nullable(),
        to: z.string(),
        /** As written, and where: `~6.10` of `core`. */
        pin: z.string(),
        pinned: z.string(),
        by: z.string(),
        clearWith: z.string(),
      }),
    )
    .optional(),
  /** The target is a fix that the local policy lets in: nothing moves but what these advisories affect, and this beside it. */
  fix: fix.optional(),
  /** What of the configuration on disk a fix brings into force, because it cannot run without. */
  adopted: z.array(z.strictObject({ component: z.string(), key: z.string() })).optional(),
  /** Open advisories that affect what runs, most urgent first. */
  exposed: z.array(
    z.strictObject({
      advisory: z.string(),
      severity: z.string(),
      component: z.string(),
      version: z.string(),
    }),
  ),
  /** How many more there are of each than the lists above hold; absent when they hold all. */
  unlisted: z.strictObject({ exposed: z.int().nonnegative(), newer: z.int().nonnegative() }).optional(),
});

export type Blocker = z.output<typeof blocker>;
export type Decision = z.output<typeof decision>;
export type Verdict = Decision['verdict'];
