// The decision: may the target be applied now, and if not, every reason why.
import { type Exposure, selectExposures } from '../compile/exposure.ts';
import { pinnedComponent } from '../compile/pins.ts';
import { planDigest } from '../compile/plan.ts';
import type { Pieces } from '../encoding/pieces.ts';
import type { Decision } from '../schema/decision.ts';
import type { Plan } from '../schema/deployment.ts';
import { boundReasons, MOST_REASONS, type Reason, verdictOf } from './blockers.ts';
import type { DecideInput } from './decide-input.ts';
import { emergencyReasons } from './emergency-terms.ts';
import { hostReasons } from './host-reasons.ts';
import { idleReasons, unfixableReasons } from './idle-reasons.ts';
import { isReadable } from './local-state.ts';
import { ordinaryReasons } from './ordinary-reasons.ts';

/**
 * The one place where a verdict is made: what is known of the instance goes in, and nobody rewrites what comes out. A
 * forced patch goes before what is merely desired. All reasons are given at once, weightiest first; `apply` has
 * none. What-if is the same function with another `now`, other approvals or a command.
 */
export function* decide(input: DecideInput): Pieces<Decision> {
  const exposures = input.current === null ? [] : yield* selectExposures(input.current, input.advisories);
  const { emergency, desired } = input;
  const told = tell(exposures, newerThan(input));
  if (emergency.plan !== null) {
    const reasons = [...hostReasons(input), ...(yield* emergencyReasons(input, emergency.plan))];
    return {
      ...conclude(reasons, 'apply'),
      target: targetOf('emergency', emergency.plan),
      ...told,
      ...adoptedBy(input),
    };
  }
  // Without the operator's word nothing is desired: what was computed meanwhile is no offer, and nobody is asked about it.
  if (desired.plan !== null && isReadable(input)) {
    const reasons = yield* ordinaryOrOpen(input, desired.plan, exposures);
    return { ...conclude(reasons, 'apply'), target: targetOf('desired', desired.plan), ...told };
  }
  return { ...conclude([...hostReasons(input), ...idleReasons(input)], 'current'), target: null, ...told };
}

/** Nothing goes on by itself: then it is also said why a hole stays open. What may go on is not held up by it. */
function* ordinaryOrOpen(
  input: DecideInput,
  plan: Plan,
  exposures: readonly Exposure[],
): Pieces<readonly Reason[]> {
  const reasons = yield* ordinaryReasons(input, plan, exposures);
  return verdictOf(reasons, 'apply') === 'blocked' ? [...reasons, ...unfixableReasons(input)] : reasons;
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

function adoptedBy({ emergency: { result } }: DecideInput): Pick<Decision, 'adopted'> {
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
