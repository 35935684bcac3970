// Reasons against what the local policy decides about, ordinary updates and the fixes it lets in: channel, hold, approvals, windows, settings, exposure.
import { type Exposure, selectExposures } from '../compile/exposure.ts';
import { planDigest } from '../compile/plan.ts';
import { instantMs } from '../encoding/instant.ts';
import type { Pieces } from '../encoding/pieces.ts';
import type { Plan } from '../schema/deployment.ts';
import type { Policy } from '../schema/policy.ts';
import { block, isRefused, type Reason } from './blockers.ts';
import type { DecideInput } from './decide-input.ts';
import { driverReasons, hostReasons } from './host-reasons.ts';
import { quarantinedReason } from './idle-reasons.ts';
import { effectivePolicy } from './local-state.ts';
import { weighApprovals } from './receipt.ts';
import { retryReasons } from './retry-pause.ts';
import { settingsReasons } from './settings-reasons.ts';
import { windowReasons } from './window-reasons.ts';

/** `exposures` of what runs. Host included: nobody is asked to approve what would be refused all the same, or what is under way already. */
export function* ordinaryReasons(
  input: DecideInput,
  plan: Plan,
  exposures: readonly Exposure[],
): Pieces<readonly Reason[]> {
  const unasked = [
    ...hostReasons(input),
    ...memoryReasons(input),
    ...(yield* targetReasons(input, exposures)),
    ...wholeReasons(input, plan),
    ...(yield* policyReasons(input, input.desired.forecast)),
    ...retryReasons(input, planDigest(plan)),
  ];
  const isAsked = !isRefused(unasked) && !input.host.deploymentInProgress;
  return isAsked ? [...unasked, ...approvalReasons(input, plan)] : unasked;
}

/** Against a fix that the policy lets in: its channel asks nobody, and that is what the policy says. A no to this very plan still counts. */
export function* fixReasons(input: DecideInput, plan: Plan): Pieces<readonly Reason[]> {
  const { result } = input.fixes;
  const policy = effectivePolicy(input);
  return [
    ...hostReasons(input),
    ...memoryReasons(input),
    ...settingsReasons(result.misconfigured),
    ...driverReasons(input.host, result.target),
    ...wholeReasons(input, plan),
    ...holdReasons(policy, input.now),
    ...(yield* windowReasons(input, policy, input.fixes.forecast)),
    ...retryReasons(input, planDigest(plan)),
    ...denialReasons(input, plan),
  ];
}

/** Without the list of what failed here the agent would try it again. A person who says so may. */
function memoryReasons({ host: { quarantineDamage = null }, command }: DecideInput): readonly Reason[] {
  if (quarantineDamage === null || command !== null) return [];
  return [
    block('quarantine-unreadable', {
      message: `what failed here before is not known: ${quarantineDamage}`,
      source: 'the quarantine',
    }),
  ];
}

/** Where no release changes, the deployment as a whole is what failed: its settings. An explicit `apply` starts it neither. */
function wholeReasons({ quarantine }: DecideInput, plan: Plan): readonly Reason[] {
  const note = quarantine.find(({ release }) => release === plan.to);
  return note === undefined ? [] : [quarantinedReason(note.component, note.version, note)];
}

function* targetReasons(
  { desired: { result }, advisories, host }: DecideInput,
  exposures: readonly Exposure[],
): Pieces<readonly Reason[]> {
  if (result.kind === 'conflict') return [];
  const already = new Set(exposures.map((one) => one.advisory + one.component));
  const exposed = yield* selectExposures(result.target.manifest, advisories);
  const fresh = exposed.filter(
    (one) => one.severity === 'critical' && !already.has(one.advisory + one.component),
  );
  return [
    ...settingsReasons(result.misconfigured),
    ...driverReasons(host, result.target),
    ...fresh.map((one) =>
      block('target-exposed', {
        message: `${one.advisory} affects ${one.component} ${one.version}, and no fix can be installed`,
        source: one.advisory,
      }),
    ),
  ];
}

function* policyReasons(
  input: DecideInput,
  forecast: DecideInput['desired']['forecast'],
): Pieces<readonly Reason[]> {
  const { command, now } = input;
  const policy = effectivePolicy(input);
  const reasons: Reason[] = [...holdReasons(policy, now)];
  if (policy.channel === 'frozen' && command === null) {
    reasons.push(
      block('channel-frozen', {
        message: 'the channel is frozen',
        source: 'policy channel',
      }),
    );
  }
  return [...reasons, ...(yield* windowReasons(input, policy, forecast))];
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
          clear: { emergency: one === emergencyHold ? ' --emergency' : '' },
        }),
  );
}

/**
 * Where approvers have keys, opening the agent's socket approves nothing: not on `manual`, not to thaw `frozen`. A no is
 * final for its plan, on every channel and for an explicit `apply` too.
 */
function approvalReasons(input: DecideInput, plan: Plan): readonly Reason[] {
  const { approvals, command, now } = input;
  const { channel, approvals: rules } = effectivePolicy(input);
  const digest = planDigest(plan);
  const approval = weighApprovals(rules, digest, approvals, now);
  if (approval.kind === 'denied') return denialReasons(input, plan);
  const isAsked = channel !== 'auto' && (command === null || rules.approvers.length > 0);
  if (approval.kind === 'granted' || !isAsked) return [];
  const signed = rules.approvers.length > 0 ? ' --key FILE' : '';
  return [
    block('approval-needed', {
      message: `${approval.given} of ${approval.required} approvals given`,
      source: 'policy approvals',
      clear: { plan: digest, key: signed },
    }),
  ];
}

function denialReasons(input: DecideInput, plan: Plan): readonly Reason[] {
  const { approvals: rules } = effectivePolicy(input);
  const approval = weighApprovals(rules, planDigest(plan), input.approvals, input.now);
  if (approval.kind !== 'denied') return [];
  return [block('approval-denied', { message: `${approval.by} has refused this plan`, source: 'approvals' })];
}
