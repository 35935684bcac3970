// The decision: may the target be applied now, and if not, every reason why.
import { type Exposure, selectExposures } from '../compile/exposure.ts';
import { pinnedComponent } from '../compile/pins.ts';
import { planDigest } from '../compile/plan.ts';
import type { FixResult } from '../compile/target.ts';
import type { Pieces } from '../encoding/pieces.ts';
import { sanitizeLine } from '../encoding/text.ts';
import type { Decision } from '../schema/decision.ts';
import type { Fix, Plan } from '../schema/deployment.ts';
import { boundReasons, isRefused, MOST_REASONS, type Reason, verdictOf } from './blockers.ts';
import type { DecideInput } from './decide-input.ts';
import { emergencyReasons } from './emergency-terms.ts';
import { hostReasons } from './host-reasons.ts';
import { idleReasons, notLetIn, openReasons } from './idle-reasons.ts';
import { isReadable } from './local-state.ts';
import { fixReasons, ordinaryReasons } from './ordinary-reasons.ts';

/**
 * The one place where a verdict is made: what is known of the instance goes in, and nobody rewrites what comes out. A
 * forced patch goes before a fix that the policy lets in, and that before what is merely desired. All reasons are given at once, weightiest first; `apply` has
 * none. What-if is the same function with another `now`, other approvals or a command.
 */
export function* decide(input: DecideInput): Pieces<Decision> {
  const exposures = input.current === null ? [] : yield* selectExposures(input.current, input.advisories);
  const { emergency } = input;
  const told = tell(exposures, newerThan(input));
  if (emergency.plan !== null) {
    const reasons = [...hostReasons(input), ...(yield* emergencyReasons(input, emergency.plan))];
    return {
      ...conclude(reasons, 'apply'),
      target: targetOf('emergency', emergency.plan),
      ...told,
      ...adoptedBy(emergency.result),
    };
  }
  // Without the operator's word nothing is desired: what was computed meanwhile is no offer, and nobody is asked about it.
  const wanted = isReadable(input) ? yield* decideWanted(input, exposures) : null;
  if (wanted !== null) return { ...wanted, ...told };
  return { ...conclude([...hostReasons(input), ...idleReasons(input)], 'current'), target: null, ...told };
}

type Wanted = Pick<Decision, 'verdict' | 'blockers' | 'target' | 'adopted' | 'fix'>;

/** A fix that is refused keeps nothing else from going on; one that waits goes first. Null where neither is on offer. */
function* decideWanted(input: DecideInput, exposures: readonly Exposure[]): Pieces<Wanted | null> {
  const { desired, fixes } = input;
  const ordinary = desired.plan === null ? null : yield* ordinaryOrOpen(input, desired.plan, exposures);
  if (fixes.plan !== null) {
    const reasons = yield* fixReasons(input, fixes.plan);
    if (!isRefused(reasons) || ordinary === null || isRefused(ordinary)) {
      return {
        ...conclude(reasons, 'apply'),
        target: targetOf('desired', fixes.plan),
        ...adoptedBy(fixes.result),
        fix: fixOf('policy', fixes.result),
      };
    }
  }
  if (desired.plan === null || ordinary === null) return null;
  return { ...conclude(ordinary, 'apply'), target: targetOf('desired', desired.plan) };
}

/** What a decision says of a fix, and what the record of its deployment keeps. */
export function fixOf(by: Fix['by'], { advisories, beside }: FixResult): Fix {
  return {
    by,
    advisories: advisories.slice(0, MOST_REASONS),
    beside: beside.slice(0, MOST_REASONS).map((one) => ({ ...one, because: sanitizeLine(one.because, 300) })),
  };
}

/** Nothing goes on by itself: then it is also said why a hole stays open. What may go on is not held up by it. */
function* ordinaryOrOpen(
  input: DecideInput,
  plan: Plan,
  exposures: readonly Exposure[],
): Pieces<readonly Reason[]> {
  const reasons = yield* ordinaryReasons(input, plan, exposures);
  if (verdictOf(reasons, 'apply') === 'blocked') return [...reasons, ...openReasons(input)];
  return isRefused(reasons) ? [...reasons, ...notLetIn(input)] : reasons;
}

function conclude(
  reasons: readonly Reason[],
  none: 'apply' | 'current',
): Pick<Decision, 'verdict' | 'blockers'> {
  return { verdict: verdictOf(reasons, none), blockers: [...boundReasons(reasons)] };
}

function targetOf(kind: 'desired' | 'emergency', plan: Plan): NonNullable<Decision['target']> {
  return { kind, manifest: plan.to, plan: planDigest(plan) };
}

function adoptedBy(result: FixResult): Pick<Decision, 'adopted'> {
  return result.adopted.length === 0 ? {} : { adopted: result.adopted.map((one) => ({ ...one })) };
}

/** The most urgent of them, and how many more there are: a vendor's documents decide how many there can be. */
function tell(
  exposures: readonly Exposure[],
  newer: NonNullable<Decision['newer']>,
): Pick<Decision, 'exposed' | 'newer' | 'unlisted'> {
  const exposed = exposures.slice(0, MOST_REASONS).map((one) => ({ ...one }));
  const left = {
    exposed: exposures.length - exposed.length,
    newer: Math.max(0, newer.length - MOST_REASONS),
  };
  return {
    exposed,
    ...(newer.length === 0 ? {} : { newer: newer.slice(0, MOST_REASONS) }),
    ...(left.exposed + left.newer === 0 ? {} : { unlisted: left }),
  };
}

function newerThan(input: DecideInput): NonNullable<Decision['newer']> {
  const { result } = input.desired;
  if (result.kind === 'conflict' || !isReadable(input)) return [];
  return result.newer.map(({ component, from, to, pin }) => ({
    component,
    from,
    to,
    pin: pin.version,
    pinned: pinnedComponent(pin),
    by: pin.owner,
    clearWith: `fairlead pin remove ${pinnedComponent(pin)} --reason "why"`,
  }));
}
