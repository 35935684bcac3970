// Reasons why nothing is on offer although something could be: conflicts, waves, halts, quarantine, no fix.

import { formatPin, pinnedComponent } from '../compile/pins.ts';
import type { PinConflict, Unfixable, Withheld } from '../compile/target.ts';
import { assertNever } from '../errors/error.ts';
import { formatClasses, SAID_FACTS } from '../schema/classes.ts';
import { causeOf } from '../schema/deployment.ts';
import { block, type Reason } from './blockers.ts';
import type { DecideInput, QuarantineNote } from './decide-input.ts';
import { isReadable } from './local-state.ts';
import { unreadableReasons } from './settings-reasons.ts';

/** Empty means current: nothing to do and nothing that keeps something from being done. */
export function idleReasons(input: DecideInput): readonly Reason[] {
  const { desired, quarantine } = input;
  const unfixable = openReasons(input);
  // What is desired is not known: reasons against it would be about something else.
  if (!isReadable(input)) return [...unreadableReasons(input), ...unfixable];
  const { result } = desired;
  if (result.kind === 'conflict') return [...unfixable, conflictReason(result.problems, result.lift)];
  const held = result.heldBack === null ? [] : [heldBackReason(result.heldBack)];
  // One that is a fix is told as such.
  const told = new Set(input.fixes.result.unfixable.map(({ withheld }) => withheld?.release));
  const withheld = result.withheld
    .filter(({ release }) => !told.has(release))
    .map((one) => withheldReason(one, quarantine));
  return [...unfixable, ...withheld, ...held];
}

type Open = Pick<DecideInput, 'emergency' | 'fixes' | 'quarantine'>;

/** Why a hole stays open that an order, or the policy, wants closed. */
export function openReasons(input: Open): readonly Reason[] {
  const { emergency, quarantine } = input;
  const ordered = emergency.result.unfixable.map((one) => unfixableReason(one, quarantine));
  return [...ordered, ...notLetIn(input)];
}

/** Why a fix does not come that the policy lets in. Where none is named that helps there is none to let in. */
export function notLetIn({ fixes, quarantine }: Omit<Open, 'emergency'>): readonly Reason[] {
  return fixes.result.unfixable
    .filter(({ reason }) => !NO_HELP.has(reason))
    .map((one) => unfixableReason(one, quarantine));
}

const NO_HELP = new Set<Unfixable['reason']>(['no-fix', 'affected']);

const UNFIXABLE: Readonly<Record<Unfixable['reason'], string>> = {
  'no-fix': 'no fixed version is named',
  affected: 'the version named as fixed is open to another critical advisory',
  'not-released': 'the fixed version is not released',
  quarantined: 'the fixed version failed here and is quarantined',
  halted: 'the vendor has halted the fixed version',
  withdrawn: 'the vendor has withdrawn the fixed version',
  misconfigured: 'the fixed version asks for a setting that nobody gave',
  constraints: 'the fixed version cannot run beside what else is installed',
  pinned: 'a pin keeps the fixed version away',
  withheld: 'a rollout keeps the fixed version back',
  unoffered: 'no rollout offers what the fixed version requires',
};

function unfixableReason(
  { advisory, component, version, reason, pins = [], withheld, needs }: Unfixable,
  quarantine: readonly QuarantineNote[],
): Reason {
  const affects = `${advisory} affects ${component} ${version}`;
  if (pins.length > 0) {
    return block('fix-pinned', {
      message: `${affects}: its fix would break ${pins.map(formatPin).join(', ')}`,
      source: 'policy pins',
      clear: pins.map((pin) => ({ component: pinnedComponent(pin) })),
    });
  }
  if (withheld !== undefined) return withheldReason(withheld, quarantine);
  if (needs !== undefined) {
    return block('not-offered', {
      message: `${affects}: its fix needs ${needs.component} ${needs.version}, which no rollout offers to this instance`,
      source: advisory,
    });
  }
  if (reason !== 'quarantined') {
    return block('unfixable', { message: `${affects}: ${UNFIXABLE[reason]}`, source: advisory });
  }
  const notes = quarantine.filter((one) => one.component === component);
  return block('fix-quarantined', {
    message: `${affects}: ${notes.map((one) => storyOf(one)).join('; ') || UNFIXABLE[reason]}`,
    source: 'the quarantine',
    clear: { component },
  });
}

