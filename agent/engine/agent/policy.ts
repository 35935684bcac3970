// The local policy through the socket: shown, tried, and changed one edit at a time, on the record before it counts.
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { verifyHold } from '../../../shared/policy/hold-receipt.ts';
import { findStale, findUnsatisfiable } from '../../../shared/policy/satisfiable.ts';
import type { PolicyEdit, PolicyReply, PolicyRequest } from '../../../shared/protocol/admin-policy.ts';
import { DEFAULT_POLICY, type Policy } from '../../../shared/schema/policy.ts';
import { diffPolicies } from '../../core/policy-diff.ts';
import { editPolicy } from '../../core/policy-edit.ts';
import { describeOpenings } from './openings.ts';
import type { AgentState } from './state.ts';

export async function readPolicy(state: AgentState): Promise<PolicyReply> {
  const known = await state.settings.policy();
  return known.kind === 'readable'
    ? describe(known.policy, [], state.clock.now())
    : { ...describe(DEFAULT_POLICY, [], 0), policy: null, problem: known.problem, openings: [] };
}

/** Errors: policy/*, document/invalid, audit/damaged, disk/*. */
export async function changePolicy(
  state: AgentState,
  { edit, reason, preview }: PolicyRequest,
  actor: string,
): Promise<PolicyReply> {
  const author = { by: actor, reason, at: state.clock.now() };
  const known = await state.settings.policy();
  const before = known.kind === 'readable' ? known.policy : DEFAULT_POLICY;
  verifyAuthority(state, before, edit);
  // Tried before it is recorded: the log holds changes, not mistakes.
  const tried = known.kind === 'readable' ? editPolicy(known.policy, edit, author) : before;
  if (preview) return describe(tried, diffPolicies(before, tried), author.at);
  const details = { ...describeEdit(edit), reason };
  await state.audit.append({ event: 'policy-changed', actor, details });
  const policy = await state.settings.edit((current) => editPolicy(current, edit, author));
  state.wake();
  return describe(policy, diffPolicies(before, policy), author.at);
}

/** A line of the log is short: of a signature the signer's key says enough. */
function describeEdit(edit: PolicyEdit): { readonly edit: string; readonly signer?: string } {
  if (edit.kind !== 'hold' || edit.signed === undefined) return { edit: JSON.stringify(edit) };
  const { signed, ...rest } = edit;
  return { edit: JSON.stringify(rest), signer: signed.key };
}

/** Break-glass suspends the vendor's fixes: where approvers have keys, the socket alone is not enough for that. */
function verifyAuthority(state: AgentState, { approvals: rules }: Policy, edit: PolicyEdit): void {
  if (edit.kind !== 'hold' || !edit.emergency || rules.approvers.length === 0) return;
  verifyHold(edit.signed, edit.until, { rules, instance: state.instance.id, now: state.clock.now() });
}

function describe(policy: Policy, changes: string[], now: EpochMs): PolicyReply {
  return {
    schema: 'fairlead/policy-reply@1',
    policy,
    problem: null,
    changes,
    unsatisfiable: [...findUnsatisfiable(policy, now)],
    stale: [...findStale(policy, now)],
    openings: describeOpenings(policy, now),
  };
}
