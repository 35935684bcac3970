// The admin API's part about what the operator decides: the local policy, and a yes or no to one plan.
import { z } from 'zod';
import { approvalReceipt } from '../schema/approval.ts';
import { digest, instant, line } from '../schema/common.ts';
import { holdReceipt } from '../schema/hold-receipt.ts';
import { FIXES_FROM, PROPOSAL_KINDS, policy, STANDINGS } from '../schema/policy.ts';
import { CHANNELS } from './report.ts';
import { opening } from './upkeep.ts';

/** Checked as part of the policy: one place knows what a window may be. */
const windowFields = {
  name: z.string().max(64),
  cron: line,
  duration: z.string().max(64),
  zone: z.string().max(64),
};

/** One change of the local policy. A component is `platform`, a suite's name or `suite/capability`. */
export const policyEdit = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('channel'), channel: z.enum(CHANNELS) }),
  /** Takes the place of the component's earlier pin. */
  z.strictObject({
    kind: z.literal('pin'),
    component: z.string().max(129),
    version: z.string().max(256),
    expires: instant.optional(),
  }),
  z.strictObject({ kind: z.literal('unpin'), component: z.string().max(129) }),
  /** `emergency` holds forced patches too; where approvers have keys, one of them has signed it. */
  z.strictObject({
    kind: z.literal('hold'),
    until: instant,
    emergency: z.boolean(),
    signed: holdReceipt.optional(),
  }),
  z.strictObject({ kind: z.literal('release'), emergency: z.boolean() }),
  /** Takes the place of the earlier window of this name. */
  z.strictObject({ kind: z.literal('window'), list: z.enum(['allow', 'deny']), ...windowFields }),
  z.strictObject({ kind: z.literal('unwindow'), name: z.string().max(64) }),
  /** Takes the place of the earlier approver of this name. */
  z.strictObject({ kind: z.literal('approver'), name: z.string().max(64), key: z.string().max(64) }),
  z.strictObject({ kind: z.literal('unapprover'), name: z.string().max(64) }),
  z.strictObject({ kind: z.literal('required'), required: z.int() }),
  /** What becomes of proposals of these kinds. */
  z.strictObject({
    kind: z.literal('remote'),
    of: z.array(z.enum(PROPOSAL_KINDS)).min(1).max(PROPOSAL_KINDS.length),
    standing: z.enum(STANDINGS),
  }),
  /** From which severity on fixes come by themselves. */
  z.strictObject({ kind: z.literal('security'), from: z.enum(FIXES_FROM) }),
  /** Of a vendor's template: the channel and, where it has any, the windows, which take the place of all. */
  z.strictObject({
    kind: z.literal('template'),
    channel: z.enum(CHANNELS),
    windows: z
      .strictObject({
        allow: z.array(z.strictObject(windowFields)).max(50),
        deny: z.array(z.strictObject(windowFields)).max(50),
      })
      .optional(),
  }),
]);

/** PUT /v1/policy. A preview says what would change, and changes nothing. */
export const policyRequest = z.strictObject({
  edit: policyEdit,
  reason: line,
  preview: z.boolean().default(false),
});

/** GET and PUT /v1/policy. Null with the problem when the policy cannot be read: the instance is frozen. */
export const policyReply = z.strictObject({
  schema: z.literal('fairlead/policy-reply@1'),
  policy: policy.nullable(),
  problem: z.string().nullable(),
  /** What the edit changes, line by line; empty for a question. */
  changes: z.array(z.string()),
  /** Rules of the policy that can never be met. */
  unsatisfiable: z.array(z.string()),
  /** What holds nothing any more. */
  stale: z.array(z.string()),
  /** The next three, the one that is open first. */
  openings: z.array(opening),
});

/** POST /v1/approvals: by the authority of the socket. */
export const approvalRequest = z.strictObject({
  plan: digest,
  verdict: z.enum(['approve', 'deny']),
  reason: line,
  ticket: line.optional(),
});

/** POST /v1/approvals/receipts: signed, wherever it was made. */
export const receiptRequest = z.strictObject({ receipt: approvalReceipt });

const weighed = z.strictObject({
  receipt: approvalReceipt,
  /** As the policy names the key, or `local` for the socket; null for a key that is no approver any more. */
  approver: z.string().nullable(),
  /** `counts` and `final` are the yes and the no that have effect. */
  state: z.enum(['counts', 'final', 'spent', 'expired', 'superseded', 'invalid']),
  /** How the plan on offer differs from the one that was meant; for what is superseded. */
  changed: z.array(z.string()),
});

/** GET and POST /v1/approvals, oldest first. */
export const approvalsReply = z.strictObject({
  schema: z.literal('fairlead/approvals@1'),
  /** The plan on offer. */
  plan: digest.nullable(),
  /** Distinct people who said yes to it, and how many must. */
  given: z.int(),
  required: z.int(),
  approvals: z.array(weighed),
});

export type PolicyEdit = z.output<typeof policyEdit>;
export type PolicyRequest = z.output<typeof policyRequest>;
export type PolicyReply = z.output<typeof policyReply>;
export type ApprovalRequest = z.output<typeof approvalRequest>;
export type ReceiptRequest = z.output<typeof receiptRequest>;
export type ApprovalsReply = z.output<typeof approvalsReply>;
export type WeighedApproval = z.output<typeof weighed>;
