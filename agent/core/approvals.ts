// Approvals given through the socket: for one plan, for a week, spent by the deployment they allow.
import { z } from 'zod';
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import type { Approval } from '../../shared/policy/decide-input.ts';
import { type ApprovalReceipt, approvalReceipt } from '../../shared/protocol/admin.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import { isFinal } from './deploy/states.ts';

export const approvalsFile = z.strictObject({
  schema: z.literal('fairlead/approval-receipts@1'),
  receipts: z.array(approvalReceipt),
});
export type ApprovalsFile = z.output<typeof approvalsFile>;

export const APPROVAL_LIFETIME_MS = 7 * 24 * 3_600_000;

/** Those that still count. A no is final; a yes expires, and is spent by a deployment of its plan that has ended. */
export function selectOpen(
  receipts: readonly ApprovalReceipt[],
  records: readonly DeploymentRecord[],
  now: EpochMs,
): readonly ApprovalReceipt[] {
  const isSpent = (receipt: ApprovalReceipt) =>
    records.some(
      (record) =>
        record.plan === receipt.plan && isFinal(record.state) && startOf(record) >= instantMs(receipt.at),
    );
  return receipts.filter(
    (receipt) => receipt.verdict === 'deny' || (instantMs(receipt.expires) > now && !isSpent(receipt)),
  );
}

export function toApproval(receipt: ApprovalReceipt): Approval {
  const { plan, verdict, expires } = receipt;
  return { plan, verdict, approver: 'local', expires: instantMs(expires) };
}

function startOf(record: DeploymentRecord): EpochMs {
  const first = record.stages[0];
  return first === undefined ? Number.NEGATIVE_INFINITY : instantMs(first.at);
}
