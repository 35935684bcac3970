// Kept away: why a fix does not come that the policy lets in, where that is for a pin or for a release that it needs beside it.

import type { Pieces } from '../encoding/pieces.ts';
import type { Pin } from '../schema/pin.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { listedChildren } from './constraints.ts';
import { type Context, isBound, withAnyBeside, withPins } from './context.ts';
import { pinsAgainst } from './fixes.ts';
import { type Hardened, harden } from './harden.ts';
import type { Assignment } from './repair.ts';
import type { Choice } from './running.ts';
import type { Unfixable } from './target.ts';
import type { Option } from './variables.ts';

/** What stays open, in its order, each with what is in the way. Where both are, the pin is told first: it is the operator's own. */
export function* nameKeptAway(
  context: Context,
  base: Assignment,
  open: readonly Unfixable[],
): Pieces<readonly Unfixable[]> {
  const pinned = yield* namePins(context, base, open);
  if (!pinned.some(isUnexplained)) return pinned;
  const anyBeside = withAnyBeside(context);
  const goes = yield* whatGoes(anyBeside, base);
  const named = pinned.map((one) =>
    isUnexplained(one) && goes.helps(one) ? nameBeside(context, one, goes) : one,
  );
  const left = yield* namePins(anyBeside, base, named.filter(isUnexplained));
  return named.map((one) => left.find((other) => isSame(one, other)) ?? one);
}

interface Going extends Hardened {
  readonly helps: (one: Unfixable) => boolean;
}

/** What would move if less were in the way. */
function* whatGoes(context: Context, base: Assignment): Pieces<Going> {
  const hardened = yield* harden(context, base);
  const { moves, unfixable } = hardened;
  const isOpen = (one: Unfixable) => unfixable.some((other) => isSame(one, other));
  return { ...hardened, helps: (one) => moves.has(one.component) && !isOpen(one) };
}

function isSame(one: Unfixable, other: Unfixable): boolean {
  return one.advisory === other.advisory && one.component === other.component;
}

function isUnexplained({ reason }: Unfixable): boolean {
  return reason === 'constraints';
}

/** The first of what the fix needs that no rollout brings here, or not yet. */
function nameBeside({ offers }: Context, one: Unfixable, { moves, beside }: Going): Unfixable {
  for (const { component, to: version } of beside) {
    const digest = moves.get(component)?.digest ?? '';
    const withheld = offers.withheld.get(digest);
    if (withheld !== undefined) return { ...one, reason: 'withheld', withheld };
    if (!offers.isOffered(component, version, digest))
      return { ...one, reason: 'unoffered', needs: { component, version } };
  }
  return one;
}

/** Where it would go but for the pins, those that are in the way are named: whoever set both has to choose. */
function* namePins(
  context: Context,
  base: Assignment,
  open: readonly Unfixable[],
): Pieces<readonly Unfixable[]> {
  if (open.length === 0 || context.pins.active.length === 0) return open;
  const { moves, beside, helps } = yield* whatGoes(withPins(context, []), base);
  return open.map((one) => {
    const to = moves.get(one.component);
    if (to === undefined || !helps(one)) return one;
    const own = pinsInTheWay(context, base, one.component, to);
    const others = beside.flatMap(({ component }) => {
      const choice = moves.get(component);
      return choice === undefined ? [] : pinsInTheWay(context, base, component, choice);
    });
    const pins = own.length > 0 ? own : [...new Set(others)];
    return pins.length === 0 ? one : { ...one, reason: 'pinned', pins };
  });
}

/** On the component itself; else, where the release of its parent does not ship the version, on that. */
function pinsInTheWay(
  context: Context,
  base: Assignment,
  component: ComponentName,
  to: Choice,
): readonly Pin[] {
  const own = pinsAgainst(context, component, to.version);
  if (own.length > 0 || !isBound(context, component)) return own;
  const isAgainst = ([owner, option]: readonly [ComponentName, Option]) =>
    option?.release !== null &&
    option?.release !== undefined &&
    listedChildren(context, owner, option.release).some((one) => one.on === component && !one.allows(to));
  return [...base].some(isAgainst) ? context.pins.above(component) : [];
}
