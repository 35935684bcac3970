// The approval receipt: one person's yes or no to exactly one plan, and by what authority it counts.
import { z } from 'zod';
import { instantMs } from '../encoding/instant.ts';
import { digest, instant, line } from './common.ts';

/** What is approved and signed. The schema's name keeps the signature from meaning anything else. */
export const approvalStatement = z
  .strictObject({
    schema: z.literal('fairlead/approval@1'),
    plan: digest,
    verdict: z.enum(['approve', 'deny']),
    /** The person, in their own words; the key says who it is. */
    by: line,
    reason: line,
    /** The customer's own reference: a ticket, a change request. */
    ticket: line.optional(),
    /** The instance it is for; without it, any instance on which exactly this plan is on offer. */
    instance: z.string().max(64).optional(),
    at: instant,
    expires: instant,
  })
  .refine((one) => instantMs(one.at) < instantMs(one.expires), {
    path: ['expires'],
    error: 'an instant after "at"',
  });

export const approvalReceipt = z.discriminatedUnion('authority', [
  /** Without approver keys, whoever may open the agent's socket may approve. */
  z.strictObject({
    schema: z.literal('fairlead/receipt@1'),
    authority: z.literal('socket'),
    statement: approvalStatement,
  }),
  /** Ed25519 over the canonical JSON of the statement. */
  z.strictObject({
    schema: z.literal('fairlead/receipt@1'),
    authority: z.literal('key'),
    statement: approvalStatement,
    key: z.string().regex(/^[0-9a-f]{64}$/, { error: 'an Ed25519 public key of 64 hexadecimal digits' }),
    signature: z
      .string()
      .regex(/^[0-9a-f]{128}$/, { error: 'an Ed25519 signature of 128 hexadecimal digits' }),
  }),
]);

export type ApprovalStatement = z.output<typeof approvalStatement>;
export type ApprovalReceipt = z.output<typeof approvalReceipt>;
export type SignedReceipt = ApprovalReceipt & { readonly authority: 'key' };
