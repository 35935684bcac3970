// The solver: the first choice of every variable, in order, that lets all constraints hold.
//
// Backtracking with forward checking, jumping back to the choice that is to blame. Variables and their choices are
// tried in the order given, so the result is the best one in that order and depends on nothing else.

import { GRAIN, type Pieces, said } from '../encoding/pieces.ts';

export interface Variable<Choice> {
  readonly name: string;
  /** Best first. */
  readonly choices: Choices<Choice>;
}

/** A list, or what makes each of its parts when it is reached: a search ends among the first. */
export interface Choices<Choice> {
  readonly length: number;
  /** Each is lower than all before it. */
  readonly isFalling?: true;
  at(index: number): Choice | undefined;
}

/** What one choice demands of another variable. */
export interface Constraint<Choice> {
  readonly on: string;
  allows(choice: Choice): boolean;
  /** It is too low, and so is whatever is lower. */
  isBelow?(choice: Choice): boolean;
  /** `core/api 2.1.0 requires core/auth ^1.1`, for people. */
  because(): string;
}

export interface Problem<Choice> {
  readonly variables: readonly Variable<Choice>[];
  readonly constraintsOf: (name: string, choice: Choice) => readonly Constraint<Choice>[];
  /** Stands for a variable that does not exist: a constraint on one holds when it allows this. */
  readonly absent: Choice;
  readonly budget: Budget;
}

/** How often a choice may be looked at; a count, not a time, so that every machine gives up at the same point. */
export interface Budget {
  left: number;
}

export type Solution<Choice> =
  | { readonly kind: 'solved'; readonly choices: ReadonlyMap<string, Choice> }
  | { readonly kind: 'unsolvable'; readonly because: readonly string[] }
  | { readonly kind: 'exhausted' };

/** Enough to understand why; a long search meets the same ones over and over. */
const MAX_REASONS = 20;

interface Demand<Choice> {
  readonly from: number;
  readonly constraint: Constraint<Choice>;
}

/** One variable's place in the search. */
interface Level<Choice> {
  readonly variable: Variable<Choice>;
  /** Demands of earlier choices, in the order of those. */
  readonly demands: Demand<Choice>[];
  /** Of each choice that was tried, by its index: the search comes back to them again and again. */
  readonly constraints: (readonly Constraint<Choice>[])[];
  /** Index of the next choice to try. */
  next: number;
  /** The later levels that the present choice makes demands on. */
  touched: number[];
  /** Earlier levels whose choices rule out what was tried here. */
  culprits: Set<number>;
  reasons: Set<Constraint<Choice>>;
}

interface Search<Choice> {
  readonly problem: Problem<Choice>;
  readonly levels: readonly Level<Choice>[];
  readonly position: ReadonlyMap<string, number>;
  readonly chosen: Choice[];
  /** Since it last said how many. */
  looks: number;
}

export function* solve<Choice>(problem: Problem<Choice>): Pieces<Solution<Choice>> {
  const levels = problem.variables.map(createLevel<Choice>);
  const position = new Map(levels.map((level, index) => [level.variable.name, index]));
  const search: Search<Choice> = { problem, levels, position, chosen: [], looks: 0 };
  const { budget } = problem;

  for (let at = 0; at < levels.length; ) {
    const level = levelAt(levels, at);
    const choice = level.variable.choices.at(level.next++);
    if (choice !== undefined) {
      if (budget.left-- <= 0) return { kind: 'exhausted' };
      search.chosen[at] = choice;
      if (yield* accept(search, at)) at++;
      if (search.looks >= GRAIN) yield said(search);
      // What was not looked at to the end is not known to hold.
      if (budget.left < 0) return { kind: 'exhausted' };
      continue;
    }
    const back = Math.max(-1, ...level.culprits);
    if (back === -1) return { kind: 'unsolvable', because: explain(level) };
    blame(levels, at, back);
    at = back;
  }
  return {
    kind: 'solved',
    choices: new Map(levels.map(({ variable }, i) => [variable.name, search.chosen[i] as Choice])),
  };
}