/** Who took it back or how it failed: the person who reads it may be the one who did it. */
function storyOf({ version, reason, record }: QuarantineNote): string {
  return `${version} is quarantined since change ${record}: ${causeOf(reason)}`;
}

function conflictReason(problems: readonly string[], lift: PinConflict | null): Reason {
  const conflict = `no versions satisfy everything at once: ${problems.join('; ')}`;
  const message = `${conflict}${lift === null ? '' : extentOf(lift)}`;
  if (lift === null || lift.lift.length === 0) {
    return block('requirements-conflict', { message, source: 'the release manifests' });
  }
  return block('pins-conflict', { message, source: 'policy pins', clear: partsOf(lift) });
}

function heldBackReason(held: PinConflict): Reason {
  const gains = held.gains.map(({ component, to }) => `${component} ${to}`);
  return block('pins-hold-back', {
    message: `pins keep back ${gains.join(', ')}: ${held.lift.map(formatPin).join(', ')}${extentOf(held)}`,
    source: 'policy pins',
    clear: partsOf(held),
  });
}

/** Nobody is told to lift more than they must without knowing it. */
function extentOf({ lift, isSmallest }: PinConflict): string {
  return isSmallest || lift.length < 2 ? '' : `; to lift these ${lift.length} suffices, fewer may`;
}

function partsOf({ lift }: PinConflict): readonly { readonly component: string }[] {
  return lift.map((pin) => ({ component: pinnedComponent(pin) }));
}

export function withheldReason(
  { component, version, release, why }: Withheld,
  quarantine: readonly QuarantineNote[],
): Reason {
  const what = `${component} ${version}`;
  const source = `the rollout of ${what}`;
  switch (why.kind) {
    case 'wave':
      return block('rollout-wave', {
        message:
          why.track === undefined
            ? `${what} reaches this instance in a later wave`
            : `${what} is tried on track ${why.track}, and comes here when everybody there was offered it`,
        source,
        clearsAt: why.at,
      });
    case 'class':
      return classReason(what, source, why);
    case 'paused':
      return block('rollout-paused', {
        message: `the vendor has paused the rollout of ${what}${why.track === undefined ? '' : ` on track ${why.track}, where it is tried`}`,
        source,
      });
    case 'halted':
      return block('rollout-halted', {
        message: `the vendor has halted ${what}: ${why.reason}`,
        source,
        clearsAt: why.until,
      });
    case 'quarantined':
      return quarantinedReason(
        component,
        version,
        quarantine.find((one) => one.release === release),
      );
    default:
      return assertNever(why);
  }
}

/** What the operator can say is asked for; what nobody can say, or is said, is the vendor's to offer. */
function classReason(
  what: string,
  source: string,
  { classes, unknown, here }: Extract<Withheld['why'], { readonly kind: 'class' }>,
): Reason {
  const message = `${what} is offered to installs with ${formatClasses(classes)}; here ${here}`;
  const facts = SAID_FACTS.filter((fact) => unknown.includes(fact));
  if (facts.length === 0 || facts.length < unknown.length) return block('rollout-class', { message, source });
  return block('fact-unknown', { message, source, clear: facts.map((fact) => ({ fact })) });
}

export function quarantinedReason(
  component: string,
  version: string,
  note: QuarantineNote | undefined,
): Reason {
  const why =
    note === undefined
      ? `${component} ${version} failed here and is not tried again by itself`
      : `${component} ${storyOf({ ...note, version })}`;
  return block('quarantined', { message: why, source: 'the quarantine', clear: { component } });
}
