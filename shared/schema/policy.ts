// The local policy: when and with whose consent this install changes. Only the local admin writes it.
import { z } from 'zod';
import { type CronText, cronProblem } from '../encoding/cron.ts';
import { durationMs, instantMs } from '../encoding/instant.ts';
import { isTimeZone } from '../encoding/zone.ts';
import { duration, instant, line, name } from './common.ts';
import { pin } from './pin.ts';

export const MAX_EMERGENCY_HOLD_MS = 72 * 3_600_000;
const MAX_WINDOW_MS = 7 * 24 * 3_600_000;

const zone = z.string().max(64).refine(isTimeZone, { error: 'an IANA time zone such as "Europe/Berlin"' });

// What `describe` says of a key stands in the reference of the policy.
const window = z.strictObject({
  name: name.describe('What the window is called; `fairlead window remove` names it so'),
  cron: line
    .superRefine((text, context) => {
      const problem = cronProblem(text);
      if (problem !== null) context.addIssue(`a cron expression such as "0 2 * * sat": ${problem}`);
    })
    .transform((text) => text as CronText)
    .describe(
      'When it opens on the zone’s wall clock, in five fields: minute, hour, day of month, month, day of week. ' +
        '`L` is the last day of a month, `L-2` two days before it, `15W` the weekday nearest to the 15th, `LW` the last weekday, ' +
        '`5#2` the second Friday, `5L` the last. Lists, ranges, steps and names are fine; a rhythm that matches in every hour also runs ' +
        'through an hour that the clock shows twice',
    ),
  duration: duration
    .refine((text) => durationMs(text) > 0 && durationMs(text) <= MAX_WINDOW_MS, {
      error: 'a duration of more than nothing and at most 7 days, such as "PT4H"',
    })
    .describe(
      'How long it stays open, at most 7 days, in real time: a clock change makes it neither longer nor shorter',
    ),
  zone: zone.describe('IANA name of the time zone, such as `Europe/Berlin`'),
});

const approver = z.strictObject({
  name: name.describe('Whom people know the key by'),
  key: z
    .string()
    .regex(/^[0-9a-f]{64}$/, { error: 'an Ed25519 public key of 64 hexadecimal digits' })
    .describe('The Ed25519 public key that `fairlead approver create` printed'),
});

const approvals = z
  .strictObject({
    required: z
      .int()
      .min(1)
      .max(10)
      .default(1)
      .describe('Distinct people who must say yes to the same plan; at most as many as there are approvers'),
    approvers: z
      .array(approver)
      .max(50)
      .default([])
      .describe('Whose signature counts. Without any, whoever may open the agent’s socket may approve'),
  })
  .refine((a) => a.required <= Math.max(1, new Set(a.approvers.map((one) => one.key)).size), {
    path: ['required'],
    error: 'at most as many approvals as there are approvers with different keys',
  });

const hold = z
  .strictObject({
    since: instant.describe('When it was set'),
    until: instant.describe('When it ends by itself'),
    reason: line.describe('Why'),
    by: line.describe('Who set it'),
  })
  .refine((h) => instantMs(h.since) < instantMs(h.until), {
    path: ['until'],
    error: 'an instant after "since"',
  });

/** A deployment starts only inside the first, and inside none of the second. */
export const windows = z.strictObject({
  allow: z
    .array(window)
    .max(50)
    .default([])
    .describe('A deployment starts only inside one of these; none means at any time'),
  deny: z.array(window).max(50).default([]).describe('No deployment starts inside one of these'),
});

/** What a server may propose, which orders nothing. */
export const PROPOSAL_KINDS = ['deploy', 'pin', 'unpin', 'rollback', 'policy'] as const;
export type ProposalKind = (typeof PROPOSAL_KINDS)[number];

/** What becomes of a proposal by itself: nothing, a question to the admin, or what it asks for. */
export const STANDINGS = ['ignore', 'propose', 'accept'] as const;
export type Standing = (typeof STANDINGS)[number];

const standing = z.enum(STANDINGS);
const standingFor = (what: string) =>
  standing.optional().describe(`The same for ${what} alone; \`ignore\` where it is not said`);

