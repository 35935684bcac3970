// From the facts of one moment to the decision and what it is about: compile, plan, decide.

import { z } from 'zod';
import { type Compile, compileAnew } from '../../shared/compile/compile.ts';
import { planBetween } from '../../shared/compile/plan.ts';
import type { Catalog } from '../../shared/compile/releases.ts';
import type {
  CompileInput,
  CompileResult,
  FixResult,
  KnownFacts,
  PinReport,
  Target,
} from '../../shared/compile/target.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { Pieces } from '../../shared/encoding/pieces.ts';
import { decide, fixOf } from '../../shared/policy/decide.ts';
import type {
  ApplyCommand,
  Approval,
  DecideInput,
  HostFacts,
  Planned,
  QuarantineNote,
} from '../../shared/policy/decide-input.ts';
import { effectiveConfig, effectivePolicy, type LocalState } from '../../shared/policy/local-state.ts';
import { instant } from '../../shared/schema/common.ts';
import { type Decision, decision } from '../../shared/schema/decision.ts';
import type { DeploymentRecord, Fix, Plan, PlanReason } from '../../shared/schema/deployment.ts';
import type { Forecast } from '../../shared/schema/forecast.ts';
import { fixesFrom } from '../../shared/schema/policy.ts';
import { forecastOf, type Means } from './forecast.ts';

export interface Facts extends LocalState {
  readonly instance: string;
  readonly now: EpochMs;
  readonly current: Target | null;
  readonly quarantine: readonly QuarantineNote[];
  readonly approvals: readonly Approval[];
  readonly catalog: Catalog;
  readonly freshness: DecideInput['freshness'];
  readonly host: HostFacts;
  /** What the machine and its operator say this install is, for the classes of rollouts and halts. */
  readonly known?: Omit<KnownFacts, 'drivers'>;
  /** Every deployment so far, oldest first. */
  readonly records: readonly DeploymentRecord[];
  readonly means: Means;
}

export interface Offer {
  readonly target: Target;
  readonly plan: Plan;
  readonly forecast: Forecast;
  /** It is a fix and nothing but. */
  readonly fix?: Fix;
}

export interface Conclusion {
  readonly decision: Decision;
  /** What the decision is about; null when nothing is on offer. */
  readonly offer: Offer | null;
  readonly emergency: FixResult;
  /** Which pins hold, have expired, are overridden, or name nothing. */
  readonly pins: readonly PinReport[];
}

/** `command` is an explicit local `apply`; null for the agent's own rounds. */
export function* conclude(
  facts: Facts,
  command: ApplyCommand | null,
  compile: Compile = compileAnew,
): Pieces<Conclusion> {
  const input = compileInputOf(facts);
  const { desired, emergency, fixes } = yield* compile(input);
  const ordinary = offerOf(facts, targetOf(desired), ordinaryReason(facts));
  const forced = fixOffer(facts, 'order', emergency, {
    kind: 'forced',
    advisories: [...emergency.advisories],
  });
  const letIn = fixOffer(facts, 'policy', fixes, { kind: 'channel' });
  const decision = yield* decide({
    now: facts.now,
    policy: facts.policy,
    config: facts.config,
    freshness: facts.freshness,
    advisories: facts.catalog.advisories,
    current: facts.current?.manifest ?? null,
    desired: { result: desired, ...plannedIn(ordinary) },
    emergency: { result: emergency, plan: forced?.plan ?? null },
    fixes: { result: fixes, ...plannedIn(letIn) },
    approvals: facts.approvals,
    quarantine: facts.quarantine,
    attempts: facts.records,
    host: facts.host,
    command,
  });
  const wanted = decision.fix === undefined ? ordinary : letIn;
  const offer = decision.target?.kind === 'emergency' ? forced : wanted;
  return { decision, offer: decision.target === null ? null : offer, emergency, pins: desired.pins };
}

export function compileInputOf(facts: Facts): CompileInput {
  const policy = effectivePolicy(facts);
  return {
    instance: facts.instance,
    now: facts.now,
    config: effectiveConfig(facts, facts.current),
    catalog: facts.catalog,
    pins: policy.pins,
    fixesFrom: fixesFrom(policy),
    current: facts.current,
    quarantined: new Set(facts.quarantine.map(({ release }) => release)),
    facts: { ...facts.known, drivers: facts.host.drivers },
  };
}

function targetOf(result: CompileResult): Target | null {
  return result.kind === 'compiled' ? result.target : null;
}

function plannedIn(offer: Offer | null): Planned {
  return { plan: offer?.plan ?? null, forecast: offer?.forecast ?? null };
}

function fixOffer(facts: Facts, by: Fix['by'], result: FixResult, reason: PlanReason): Offer | null {
  const offer = offerOf(facts, result.target, reason);
  return offer === null ? null : { ...offer, fix: fixOf(by, result) };
}

/** Trees of the current generation count as stored, others do not: the plan's digest must not change by fetching. */
function offerOf(facts: Facts, to: Target | null, reason: PlanReason): Offer | null {
  if (to === null) return null;
  const { current: from } = facts;
  const stored = new Set<string>(from?.manifest.components.map((component) => component.tree));
  const plan = planBetween({ from, to, reason, stored });
  return plan === null ? null : { target: to, plan, forecast: forecastOf(plan, from, to, facts) };
}

/** The same whether the plan is shown or run, for an approval binds to its digest. */
function ordinaryReason(facts: Facts): PlanReason {
  return { kind: effectivePolicy(facts).channel === 'auto' ? 'channel' : 'manual' };
}

export const decisionRecord = z.strictObject({
  schema: z.literal('fairlead/decision-record@1'),
  /** When this decision was first made; looking again and finding the same changes nothing. */
  since: instant,
  decision,
});
export type DecisionRecord = z.output<typeof decisionRecord>;

export function isSameDecision(a: Decision, b: Decision): boolean {
  return ordered(a) === ordered(b);
}

/** The schema writes keys in its own order, whatever theirs was. */
function ordered(value: Decision): string {
  return JSON.stringify(decision.parse(value));
}
