// Approvals on this instance: which count, which are spent, and which were meant for another plan.
import { z } from 'zod';
import { diffPlans, planDigest } from '../../shared/compile/plan.ts';
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import type { Approval } from '../../shared/policy/decide-input.ts';
import {
  CLOCK_LEEWAY_MS,
  isGenuine,
  isInForce,
  LOCAL_APPROVER,
  receiptDigest,
} from '../../shared/policy/receipt.ts';
import type { WeighedApproval } from '../../shared/protocol/admin-policy.ts';
import { type ApprovalReceipt, approvalReceipt } from '../../shared/schema/approval.ts';
import { instant } from '../../shared/schema/common.ts';
import { type DeploymentRecord, isFinal, type Plan, plan } from '../../shared/schema/deployment.ts';
import type { Approvals } from '../../shared/schema/policy.ts';

export const approvalsFile = z.strictObject({
  schema: z.literal('fairlead/approvals-file@1'),
  /** The plans somebody was asked about, oldest first: what a superseded answer was given to. */
  plans: z.array(plan),
  receipts: z.array(
    z.strictObject({
      receipt: approvalReceipt,
      received: instant,
      /** The newest deployment that had ended by then: only a later one spends it. */
      after: z.int().min(0).default(0),
    }),
  ),
  /** When it was begun anew, where what stood here was lost: which answers from before were used is not known any more. */
  since: instant.optional(),
});
export type ApprovalsFile = z.output<typeof approvalsFile>;
export type ReceivedApproval = ApprovalsFile['receipts'][number];

export const NO_APPROVALS: ApprovalsFile = { schema: 'fairlead/approvals-file@1', plans: [], receipts: [] };

const PLANS_KEPT = 20;
/** Answers without effect stay this many, for the record and so that none is handed in twice. */
const IDLE_RECEIPTS_KEPT = 500;

export interface ApprovalFacts {
  readonly rules: Approvals;
  /** The plan on offer. */
  readonly offer: Plan | null;
  readonly records: readonly DeploymentRecord[];
  readonly now: EpochMs;
}

/** What the decision weighs: every answer whose signature still holds, a spent yes left out. */
export function selectOpen(
  file: ApprovalsFile,
  records: readonly DeploymentRecord[],
  now: EpochMs,
): readonly Approval[] {
  return file.receipts
    .filter((one) => isStanding(one, records, now) && isGenuine(one.receipt))
    .map(({ receipt }) => ({
      plan: receipt.statement.plan,
      verdict: receipt.statement.verdict,
      approver: approverOf(receipt),
      expires: instantMs(receipt.statement.expires),
    }));
}

/** Every answer with what has become of it, oldest first. */
export function weighAll(file: ApprovalsFile, facts: ApprovalFacts): WeighedApproval[] {
  return file.receipts.map((one) => {
    const state = stateOf(one, facts);
    const meant = file.plans.find((each) => planDigest(each) === one.receipt.statement.plan);
    const changed =
      state === 'superseded' && meant !== undefined && facts.offer !== null
        ? diffPlans(meant, facts.offer)
        : [];
    return { receipt: one.receipt, approver: nameOf(one.receipt, facts.rules), state, changed };
  });
}

/** Null when the same person has said the same about this plan, and it still stands: once is enough. */
export function addReceipt(
  file: ApprovalsFile,
  added: ReceivedApproval,
  facts: ApprovalFacts,
): ApprovalsFile | null {
  const { statement } = added.receipt;
  const isSame = (one: ReceivedApproval) =>
    one.receipt.statement.plan === statement.plan &&
    one.receipt.statement.verdict === statement.verdict &&
    approverOf(one.receipt) === approverOf(added.receipt);
  if (file.receipts.some((one) => isSame(one) && isStanding(one, facts.records, facts.now))) return null;
  const standing = file.receipts.filter((one) => isStanding(one, facts.records, facts.now));
  const idle = file.receipts.filter((one) => !standing.includes(one)).slice(-IDLE_RECEIPTS_KEPT);
  const kept = file.receipts.filter((one) => standing.includes(one) || idle.includes(one));
  return { ...file, receipts: [...kept, added] };
}

/** Handed in before, whatever became of it. */
export function isKnown(file: ApprovalsFile, receipt: ApprovalReceipt): boolean {
  const digest = receiptDigest(receipt);
  return file.receipts.some((one) => receiptDigest(one.receipt) === digest);
}

/** Until when answers must have been given later: one that was used must not come back as a new one. Null where nothing was lost. */
export function forgottenUntil({ since }: ApprovalsFile): EpochMs | null {
  return since === undefined ? null : instantMs(since) + CLOCK_LEEWAY_MS;
}

/** Null when it is remembered already. */
export function rememberPlan(file: ApprovalsFile, asked: Plan): ApprovalsFile | null {
  const digest = planDigest(asked);
  if (file.plans.some((each) => planDigest(each) === digest)) return null;
  return { ...file, plans: [...file.plans, asked].slice(-PLANS_KEPT) };
}

function stateOf(one: ReceivedApproval, facts: ApprovalFacts): WeighedApproval['state'] {
  const { receipt } = one;
  if (!isGenuine(receipt)) return 'invalid';
  if (isSpent(one, facts.records)) return 'spent';
  if (nameOf(receipt, facts.rules) === null) return 'invalid';
  if (receipt.statement.verdict === 'deny') return 'final';
  if (!isInForce(instantMs(receipt.statement.expires), facts.now)) return 'expired';
  const offered = facts.offer === null ? null : planDigest(facts.offer);
  return receipt.statement.plan === offered ? 'counts' : 'superseded';
}

function isStanding(one: ReceivedApproval, records: readonly DeploymentRecord[], now: EpochMs): boolean {
  const { verdict, expires } = one.receipt.statement;
  return verdict === 'deny' || (isInForce(instantMs(expires), now) && !isSpent(one, records));
}

/** What a receipt received now comes after. */
export function newestEnded(records: readonly DeploymentRecord[]): number {
  return Math.max(0, ...records.filter(({ state }) => isFinal(state)).map(({ id }) => id));
}

/**
 * A yes is spent by a deployment of its plan that ended after the yes was received. One that was abandoned never touched
 * what runs: what was approved has not been tried. The numbers of deployments decide, for a clock may be set back between.
 */
function isSpent({ receipt, after }: ReceivedApproval, records: readonly DeploymentRecord[]): boolean {
  const { plan, verdict } = receipt.statement;
  return records.some(
    ({ id, state, plan: deployed }) =>
      verdict === 'approve' && deployed === plan && id > after && isFinal(state) && state !== 'abandoned',
  );
}

function approverOf(receipt: ApprovalReceipt): string {
  return receipt.authority === 'key' ? receipt.key : LOCAL_APPROVER;
}

function nameOf(receipt: ApprovalReceipt, rules: Approvals): string | null {
  if (receipt.authority === 'socket') return rules.approvers.length === 0 ? LOCAL_APPROVER : null;
  return rules.approvers.find((approver) => approver.key === receipt.key)?.name ?? null;
}
