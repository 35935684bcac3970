// What if: the same decision about other facts, so that its answer is the one that would really be given.
import type { Compile } from '../../shared/compile/compile.ts';
import { formatInstant, instantMs } from '../../shared/encoding/instant.ts';
import type { Pieces } from '../../shared/encoding/pieces.ts';
import type { Approval } from '../../shared/policy/decide-input.ts';
import { effectivePolicy, type PolicyState } from '../../shared/policy/local-state.ts';
import { LOCAL_APPROVER } from '../../shared/policy/receipt.ts';
import type { Assumption, WhatIfRequest } from '../../shared/protocol/admin.ts';
import type { Policy } from '../../shared/schema/policy.ts';
import { type Conclusion, conclude, type Facts } from './conclude.ts';

/** Signed data counts as fresh as it is now: by then the agent will have asked the server again. */
export function* concludeIf(
  facts: Facts,
  { at, assume }: WhatIfRequest,
  compile?: Compile,
): Pieces<Conclusion> {
  const supposed: Facts = {
    ...facts,
    now: at === undefined ? facts.now : instantMs(at),
    policy: supposePolicy(facts.policy, new Set(assume)),
    ...(at === undefined ? {} : { means: byThen(facts) }),
  };
  const conclusion = yield* conclude(supposed, null, compile);
  const plan = conclusion.decision.target?.plan;
  if (plan === undefined || !assume.includes('approved')) return conclusion;
  // Whom to ask is known only once there is a plan; everything else stays as it is, a denial too.
  const approvals = [...facts.approvals, ...everyYes(supposed, plan)];
  return yield* conclude({ ...supposed, approvals }, null, compile);
}

/** What is fetched ahead is on the disk by then. */
function byThen({ means, catalog, policy }: Facts): Facts['means'] {
  if (!effectivePolicy({ policy }).fetchAhead) return means;
  const offered = catalog.releases.flatMap(({ document }) =>
    document.schema === 'fairlead/capability@1' ? [document.tree.digest] : [],
  );
  return { ...means, stored: new Set([...means.stored, ...offered]) };
}

function supposePolicy(state: PolicyState, assumed: ReadonlySet<Assumption>): PolicyState {
  if (state.kind === 'unreadable') return state;
  const { hold, emergencyHold, ...policy } = state.policy;
  const holds: Pick<Policy, 'hold' | 'emergencyHold'> = assumed.has('released')
    ? {}
    : { ...(hold === undefined ? {} : { hold }), ...(emergencyHold === undefined ? {} : { emergencyHold }) };
  return {
    kind: 'readable',
    policy: {
      ...policy,
      ...holds,
      ...(assumed.has('window') ? { windows: { allow: [], deny: [] } } : {}),
      ...(assumed.has('unpinned') ? { pins: [] } : {}),
      ...(assumed.has('auto') ? { channel: 'auto' } : {}),
    },
  };
}

function everyYes(facts: Facts, plan: string): readonly Approval[] {
  const keys = effectivePolicy(facts).approvals.approvers.map(({ key }) => key);
  return (keys.length === 0 ? [LOCAL_APPROVER] : keys).map((approver) => ({
    plan,
    verdict: 'approve',
    approver,
    expires: facts.now + 1,
  }));
}

/** For the answer: the moment it is about. */
export function momentOf(facts: Facts, { at }: WhatIfRequest): string {
  return at ?? formatInstant(facts.now);
}
