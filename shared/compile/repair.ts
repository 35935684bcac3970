// Repair: the fewest further moves that let every requirement hold again after forced ones.
//
// Starts from what there is, applies the forced moves, and follows broken requirements: each is mended by moving the
// component that has it or the one it names. Nothing that no requirement reaches is ever touched. Searches with no
// further move first, then one, then two: the first solution found is a smallest for these forced moves. Nearer forced
// moves are tried before farther ones, however many further moves they need. Where that ends too soon, any moves will do.

import { GRAIN, type Pieces, said } from '../encoding/pieces.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { alternatives, type Freedom } from './alternatives.ts';
import { listedChildren, requirementsOf } from './constraints.ts';
import { type Context, isBound } from './context.ts';
import { type Demands, rearrange } from './rearrange.ts';
import type { AnyRelease } from './releases.ts';
import { budgetFor } from './resolve.ts';
import type { Choice } from './running.ts';
import type { Budget, Constraint } from './solve.ts';
import type { Option } from './variables.ts';

export type Assignment = ReadonlyMap<ComponentName, Option>;

export interface Repair extends Freedom {
  /** What must move, and the versions each may move to, best first. */
  readonly forced: readonly { readonly component: ComponentName; readonly to: readonly Choice[] }[];
  /** How many arrangements may be looked at. */
  readonly budget: number;
}

/** What is searched in, and what one attempt finds out there for the next. */
interface Ground {
  readonly context: Context;
  readonly base: Assignment;
  /** What the base demands of each component; by the policy's word also what a pinned parent ships. */
  readonly dependents: ReadonlyMap<ComponentName, readonly Broken[]>;
  readonly demandsOf: (owner: ComponentName, release: AnyRelease) => Demands;
  readonly alternatives: (task: Repair, component: ComponentName) => readonly Choice[];
  /** For all rearranging, here and elsewhere; in looks. */
  readonly budget: Budget;
}

interface Broken {
  readonly owner: ComponentName;
  readonly constraint: Constraint<Option>;
}

const MAX_FURTHER_MOVES = 12;
/** Ways to arrange the forced moves among each other that are tried one by one, and the share of the budget for each. */
const MAX_ARRANGEMENTS = 32;
const SHARE = 1 / 20;

/** For all rearranging of one decision. */
export function rearrangingLooks(context: Context): Budget {
  return { left: 2 * budgetFor(context) };
}

/** Answers with the moves alone, forced ones included; null when no arrangement works. */
export function createRepairs(
  context: Context,
  base: Assignment,
  looks: Budget,
): (task: Repair) => Pieces<Moves | null> {
  const ground = createGround(context, base, looks);
  return function* repair(task) {
    const budget = Math.ceil(task.budget * SHARE);
    let left = MAX_ARRANGEMENTS;
    for (const forced of arrangements(task.forced)) {
      if (left-- === 0) break;
      const moves = yield* smallest(ground, { ...task, forced, budget });
      if (moves !== null && moves !== 'unknown') return moves;
    }
    // A fix that is not the nearest is better than none, and so is one for which more moves than need be.
    const moves = yield* smallest(ground, task);
    return moves === 'unknown' ? yield* rearranged(ground, task) : moves;
  };
}

/** Each time with half of the looks that are left: one in vain must not keep another fix from being found. */
function* rearranged(ground: Ground, task: Repair): Pieces<Moves | null> {
  const budget = { left: Math.ceil(ground.budget.left / 2) };
  ground.budget.left -= budget.left;
  const moves = yield* rearrange({
    ...ground,
    budget,
    forced: new Map(task.forced.map(({ component, to }) => [component, to])),
    dependentsOf: (component) => (ground.dependents.get(component) ?? []).map(({ owner }) => owner),
    alternatives: (component) => ground.alternatives(task, component),
  });
  ground.budget.left += Math.max(0, budget.left);
  return moves;
}

function createGround(context: Context, base: Assignment, budget: Budget): Ground {
  return {
    context,
    base,
    budget,
    dependents: dependentsOf(context, base),
    demandsOf: remembering(
      (owner, { digest }) => `${owner} ${digest}`,
      (owner: ComponentName, release: AnyRelease) => ({
        required: requirementsOf(owner, release),
        shipped: listedChildren(context, owner, release),
      }),
    ),
    alternatives: remembering(
      ({ respectPins, beyondHalts }, component) => `${component} ${respectPins} ${beyondHalts}`,
      (task: Repair, component: ComponentName) => alternatives(context, base, task, component),
    ),
  };
}

function remembering<Given extends readonly unknown[], Found>(
  keyOf: (...given: Given) => string,
  find: (...given: Given) => Found,
): (...given: Given) => Found {
  const known = new Map<string, Found>();
  return (...given) => {
    const key = keyOf(...given);
    const found = known.get(key) ?? find(...given);
    known.set(key, found);
    return found;
  };
}

