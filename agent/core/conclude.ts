// From the facts of one moment to the decision and what it is about: compile, plan, decide.
import { type Compile, compileAnew } from '../../shared/compile/cache.ts';
import type { Catalog } from '../../shared/compile/catalog.ts';
import { planBetween } from '../../shared/compile/plan.ts';
import type {
  CompileInput,
  CompileResult,
  EmergencyResult,
  PinReport,
  Target,
} from '../../shared/compile/target.ts';
import { type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
import { decide } from '../../shared/policy/decide.ts';
import type {
  ApplyCommand,
  Approval,
  DecideInput,
  HostFacts,
  PolicyState,
} from '../../shared/policy/decide-input.ts';
import type { Blocker, Decision } from '../../shared/schema/decision.ts';
import type { DeploymentRecord, Plan, PlanReason } from '../../shared/schema/deployment.ts';
import type { InstanceConfig } from '../../shared/schema/instance.ts';
import { retryPause } from './retry-pause.ts';

export interface Facts {
  readonly instance: string;
  readonly now: EpochMs;
  readonly policy: PolicyState;
  readonly config: ConfigState;
  readonly current: Target | null;
  /** Digests of release manifests that failed here. */
  readonly quarantined: ReadonlySet<string>;
  readonly approvals: readonly Approval[];
  readonly catalog: Catalog;
  readonly freshness: DecideInput['freshness'];
  readonly host: HostFacts;
  /** Every deployment so far, oldest first. */
  readonly records: readonly DeploymentRecord[];
}

/** A configuration nobody can read changes nothing: what runs keeps its own, and stays open to forced patches. */
export type ConfigState =
  | { readonly kind: 'readable'; readonly config: InstanceConfig }
  | { readonly kind: 'unreadable'; readonly problem: string; readonly hint: string };

export interface Offer {
  readonly target: Target;
  readonly plan: Plan;
}

export interface Conclusion {
  readonly decision: Decision;
  /** What the decision is about; null when nothing is on offer. */
  readonly offer: Offer | null;
  readonly emergency: EmergencyResult;
  /** Which pins hold, have expired, are overridden, or name nothing. */
  readonly pins: readonly PinReport[];
}

/** `command` is an explicit local `apply`; null for the agent's own rounds. */
export function conclude(
  facts: Facts,
  command: ApplyCommand | null,
  compile: Compile = compileAnew,
): Conclusion {
  const input = compileInputOf(facts);
  const { desired, emergency } = compile(input);
  const ordinary = offerOf(input, targetOf(desired), ordinaryReason(facts.policy));
  const forced = offerOf(input, emergency.target, { kind: 'forced', advisories: [...emergency.advisories] });
  const decision = decide({
    now: facts.now,
    policy: facts.policy,
    freshness: facts.freshness,
    advisories: facts.catalog.advisories,
    current: facts.current?.manifest ?? null,
    desired: { result: desired, plan: ordinary?.plan ?? null },
    emergency: { result: emergency, plan: forced?.plan ?? null },
    approvals: facts.approvals,
    host: facts.host,
    command,
  });
  const offer = decision.target?.kind === 'emergency' ? forced : ordinary;
  return {
    decision: [blockOrdinary, pauseAfterFailure].reduce((d, refine) => refine(d, facts, command), decision),
    offer: decision.target === null ? null : offer,
    emergency,
    pins: desired.pins,
  };
}

const NOTHING_ENABLED: InstanceConfig = { schema: 'fairlead/instance@1', track: 'stable', suites: {} };

export function effectiveConfig(facts: Facts): InstanceConfig {
  return facts.config.kind === 'readable' ? facts.config.config : (facts.current?.config ?? NOTHING_ENABLED);
}

export function compileInputOf(facts: Facts): CompileInput {
  return {
    instance: facts.instance,
    now: facts.now,
    config: effectiveConfig(facts),
    catalog: facts.catalog,
    pins: facts.policy.kind === 'readable' ? facts.policy.policy.pins : [],
    current: facts.current,
    quarantined: facts.quarantined,
  };
}

function targetOf(result: CompileResult): Target | null {
  return result.kind === 'compiled' ? result.target : null;
}

/** Trees of the current generation count as stored, others do not: the plan's digest must not change by fetching. */
function offerOf(input: CompileInput, to: Target | null, reason: PlanReason): Offer | null {
  if (to === null) return null;
  const stored = new Set<string>(input.current?.manifest.components.map((component) => component.tree));
  const plan = planBetween({ from: input.current, to, reason, stored });
  return plan === null ? null : { target: to, plan };
}

/** The same whether the plan is shown or run, for an approval binds to its digest. */
function ordinaryReason(policy: PolicyState): PlanReason {
  const channel = policy.kind === 'readable' ? policy.policy.channel : 'frozen';
  return { kind: channel === 'auto' ? 'channel' : 'manual' };
}

function blockOrdinary(decision: Decision, { config }: Facts): Decision {
  if (config.kind === 'readable' || decision.target?.kind === 'emergency') return decision;
  const blocker: Blocker = {
    code: 'config-invalid',
    message: `${config.problem}; ${config.hint}`,
    source: 'the instance configuration',
    owner: 'admin',
  };
  return { ...decision, verdict: 'blocked', blockers: [blocker, ...decision.blockers] };
}

/** Holds the agent back, not the operator. */
function pauseAfterFailure(decision: Decision, facts: Facts, command: ApplyCommand | null): Decision {
  if (decision.verdict !== 'apply' || decision.target === null || command !== null) return decision;
  const pause = retryPause(facts.records, decision.target.plan);
  // An attempt that lies in the future was made by a clock that has been set since: it would hold back for years.
  if (pause === null || facts.now < pause.since || pause.notBefore <= facts.now) return decision;
  const { id, failure } = pause.failed;
  const blocker: Blocker = {
    code: 'retry-later',
    message: `change ${id} did not commit, and its plan is tried again by itself: ${failure?.message ?? 'no failure was recorded'}`,
    source: 'the deployment records',
    owner: 'time',
    clearsAt: formatInstant(pause.notBefore),
    clearWith: 'fairlead apply --reason "why"',
  };
  return { ...decision, verdict: 'wait', blockers: [blocker] };
}
