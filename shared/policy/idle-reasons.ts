// Reasons why nothing is on offer although something could be: conflicts, waves, halts, quarantine, no fix.
import { formatPin, pinnedComponent } from '../compile/pins.ts';
import type { PinConflict, Unfixable, Withheld } from '../compile/target.ts';
import { assertNever } from '../errors/assert-never.ts';
import { block, type Reason } from './blockers.ts';
import type { DecideInput } from './decide-input.ts';
import { policyUnreadable } from './ordinary-reasons.ts';

/** Empty means current: nothing to do and nothing that keeps something from being done. */
export function idleReasons({ policy, desired: { result }, emergency }: DecideInput): readonly Reason[] {
  const unreadable = policy.kind === 'unreadable' ? [policyUnreadable(policy.problem)] : [];
  const unfixable = emergency.result.unfixable.map(unfixableReason);
  if (result.kind === 'conflict') {
    return [...unreadable, ...unfixable, conflictReason(result.problems, result.lift)];
  }
  const held = result.heldBack === null ? [] : [heldBackReason(result.heldBack)];
  return [...unreadable, ...unfixable, ...result.withheld.map(withheldReason), ...held];
}

const UNFIXABLE: Readonly<Record<Unfixable['reason'], string>> = {
  'no-fix': 'no fixed version is named',
  'not-released': 'the fixed version is not released',
  quarantined: 'the fixed version failed here and is quarantined',
  halted: 'the vendor has halted the fixed version',
  withdrawn: 'the vendor has withdrawn the fixed version',
  constraints: 'the fixed version cannot run beside what else is installed',
};

function unfixableReason({ advisory, component, version, reason }: Unfixable): Reason {
  const isLocal = reason === 'quarantined';
  return block('unfixable', {
    message: `${advisory} affects ${component} ${version}: ${UNFIXABLE[reason]}`,
    source: advisory,
    ...(isLocal ? { clearWith: `fairlead quarantine lift ${component} --reason "why"` } : {}),
  });
}

function conflictReason(problems: readonly string[], lift: PinConflict | null): Reason {
  const message = `no versions satisfy everything at once: ${problems.join('; ')}`;
  if (lift === null || lift.lift.length === 0) {
    return block('requirements-conflict', { message, source: 'the release manifests' });
  }
  return block('pins-conflict', { message, source: 'policy pins', clearWith: liftCommand(lift) });
}

function heldBackReason(held: PinConflict): Reason {
  const gains = held.gains.map(({ component, to }) => `${component} ${to}`);
  return block('pins-hold-back', {
    message: `pins keep back ${gains.join(', ')}: ${held.lift.map(formatPin).join(', ')}`,
    source: 'policy pins',
    clearWith: liftCommand(held),
  });
}

function liftCommand({ lift }: PinConflict): string {
  return lift.map((pin) => `fairlead pin remove ${pinnedComponent(pin)} --reason "why"`).join(' && ');
}

export function withheldReason({ component, version, why }: Withheld): Reason {
  const what = `${component} ${version}`;
  const source = `the rollout of ${what}`;
  switch (why.kind) {
    case 'wave':
      return block('rollout-wave', {
        message: `${what} reaches this instance in a later wave`,
        source,
        clearsAt: why.at,
      });
    case 'paused':
      return block('rollout-paused', { message: `the vendor has paused the rollout of ${what}`, source });
    case 'halted':
      return block('rollout-halted', {
        message: `the vendor has halted ${what}: ${why.reason}`,
        source,
        clearsAt: why.until,
      });
    case 'quarantined':
      return block('quarantined', {
        message: `${what} failed here and is not tried again by itself`,
        source: 'the quarantine',
        clearWith: `fairlead quarantine lift ${component} --reason "why"`,
      });
    default:
      return assertNever(why);
  }
}
