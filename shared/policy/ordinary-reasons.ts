// Reasons against an ordinary update: channel, hold, approvals, windows, settings, exposure.
import { selectExposures } from '../compile/exposure.ts';
import { planDigest } from '../compile/identity.ts';
import { instantMs } from '../encoding/instant.ts';
import type { DocumentIssue } from '../errors/document.ts';
import type { Plan } from '../schema/deployment.ts';
import type { Policy } from '../schema/policy.ts';
import { weighApprovals } from './approvals.ts';
import { BLOCKER_RULES, block, type Reason } from './blockers.ts';
import type { DecideInput } from './decide-input.ts';
import { isOpen, nextOpen } from './windows.ts';

export function ordinaryReasons(input: DecideInput, plan: Plan): readonly Reason[] {
  const unasked = [...targetReasons(input), ...policyReasons(input)];
  // Nobody is asked to approve what would be refused all the same.
  const isRefused = unasked.some(({ code }) => /^(?:blocked|held)$/.test(BLOCKER_RULES[code].verdict));
  return isRefused ? unasked : [...unasked, ...approvalReasons(input, plan)];
}

export function settingsReasons(issues: readonly DocumentIssue[]): readonly Reason[] {
  return issues.map((issue) =>
    block('settings-invalid', {
      message: `${issue.path}: expected ${issue.expected}, found ${issue.found}; ${issue.remedy}`,
      source: 'the instance configuration',
    }),
  );
}

export function policyUnreadable(problem: string): Reason {
  return block('policy-unreadable', {
    message: `the policy cannot be read, so the instance is frozen: ${problem}`,
    source: 'the policy',
    clearWith: 'fairlead policy check',
  });
}

function targetReasons({ desired: { result }, current, advisories }: DecideInput): readonly Reason[] {
  if (result.kind === 'conflict') return [];
  const already = new Set(
    current === null ? [] : selectExposures(current, advisories).map((one) => one.advisory + one.component),
  );
  const fresh = selectExposures(result.target.manifest, advisories).filter(
    (one) => one.severity === 'critical' && !already.has(one.advisory + one.component),
  );
  return [
    ...settingsReasons(result.misconfigured),
    ...fresh.map((one) =>
      block('target-exposed', {
        message: `${one.advisory} affects ${one.component} ${one.version}, and no fix can be installed`,
        source: one.advisory,
      }),
    ),
  ];
}

function policyReasons({ policy: state, command, now }: DecideInput): readonly Reason[] {
  if (state.kind === 'unreadable') return [policyUnreadable(state.problem)];
  const { policy } = state;
  const reasons: Reason[] = [...holdReasons(policy, now)];
  if (policy.channel === 'frozen' && command === null) {
    reasons.push(
      block('channel-frozen', {
        message: 'the channel is frozen',
        source: 'policy channel',
        clearWith: 'fairlead apply --reason "why"',
      }),
    );
  }
  const isOverridden = command?.override.includes('window') === true;
  if (!isOpen(policy.windows, now) && !isOverridden) {
    reasons.push(
      block('window-closed', {
        message: 'no maintenance window is open',
        source: 'policy windows',
        clearsAt: nextOpen(policy.windows, now),
        clearWith: 'fairlead apply --now --override window --reason "why"',
      }),
    );
  }
  return reasons;
}

function holdReasons({ hold, emergencyHold }: Policy, now: number): readonly Reason[] {
  const holds = [hold, emergencyHold].filter((one) => one !== undefined && instantMs(one.until) > now);
  return holds.flatMap((one) =>
    one === undefined
      ? []
      : block('hold', {
          message: `held by ${one.by}: ${one.reason}`,
          source: 'policy hold',
          clearsAt: instantMs(one.until),
          clearWith: `fairlead release${one === emergencyHold ? ' --emergency' : ''} --reason "why"`,
        }),
  );
}

/**
 * Where approvers have keys, opening the agent's socket approves nothing: not on `manual`, not to thaw `frozen`. A no is
 * final for its plan, on every channel and for an explicit `apply` too.
 */
function approvalReasons(
  { policy: state, approvals, command, now }: DecideInput,
  plan: Plan,
): readonly Reason[] {
  if (state.kind === 'unreadable') return [];
  const { channel, approvals: rules } = state.policy;
  const digest = planDigest(plan);
  const approval = weighApprovals(rules, digest, approvals, now);
  if (approval.kind === 'denied') {
    return [
      block('approval-denied', { message: `${approval.by} has refused this plan`, source: 'approvals' }),
    ];
  }
  const isAsked = channel !== 'auto' && (command === null || rules.approvers.length > 0);
  if (approval.kind === 'granted' || !isAsked) return [];
  const signed = rules.approvers.length > 0 ? ' --key FILE' : '';
  return [
    block('approval-needed', {
      message: `${approval.given} of ${approval.required} approvals given`,
      source: 'policy approvals',
      clearWith: `fairlead approve ${digest}${signed} --reason "why"`,
    }),
  ];
}
