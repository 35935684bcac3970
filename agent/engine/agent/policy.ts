// The operator's say: changing the local policy, and a yes or no to one plan, each on the record before it counts.
import { digestOfValue, shortDigest } from '../../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type {
  ApprovalReceipt,
  ApprovalRequest,
  ApprovalsReply,
  PolicyReply,
  PolicyRequest,
} from '../../../shared/protocol/admin.ts';
import { APPROVAL_LIFETIME_MS, selectOpen } from '../../core/approvals.ts';
import { editPolicy } from '../../core/policy-edit.ts';
import { assess } from './assess.ts';
import type { AgentState } from './state.ts';

export async function readPolicy(state: AgentState): Promise<PolicyReply> {
  const policy = await state.settings.policy();
  return policy.kind === 'readable'
    ? { schema: 'fairlead/policy-reply@1', policy: policy.policy, problem: null }
    : { schema: 'fairlead/policy-reply@1', policy: null, problem: policy.problem };
}

/** Errors: policy/*, document/invalid, audit/damaged, disk/*. */
export async function changePolicy(
  state: AgentState,
  { edit, reason }: PolicyRequest,
  actor: string,
): Promise<PolicyReply> {
  const author = { by: actor, reason, at: state.clock.now() };
  const known = await state.settings.policy();
  // Tried before it is recorded: the log holds changes, not mistakes.
  if (known.kind === 'readable') editPolicy(known.policy, edit, author);
  const details = { edit: JSON.stringify(edit), reason };
  await state.audit.append({ event: 'policy-changed', actor, details });
  const policy = await state.settings.edit((current) => editPolicy(current, edit, author));
  state.wake();
  return { schema: 'fairlead/policy-reply@1', policy, problem: null };
}

export async function readApprovals(state: AgentState): Promise<ApprovalsReply> {
  return { schema: 'fairlead/approvals@1', approvals: [...(await openReceipts(state))] };
}

/** Errors: approval/not-on-offer, approval/keys-needed, audit/damaged, disk/*. */
export async function giveApproval(
  state: AgentState,
  request: ApprovalRequest,
  actor: string,
): Promise<ApprovalsReply> {
  const { offer, facts } = await assess(state, state.contact.catalog());
  if (facts.policy.kind === 'readable' && facts.policy.policy.approvals.approvers.length > 0) {
    const approvers = facts.policy.policy.approvals.approvers.map(({ name }) => name).join(', ');
    throw new FairleadError('approval/keys-needed', { approvers });
  }
  // Nobody approves what they cannot have seen.
  if (offer === null || digestOfValue(offer.plan) !== request.plan) {
    throw new FairleadError('approval/not-on-offer', { plan: shortDigest(request.plan) });
  }
  const receipt: ApprovalReceipt = {
    ...request,
    by: actor,
    at: formatInstantMs(facts.now),
    expires: formatInstantMs(facts.now + APPROVAL_LIFETIME_MS),
  };
  const { plan, verdict, reason, ticket = null } = request;
  await state.audit.append({ event: 'approval-given', actor, details: { plan, verdict, reason, ticket } });
  const receipts = [...(await openReceipts(state)), receipt];
  await state.approvals.write({ schema: 'fairlead/approval-receipts@1', receipts });
  state.wake();
  return { schema: 'fairlead/approvals@1', approvals: receipts };
}

async function openReceipts(state: AgentState): Promise<readonly ApprovalReceipt[]> {
  const [file, records] = await Promise.all([state.approvals.read(), state.deployer.records()]);
  return selectOpen(file?.receipts ?? [], records, state.clock.now());
}