/** Each forced component at one of its versions: the nearest of all first, the last component varied first. */
function* arrangements(forced: Repair['forced'], index = 0): Generator<Repair['forced']> {
  const next = forced[index];
  if (next === undefined) {
    yield [];
    return;
  }
  for (const choice of next.to) {
    for (const rest of arrangements(forced, index + 1)) {
      yield [{ component: next.component, to: [choice] }, ...rest];
    }
  }
}

type Moves = ReadonlyMap<ComponentName, Choice>;

/** With the fewest moves; unknown where not all of them were looked at. */
function* smallest(ground: Ground, task: Repair): Pieces<Moves | null | 'unknown'> {
  const search: Search = {
    ...{ ground, task, budget: task.budget, wasCutShort: false, looks: 0 },
    forced: new Set(task.forced.map((one) => one.component)),
  };
  for (let further = 0; further <= MAX_FURTHER_MOVES; further++) {
    search.wasCutShort = false;
    const moves = yield* force(search, 0, new Map(), further);
    if (moves !== null) return moves;
    if (search.budget <= 0) return 'unknown';
    if (!search.wasCutShort) return null;
  }
  return 'unknown';
}

interface Search {
  readonly ground: Ground;
  readonly task: Repair;
  readonly forced: ReadonlySet<ComponentName>;
  /** Arrangements that may still be looked at. */
  budget: number;
  /** With one move more there would have been more to look at. */
  wasCutShort: boolean;
  /** Since it last said how many. */
  looks: number;
}

function* force(search: Search, index: number, moves: Moves, further: number): Pieces<Moves | null> {
  const next = search.task.forced[index];
  if (next === undefined) return yield* mend(search, moves, further);
  for (const choice of next.to) {
    // The fixes of a dozen components have more combinations than anybody could walk through without looking at them.
    if (search.budget <= 0) return null;
    const found = yield* force(search, index + 1, including(moves, next.component, choice), further);
    if (found !== null) return found;
  }
  return null;
}

function* mend(search: Search, moves: Moves, further: number): Pieces<Moves | null> {
  if (search.budget-- <= 0) return null;
  const broken = firstBroken(search, moves);
  if (search.looks >= GRAIN) yield said(search);
  if (broken === null) return moves;
  const movable = [broken.constraint.on, broken.owner].filter((name) => !moves.has(name));
  if (further === 0) {
    search.wasCutShort ||= movable.length > 0 && search.budget > 0;
    return null;
  }
  for (const name of movable) {
    const choices = search.ground.alternatives(search.task, name);
    search.looks += choices.length;
    const mending = name === broken.owner ? choices : choices.filter((one) => broken.constraint.allows(one));
    for (const choice of mending) {
      if (search.budget <= 0) return null;
      const found = yield* mend(search, including(moves, name, choice), further - 1);
      if (found !== null) return found;
    }
  }
  return null;
}

/** A requirement that the moves broke. What was broken before them is not theirs to mend. */
function firstBroken(search: Search, moves: Moves): Broken | null {
  const { ground, forced } = search;
  const { base, context, dependents } = ground;
  const chosen = (name: ComponentName): Option => moves.get(name) ?? base.get(name) ?? null;
  for (const [owner, { release }] of moves) {
    if (release === null) continue;
    const { required, shipped } = ground.demandsOf(owner, release);
    search.looks += 1 + required.length + shipped.length;
    const isBroken = (one: Constraint<Option>) => !one.allows(chosen(one.on));
    // A forced version stands even where a parent that moves along still ships the affected one.
    const isFree = ({ on }: Constraint<Option>) => forced.has(on) && !isBound(context, on);
    const constraint = required.find(isBroken) ?? shipped.find((one) => !isFree(one) && isBroken(one));
    if (constraint !== undefined) return { owner, constraint };
  }
  for (const [moved, choice] of moves) {
    const all = dependents.get(moved) ?? [];
    search.looks += 1 + all.length;
    const broken = all.find(
      ({ owner, constraint }) =>
        !moves.has(owner) && !constraint.allows(choice) && constraint.allows(base.get(moved) ?? null),
    );
    if (broken !== undefined) return broken;
  }
  return null;
}

function dependentsOf(context: Context, base: Assignment): Ground['dependents'] {
  const demands = [...base].flatMap(([owner, option]) => {
    if (option === null || option.release === null) return [];
    const shipped = listedChildren(context, owner, option.release).filter(({ on }) => isBound(context, on));
    return [...requirementsOf(owner, option.release), ...shipped].map((constraint) => ({
      owner,
      constraint,
    }));
  });
  return Map.groupBy(demands, ({ constraint }) => constraint.on);
}

function including(moves: Moves, component: ComponentName, choice: Choice): Moves {
  return new Map(moves).set(component, choice);
}
