// Repair: the fewest further moves that let every requirement hold again after forced ones.
//
// Starts from what there is, applies the forced moves, and follows broken requirements: each is mended by moving the
// component that has it or the one it names. Nothing that no requirement reaches is ever touched. Searches with no
// further move first, then one, then two: the first solution found is a smallest for these forced moves. Nearer forced
// moves are tried before farther ones, however many further moves they need.
import type { ComponentName } from '../schema/release-ref.ts';
import { compareVersions } from '../version/version.ts';
import { isEnabled } from './config.ts';
import { listedChildren, requirementsOf } from './constraints.ts';
import type { Context } from './context.ts';
import { criticalFor, prohibition } from './fixes.ts';
import { firstStop } from './offers.ts';
import { selectPinned } from './pins.ts';
import { type Choice, choiceOf } from './running.ts';
import type { Constraint } from './solve.ts';
import type { Option } from './variables.ts';

export type Assignment = ReadonlyMap<ComponentName, Option>;

export interface Repair {
  readonly context: Context;
  readonly base: Assignment;
  /** What must move, and the versions each may move to, best first. */
  readonly forced: readonly { readonly component: ComponentName; readonly to: readonly Choice[] }[];
  /** Leave components alone whose pin a move would break. */
  readonly respectPins: boolean;
  /** Halts have had their time with every order that forces something here. */
  readonly beyondHalts: boolean;
  /** How many arrangements may be looked at. */
  readonly budget: number;
}

interface Broken {
  readonly owner: ComponentName;
  readonly constraint: Constraint<Option>;
}

const MAX_FURTHER_MOVES = 12;
/** Ways to arrange the forced moves among each other that are tried one by one, and the share of the budget for each. */
const MAX_ARRANGEMENTS = 32;
const SHARE = 1 / 20;