/** Tries the choice at a level against earlier choices and looks ahead; false leaves no trace but the blame. */
function* accept<Choice>(search: Search<Choice>, at: number): Pieces<boolean> {
  const { problem, levels, position, chosen } = search;
  const level = levelAt(levels, at);
  const choice = chosen[at] as Choice;
  search.looks += 1 + level.demands.length;
  const refusal = level.demands.find(({ constraint }) => !constraint.allows(choice));
  if (refusal !== undefined) return refuse(level, at, [refusal]);

  for (const constraint of constraintsAt(problem, level, choice)) {
    const on = position.get(constraint.on);
    if (on === undefined || on <= at) {
      const other = on === undefined ? problem.absent : (chosen[on] as Choice);
      if (constraint.allows(other)) continue;
      retract(levels, at);
      return refuse(level, at, [{ from: on ?? at, constraint }]);
    }
    const target = levelAt(levels, on);
    target.demands.push({ from: at, constraint });
    level.touched.push(on);
    if (yield* hasChoice(search, target)) continue;
    const blamed = [...target.demands];
    retract(levels, at);
    return refuse(level, at, blamed);
  }
  return true;
}

/** Of the choice that is being tried. */
function constraintsAt<Choice>({ constraintsOf }: Problem<Choice>, level: Level<Choice>, choice: Choice) {
  const at = level.next - 1;
  level.constraints[at] ??= constraintsOf(level.variable.name, choice);
  return level.constraints[at];
}

/** Looking ahead is what a search spends its time on. It ends with the budget, whatever it would have found. */
function* hasChoice<Choice>(search: Search<Choice>, { variable, demands }: Level<Choice>): Pieces<boolean> {
  const { budget } = search.problem;
  for (let i = 0; i < variable.choices.length; i++) {
    const looks = looksUntilRefused(demands, variable.choices.at(i) as Choice);
    budget.left -= Math.min(looks, demands.length);
    search.looks += looks;
    if (search.looks >= GRAIN) yield said(search);
    if (looks > demands.length || budget.left < 0) return true;
  }
  return false;
}

/** One more than there are demands where none refuses. */
function looksUntilRefused<Choice>(demands: readonly Demand<Choice>[], choice: Choice): number {
  let looks = 1;
  for (const { constraint } of demands) {
    if (!constraint.allows(choice)) return looks;
    looks++;
  }
  return looks;
}

function refuse<Choice>(level: Level<Choice>, at: number, demands: readonly Demand<Choice>[]): false {
  for (const { from, constraint } of demands) {
    if (from !== at) level.culprits.add(from);
    if (level.reasons.size < MAX_REASONS) level.reasons.add(constraint);
  }
  return false;
}

/** Takes back the demands of a level's choice. They are the newest wherever they stand. */
function retract<Choice>(levels: readonly Level<Choice>[], at: number): void {
  const level = levelAt(levels, at);
  for (const on of level.touched) levelAt(levels, on).demands.pop();
  level.touched = [];
}

/** Returns to the latest culprit: whatever else was to blame is now to blame for what is tried there. */
function blame<Choice>(levels: readonly Level<Choice>[], from: number, back: number): void {
  const failed = levelAt(levels, from);
  const culprit = levelAt(levels, back);
  for (const one of failed.culprits) if (one !== back) culprit.culprits.add(one);
  culprit.reasons = new Set([...culprit.reasons, ...failed.reasons].slice(0, MAX_REASONS));
  for (let at = from; at > back; at--) {
    retract(levels, at);
    Object.assign(levelAt(levels, at), { next: 0, culprits: new Set(), reasons: new Set() });
  }
  retract(levels, back);
}

function explain<Choice>(level: Level<Choice>): readonly string[] {
  return [...new Set([...level.reasons].map((constraint) => constraint.because()))].sort();
}

function createLevel<Choice>(variable: Variable<Choice>): Level<Choice> {
  return {
    variable,
    demands: [],
    constraints: [],
    next: 0,
    touched: [],
    culprits: new Set(),
    reasons: new Set(),
  };
}

function levelAt<Choice>(levels: readonly Level<Choice>[], at: number): Level<Choice> {
  return levels[at] as Level<Choice>;
}
