// Lifting pins: a small set whose removal resolves a conflict or frees what other pins keep down.

import type { Pieces } from '../encoding/pieces.ts';
import type { Pin } from '../schema/pin.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { compareVersions } from '../version/version.ts';
import { type Context, withPins } from './context.ts';
import type { Assignment } from './repair.ts';
import { budgetFor, problemIn, resolve, solveBelow } from './resolve.ts';
import { type Budget, type Solution, solve } from './solve.ts';
import type { KeptBack, PinConflict } from './target.ts';
import type { KnownOptions, Option } from './variables.ts';

/** Resolutions that may be tried: all sets of up to three of a dozen pins, and no unbounded search. */
const MAX_ATTEMPTS = 300;

/** What fits together is found soon. */
const SHARES = 24;

/** Pins without which there is a solution; null when there is none even without any. */
export function* explainConflict(context: Context): Pieces<PinConflict | null> {
  return yield* findLift(context, context.running, () => true);
}

export interface HeldBack {
  /** Pins that keep down what no pin is about; null when there is no such part. */
  readonly heldBack: PinConflict | null;
  /** What a pin keeps down because that is what it is for. */
  readonly newer: readonly KeptBack[];
}

/** What would be higher without pins, and which of them keep it from being so. */
export function* findHeldBack(context: Context, chosen: Assignment): Pieces<HeldBack> {
  const free = context.pins.active.length === 0 ? null : yield* resolve(withPins(context, []));
  if (free?.kind !== 'solved') return { heldBack: null, newer: [] };
  const gains = gainsBetween(chosen, free.choices);
  const newer = gains.flatMap((gain) => {
    const pin = governingPin(context, gain.component);
    return pin === undefined ? [] : [{ ...gain, pin }];
  });
  const held = gains.filter(({ component }) => context.pins.governing(component) === null);
  return {
    heldBack: held.length === 0 ? null : yield* findLiftFor(context, chosen, held, free.choices),
    newer,
  };
}

/** The nearest level decides. */
function governingPin(context: Context, component: ComponentName): Pin | undefined {
  return context.pins.on(component)[0] ?? context.pins.above(component)[0];
}

function* findLiftFor(
  context: Context,
  chosen: Assignment,
  held: PinConflict['gains'],
  free: Assignment,
): Pieces<PinConflict | null> {
  const reachesAll = (lifted: Assignment) =>
    held.every(({ component, to }) => {
      const reached = lifted.get(component) ?? null;
      return reached !== null && compareVersions(reached.version, to) >= 0;
    });
  return yield* findLift(context, chosen, reachesAll, free);
}

/** `free`: the solution without any pin, where it is known. */
function* findLift(
  context: Context,
  chosen: Assignment,
  isEnough: (lifted: Assignment) => boolean,
  free?: Assignment,
): Pieces<PinConflict | null> {
  const pins = context.pins.active;
  const room = createRoom(context);
  const keyOf = (lift: readonly Pin[]) => pins.map((pin) => (lift.includes(pin) ? 1 : 0)).join('');
  const tried = new Map<string, Assignment | null>(free === undefined ? [] : [[keyOf(pins), free]]);
  let attempts = MAX_ATTEMPTS;
  /** The fewest of which it is not known whether to lift them would be enough. */
  let undecided = Number.POSITIVE_INFINITY;
  function* without(lift: readonly Pin[]): Pieces<Assignment | null> {
    const key = keyOf(lift);
    const known = tried.get(key);
    if (known !== undefined) return known;
    attempts = room.budget.left > 0 ? attempts - 1 : 0;
    if (room.budget.left <= 0) {
      undecided = Math.min(undecided, lift.length);
      return null;
    }
    const kept = pins.filter((pin) => !lift.includes(pin));
    const lifted = yield* attempt(withPins(context, kept), room);
    if (lifted.kind === 'exhausted') undecided = Math.min(undecided, lift.length);
    const found = lifted.kind === 'solved' && isEnough(lifted.choices) ? lifted.choices : null;
    tried.set(key, found);
    return found;
  }
  const every = yield* without(pins);
  if (every === null) return null;
  const found = yield* shrink([], pins, false, function* (lift) {
    return attempts > 0 && (yield* without(lift)) !== null;
  });
  const few = (yield* without(found)) === null ? pins : found;
  for (let size = 1; size < few.length; size++) {
    for (const lift of subsets(pins, size)) {
      if (attempts <= 0) return yield* describe(few, false);
      const choices = yield* without(lift);
      if (choices !== null)
        return { lift, isSmallest: size <= undecided, gains: gainsBetween(chosen, choices) };
    }
  }
  return yield* describe(few, few.length <= undecided);

  function* describe(lift: readonly Pin[], isSmallest: boolean): Pieces<PinConflict> {
    const choices = (yield* without(lift)) ?? every ?? chosen;
    return { lift, isSmallest, gains: gainsBetween(chosen, choices) };
  }
}

