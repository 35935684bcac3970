// Approvals: who has said yes or no to exactly this plan.
import type { EpochMs } from '../encoding/instant.ts';
import type { Approvals } from '../schema/policy.ts';
import type { Approval } from './decide-input.ts';

export type ApprovalState =
  | { readonly kind: 'granted' }
  | { readonly kind: 'denied'; readonly by: string }
  | { readonly kind: 'missing'; readonly given: number; readonly required: number };

/** The approver where the policy names no keys: the permission of the agent's socket is the authority then. */
export const LOCAL_APPROVER = 'local';

/**
 * A yes expires; a no is final for its plan. Receipts for any other plan, and of people the policy does not name,
 * count for nothing.
 */
export function weighApprovals(
  rules: Approvals,
  plan: string,
  approvals: readonly Approval[],
  now: EpochMs,
): ApprovalState {
  const names = new Map(rules.approvers.map((approver) => [approver.key, approver.name]));
  if (names.size === 0) names.set(LOCAL_APPROVER, LOCAL_APPROVER);
  const receipts = approvals.filter((one) => one.plan === plan && names.has(one.approver));
  const denials = receipts.filter((one) => one.verdict === 'deny').map((one) => one.approver);
  const [denier] = denials.toSorted();
  if (denier !== undefined) return { kind: 'denied', by: names.get(denier) ?? denier };
  const given = new Set(receipts.filter((one) => one.expires > now).map((one) => one.approver)).size;
  return given >= rules.required ? { kind: 'granted' } : { kind: 'missing', given, required: rules.required };
}
