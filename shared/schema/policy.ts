// The local policy: when and with whose consent this install changes. Only the local admin writes it.
import { z } from 'zod';
import { cronProblem } from '../encoding/cron.ts';
import { durationMs } from '../encoding/duration.ts';
import { instantMs } from '../encoding/instant.ts';
import { isTimeZone } from '../encoding/zone.ts';
import { duration, instant, line, name } from './common.ts';
import { pin } from './pin.ts';

export const MAX_EMERGENCY_HOLD_MS = 72 * 3_600_000;
const MAX_WINDOW_MS = 7 * 24 * 3_600_000;

const zone = z.string().max(64).refine(isTimeZone, { error: 'an IANA time zone such as "Europe/Berlin"' });

/** A span that opens whenever the cron expression matches on the zone's wall clock. */
const window = z.strictObject({
  name,
  /** Five fields: minute, hour, day of month, month, day of week. */
  cron: line.superRefine((text, context) => {
    const problem = cronProblem(text);
    if (problem !== null) context.addIssue(`a cron expression such as "0 2 * * sat": ${problem}`);
  }),
  duration: duration.refine((text) => durationMs(text) > 0 && durationMs(text) <= MAX_WINDOW_MS, {
    error: 'a duration of more than nothing and at most 7 days, such as "PT4H"',
  }),
  zone,
});

const approver = z.strictObject({
  name,
  /** Ed25519 public key, hexadecimal. */
  key: z.string().regex(/^[0-9a-f]{64}$/, { error: 'an Ed25519 public key of 64 hexadecimal digits' }),
});

const approvals = z
  .strictObject({
    /** Distinct people who must say yes to the same plan. */
    required: z.int().min(1).max(10).default(1),
    /** Without keys, whoever may open the agent's socket is the one approver. */
    approvers: z.array(approver).max(50).default([]),
  })
  .refine((a) => a.required <= Math.max(1, new Set(a.approvers.map((one) => one.key)).size), {
    path: ['required'],
    error: 'at most as many approvals as there are approvers with different keys',
  });

const hold = z
  .strictObject({ since: instant, until: instant, reason: line, by: line })
  .refine((h) => instantMs(h.since) < instantMs(h.until), {
    path: ['until'],
    error: 'an instant after "since"',
  });

export const policy = z.strictObject({
  schema: z.literal('fairlead/policy@1'),
  channel: z.enum(['auto', 'manual', 'frozen']).default('auto'),
  pins: z.array(pin).max(1000).default([]),
  windows: z
    .strictObject({
      /** A deployment starts only inside one of these; none means at any time. */
      allow: z.array(window).max(50).default([]),
      /** No deployment starts inside one of these. */
      deny: z.array(window).max(50).default([]),
    })
    .prefault({}),
  approvals: approvals.prefault({}),
  /** Change nothing, forced patches excepted. */
  hold: hold.optional(),
  /** Break-glass: not even forced patches, for at most 72 hours. */
  emergencyHold: hold
    .refine((h) => instantMs(h.until) - instantMs(h.since) <= MAX_EMERGENCY_HOLD_MS, {
      path: ['until'],
      error: 'an instant at most 72 hours after "since"',
    })
    .optional(),
  /** Fetch what is on offer before it may be applied. */
  fetchAhead: z.boolean().default(true),
  /** What becomes of the server's proposals. */
  remote: z.enum(['ignore', 'propose', 'accept']).default('propose'),
  retention: z
    .strictObject({
      generations: z.int().min(2).max(1000).default(5),
      /** What the files of earlier generations may take; the one before the current always stays. */
      bytes: z.int().min(0).optional(),
    })
    .prefault({}),
  /** How long a new deployment is watched before it counts as committed. */
  soak: duration.default('PT5M'),
  /** How long after its commit a deployment whose components degrade is undone by itself; a hold suspends it. */
  probation: duration.default('PT1H'),
});

export type Policy = z.output<typeof policy>;
export type Window = z.output<typeof window>;
export type Hold = z.output<typeof hold>;
export type Approvals = z.output<typeof approvals>;

export const DEFAULT_POLICY: Policy = policy.parse({ schema: 'fairlead/policy@1' });
