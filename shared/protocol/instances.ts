// Instances as those who answer for them handle them: isolated, taken back, retired, and what is known of one as a single file.
import { z } from 'zod';
import { digest, instant, line } from '../schema/common.ts';
import { auditEntry } from './fleet.ts';
import { proposalModel } from './fleet-proposals.ts';

/**
 * `isolated`: its credential is worth nothing, and it stays in sight. `retired`: also gone from every count. Neither touches
 * what the vendor signs: that is public, and the install’s own policy decides about it.
 */
export const STANDINGS = ['isolated', 'retired'] as const;
export type Standing = (typeof STANDINGS)[number];

export const standingRequest = z.strictObject({ reason: line });

/** Why an instance is not let in. */
export const standing = z.object({ state: z.enum(STANDINGS), since: instant, by: line, reason: line });

/** An agent that goes to another server says goodbye; what becomes of its instance here is for people to say. */
export const leaveRequest = z.strictObject({
  to: z.url({ protocol: /^https?$/, error: 'an http or https URL' }).max(300),
});
export const leaveReply = z.object({ movedTo: z.string() });

/** As the server keeps it, by its text as JSON: the digest is of that. */
const kept = { digest, body: z.string() };

/** What the server knows of one instance. `digest` is of all the rest, and stands in the server’s audit log from that moment on. */
export const evidence = z.object({
  schema: z.literal('fairlead/instance-evidence@1'),
  at: instant,
  instance: z.looseObject({ id: z.string(), name: line }),
  /** Ed25519, base64url: what its reports were signed with. */
  publicKey: z.string(),
  /** Each with its number on the instance, lowest first. */
  reports: z.array(z.object({ sequence: z.int().min(0), received: instant, ...kept })),
  deployments: z.array(z.object({ record: z.int().min(0), ...kept })),
  proposals: z.array(proposalModel),
  /** Entries of the audit log about it, each with the digest that chains it to the one before. */
  audit: z.array(auditEntry),
  /** Where the audit log stood. */
  auditHead: z.object({ count: z.int().min(0), digest: digest.nullable() }),
  /** So many older entries about it than a file holds. */
  auditLeftOut: z.int().min(0),
  digest,
});
export type Evidence = z.output<typeof evidence>;
