// The signed order to hold forced patches: break-glass is an approver's to use where approvers have keys.
import { z } from 'zod';
import { instant, line } from './common.ts';

/** The schema's name keeps the signature from meaning anything else. */
export const holdStatement = z.strictObject({
  schema: z.literal('fairlead/hold@1'),
  until: instant,
  by: line,
  reason: line,
  instance: z.string().max(64),
  at: instant,
});

/** Ed25519 over the canonical JSON of the statement. */
export const holdReceipt = z.strictObject({
  statement: holdStatement,
  key: z.string().regex(/^[0-9a-f]{64}$/, { error: 'an Ed25519 public key of 64 hexadecimal digits' }),
  signature: z.string().regex(/^[0-9a-f]{128}$/, { error: 'an Ed25519 signature of 128 hexadecimal digits' }),
});

export type HoldStatement = z.output<typeof holdStatement>;
export type HoldReceipt = z.output<typeof holdReceipt>;