const remote = z.union([
  standing,
  z.strictObject({
    deploy: standingFor('releases to be deployed'),
    pin: standingFor('pins to be set'),
    unpin: standingFor('pins to be taken away'),
    rollback: standingFor('ways back'),
    policy: standingFor('the channel and windows of a template'),
  }),
]);

/** From which severity on fixes come by themselves: `critical` are those that an order forces. */
export const FIXES_FROM = ['critical', 'high', 'medium'] as const;
export type FixesFrom = (typeof FIXES_FROM)[number];

const security = z.strictObject({
  from: z
    .enum(FIXES_FROM)
    .describe(
      '`critical`: nothing but what an order forces. `high` or `medium`: fixes of advisories of that severity and above as well, ' +
        'inside windows, behind pins and holds, and without a question',
    ),
});

const retention = z.strictObject({
  generations: z
    .int()
    .min(2)
    .max(1000)
    .default(5)
    .describe(
      'How many generations stay on disk, the current one included: as far back as a rollback can go',
    ),
  bytes: z
    .int()
    .min(0)
    .optional()
    .describe(
      'What the files of earlier generations may take; the one that the current was made from always stays',
    ),
});

export const policy = z.strictObject({
  schema: z.literal('fairlead/policy@1').describe('The format of this document'),
  channel: z
    .enum(['auto', 'manual', 'frozen'])
    .default('auto')
    .describe(
      '`auto` applies what the vendor offers, `manual` asks first, `frozen` changes nothing. ' +
        'Forced patches apply on all three',
    ),
  pins: z.array(pin).max(1000).default([]).describe('Versions this install stays on'),
  windows: windows
    .prefault({})
    .describe(
      'When a deployment may start. What runs is never cut short, so what would not be over in time is not begun; a missed window waits for the next',
    ),
  approvals: approvals.prefault({}).describe('Who says yes on channel `manual`, and for an apply by hand'),
  hold: hold.optional().describe('Change nothing until then, forced patches excepted'),
  emergencyHold: hold
    .refine((h) => instantMs(h.until) - instantMs(h.since) <= MAX_EMERGENCY_HOLD_MS, {
      path: ['until'],
      error: 'an instant at most 72 hours after "since"',
    })
    .optional()
    .describe('Break-glass: not even forced patches, for at most 72 hours. Loud in the status and reported'),
  security: security
    .optional()
    .describe(
      'Which fixes come by themselves, on every channel, moving as little as a forced patch does; `critical` where it is not said',
    ),
  fetchAhead: z.boolean().default(true).describe('Fetch what is on offer before it may be applied'),
  remote: remote
    .default('ignore')
    .describe(
      'What becomes of the server’s proposals: nothing, a question to you, or what they ask for, behind every gate that ' +
        'your own command would meet. One word for all kinds, or a word for each',
    ),
  retention: retention.prefault({}).describe('What stays on disk'),
  soak: duration
    .default('PT5M')
    .describe(
      'How long a new deployment is watched before it counts as committed; degradation rolls it back. A maintenance window has to be longer',
    ),
  probation: duration
    .default('PT1H')
    .describe(
      'How long after its commit a deployment whose components degrade is undone by itself; a hold suspends it',
    ),
});

export type Policy = z.output<typeof policy>;
export type Window = z.output<typeof window>;
export type Hold = z.output<typeof hold>;
export type Approvals = z.output<typeof approvals>;

/** From which severity on fixes come by themselves. */
export function fixesFrom({ security }: Pick<Policy, 'security'>): FixesFrom {
  return security?.from ?? 'critical';
}

/** Where it is more than orders force. */
export function sayFixesFrom(policy: Pick<Policy, 'security'>): { readonly fixesFrom?: FixesFrom } {
  const from = fixesFrom(policy);
  return from === 'critical' ? {} : { fixesFrom: from };
}

/** What becomes of proposals of this kind. */
export function standingOf({ remote: said }: Pick<Policy, 'remote'>, kind: ProposalKind): Standing {
  return typeof said === 'string' ? said : (said[kind] ?? 'ignore');
}

export const DEFAULT_POLICY: Policy = policy.parse({ schema: 'fairlead/policy@1' });