/** What all attempts have together: twice what one search may look at. */
interface Room {
  readonly budget: Budget;
  /** For one search: one that is hopeless must not keep the others from being made. */
  readonly share: number;
  readonly known: KnownOptions;
}

function createRoom(context: Context): Room {
  const looks = budgetFor(context);
  return { budget: { left: 2 * looks }, share: Math.ceil(looks / SHARES), known: new Map() };
}

/** Nobody asks why there is none: what stands in no solution is left out only where the search does not end without that. */
function* attempt(context: Context, { budget, share, known }: Room): Pieces<Solution<Option>> {
  const problem = yield* charged(problemIn(context, known), budget);
  if (problem.variables.some(({ choices }) => choices.length === 0))
    return { kind: 'unsolvable', because: [] };
  for (const search of [solve<Option>, solveBelow]) {
    const mine = { left: Math.min(share, budget.left) };
    budget.left -= mine.left;
    const solution = yield* search({ ...problem, budget: mine });
    budget.left += Math.max(0, mine.left);
    if (solution.kind !== 'exhausted') return solution;
  }
  return { kind: 'exhausted' };
}

function* charged<Result>(work: Pieces<Result>, budget: Budget): Pieces<Result> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    budget.left -= step.value;
    yield step.value;
  }
}

/**
 * Of candidates that are enough together with `given`, some of which none is in vain: halves are tried before single pins,
 * so that one pin of hundreds is found in a dozen attempts.
 */
function* shrink(
  given: readonly Pin[],
  candidates: readonly Pin[],
  hasChanged: boolean,
  isEnough: (lift: readonly Pin[]) => Pieces<boolean>,
): Pieces<readonly Pin[]> {
  if (hasChanged && (yield* isEnough(given))) return [];
  if (candidates.length <= 1) return candidates;
  const half = Math.ceil(candidates.length / 2);
  const [first, second] = [candidates.slice(0, half), candidates.slice(half)];
  const right = yield* shrink([...given, ...first], second, true, isEnough);
  const left = yield* shrink([...given, ...right], first, right.length > 0, isEnough);
  return [...left, ...right];
}

/** Components that `better` has higher. */
function gainsBetween(worse: Assignment, better: Assignment): PinConflict['gains'] {
  return [...better]
    .flatMap(([component, to]) => {
      const from = worse.get(component)?.version ?? null;
      const isHigher = to !== null && (from === null || compareVersions(to.version, from) > 0);
      return isHigher ? [{ component, from, to: to.version }] : [];
    })
    .toSorted((a, b) => (a.component < b.component ? -1 : 1));
}

function* subsets(pins: readonly Pin[], size: number, start = 0): Generator<readonly Pin[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let i = start; i <= pins.length - size; i++) {
    for (const rest of subsets(pins, size - 1, i + 1)) yield [pins[i] as Pin, ...rest];
  }
}