/** The moves alone, forced ones included; null when no arrangement works. */
export function repair(task: Repair): ReadonlyMap<ComponentName, Choice> | null {
  const budget = Math.ceil(task.budget * SHARE);
  let left = MAX_ARRANGEMENTS;
  for (const forced of arrangements(task.forced)) {
    if (left-- === 0) break;
    const moves = smallest({ ...task, forced, budget });
    if (moves !== null) return moves;
  }
  // A fix that is not the nearest is better than none.
  return smallest(task);
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

/** With the fewest moves. */
function smallest(task: Repair): ReadonlyMap<ComponentName, Choice> | null {
  const search = createSearch(task);
  for (let further = 0; further <= MAX_FURTHER_MOVES; further++) {
    const moves = search.force(0, new Map(), further);
    if (moves !== null) return moves;
    if (!search.wasCutShort()) return null;
  }
  return null;
}

type Moves = ReadonlyMap<ComponentName, Choice>;

function createSearch(task: Repair) {
  const dependents = dependentsOf(task);
  const forcedNames = new Set(task.forced.map((one) => one.component));
  const known = new Map<ComponentName, readonly Choice[]>();
  let budget = task.budget;
  let cutShort = false;

  function force(index: number, moves: Moves, further: number): Moves | null {
    if (index === 0) cutShort = false;
    // The fixes of a dozen components have more combinations than anybody could walk through without looking at them.
    if (budget <= 0) return null;
    const next = task.forced[index];
    if (next === undefined) return mend(moves, further);
    return firstResult(next.to, (choice) =>
      force(index + 1, including(moves, next.component, choice), further),
    );
  }

  function mend(moves: Moves, further: number): Moves | null {
    if (budget-- <= 0) return null;
    const broken = firstBroken(task, dependents, forcedNames, moves);
    if (broken === null) return moves;
    const movable = [broken.constraint.on, broken.owner].filter((name) => !moves.has(name));
    if (further === 0) {
      cutShort ||= movable.length > 0 && budget > 0;
      return null;
    }
    return firstResult(movable, (name) => {
      const choices = known.get(name) ?? alternatives(task, name);
      known.set(name, choices);
      const mending = name === broken.owner ? choices : choices.filter(broken.constraint.allows);
      return firstResult(mending, (choice) => mend(including(moves, name, choice), further - 1));
    });
  }

  return { force, wasCutShort: () => cutShort };
}

/** A requirement that the moves broke. What was broken before them is not theirs to mend. */
function firstBroken(
  { context, base }: Repair,
  dependents: ReadonlyMap<ComponentName, readonly Broken[]>,
  forced: ReadonlySet<ComponentName>,
  moves: Moves,
): Broken | null {
  const chosen = (name: ComponentName): Option => moves.get(name) ?? base.get(name) ?? null;
  for (const [owner, { release }] of moves) {
    if (release === null) continue;
    // A forced version stands even where a parent that moves along still ships the affected one.
    const shipped = listedChildren(context, owner, release).filter(({ on }) => !forced.has(on));
    const demands = [...requirementsOf(owner, release), ...shipped];
    const constraint = demands.find(({ on, allows }) => !allows(chosen(on)));
    if (constraint !== undefined) return { owner, constraint };
  }
  for (const [moved, choice] of moves) {
    const broken = (dependents.get(moved) ?? []).find(
      ({ owner, constraint }) =>
        !moves.has(owner) && !constraint.allows(choice) && constraint.allows(base.get(moved) ?? null),
    );
    if (broken !== undefined) return broken;
  }
  return null;
}

function dependentsOf({ base }: Repair): ReadonlyMap<ComponentName, readonly Broken[]> {
  const demands = [...base].flatMap(([owner, option]) =>
    option === null || option.release === null
      ? []
      : requirementsOf(owner, option.release).map((constraint) => ({ owner, constraint })),
  );
  return Map.groupBy(demands, ({ constraint }) => constraint.on);
}

/** Upwards only, offered versions before merely released ones, then the nearest, which is the lowest. */
function alternatives(task: Repair, component: ComponentName): readonly Choice[] {
  const { context, base } = task;
  const [suite = '', capability] = component.split('/');
  const from = base.get(component) ?? null;
  const isInstallable = component === 'platform' || isEnabled(context.input.config, suite, capability);
  if (from === null && !isInstallable) return [];
  const releases = context.index.of(component);
  const since = context.running.get(component) ?? from;
  const stop = since === null ? undefined : firstStop(releases, since.version, context.offers.withdrawn);
  const open = from === null ? 0 : criticalFor(context, component, from.version).length;
  const choices = releases
    .filter((release) => prohibition(context, release, task.beyondHalts) === null)
    .map(choiceOf)
    .filter(({ version }) => from === null || compareVersions(version, from.version) > 0)
    .filter(({ version }) => stop === undefined || compareVersions(version, stop.document.version) <= 0)
    .filter(({ version }) => criticalFor(context, component, version).length <= open);
  return (task.respectPins ? allowedByPins(context, component, choices) : choices).toSorted(
    (a, b) =>
      Number(context.offers.offered.has(b.digest)) - Number(context.offers.offered.has(a.digest)) ||
      (from === null ? compareVersions(b.version, a.version) : compareVersions(a.version, b.version)),
  );
}

function allowedByPins(
  context: Context,
  component: ComponentName,
  choices: readonly Choice[],
): readonly Choice[] {
  const versions = choices.map((choice) => choice.version);
  const allowed = context.pins.on(component).map((pin) => new Set(selectPinned(pin, versions)));
  return choices.filter(({ version }) => allowed.every((set) => set.has(version)));
}

function firstResult<Item, Result>(
  items: readonly Item[],
  attempt: (item: Item) => Result | null,
): Result | null {
  for (const item of items) {
    const result = attempt(item);
    if (result !== null) return result;
  }
  return null;
}

function including(moves: Moves, component: ComponentName, choice: Choice): Moves {
  return new Map(moves).set(component, choice);
}
