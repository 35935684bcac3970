// Lowering: the first choices of variables that go with no choice of another are left out before the search, which would else find it out anew for every combination.
//
// What is left out stands in no solution, so the first one stays the first. A pin at the end of a chain pulls all of it down at once.

import { GRAIN, type Pieces, said } from '../encoding/pieces.ts';
import type { Budget, Choices, Constraint, Problem, Variable } from './solve.ts';

interface Lowering<Choice> {
  readonly problem: Problem<Choice>;
  readonly budget: Budget;
  readonly places: ReadonlyMap<string, number>;
  /** By place: how many of the first choices are left out. */
  readonly starts: number[];
  /** By place: whose first choice is to be looked at again when its own is another. */
  readonly leaning: readonly Set<number>[];
  /** Since it last said how many. */
  looks: number;
}

/** The same list where nothing is left out. With the budget it ends: what was found until then holds. */
export function* lower<Choice>(
  problem: Problem<Choice>,
  budget: Budget,
): Pieces<readonly Variable<Choice>[]> {
  const { variables } = problem;
  const starts = variables.map(() => 0);
  const search: Lowering<Choice> = {
    ...{ problem, budget, starts, looks: 0 },
    places: new Map(variables.map(({ name }, place) => [name, place])),
    leaning: variables.map(() => new Set<number>()),
  };
  const waiting = new Set([...variables.keys()].reverse());
  for (const place of waiting) {
    waiting.delete(place);
    const before = starts[place];
    yield* lowerOne(search, place);
    if (starts[place] === before) continue;
    for (const leaning of search.leaning[place] ?? []) waiting.add(leaning);
  }
  if (starts.every((start) => start === 0)) return variables;
  return variables.map(({ name, choices }, place) => ({ name, choices: from(choices, starts[place] ?? 0) }));
}

/** To its first choice whose constraints can be met one by one. */
function* lowerOne<Choice>(search: Lowering<Choice>, place: number): Pieces<void> {
  const { problem, budget, places, starts, leaning } = search;
  const { name, choices } = problem.variables[place] as Variable<Choice>;
  while (budget.left > 0) {
    const choice = choices.at(starts[place] as number);
    if (choice === undefined) return;
    const constraints = problem.constraintsOf(name, choice);
    look(search, 1);
    let met = 0;
    for (const constraint of constraints) {
      const isMet = canBeMet(search, constraint);
      if (search.looks >= GRAIN) yield said(search);
      if (!isMet) break;
      met++;
    }
    if (met === constraints.length) {
      for (const { on } of constraints) leaning[places.get(on) ?? -1]?.add(place);
      return;
    }
    starts[place] = (starts[place] as number) + 1;
  }
}

/** Without a budget it is not known that it cannot. */
function canBeMet<Choice>(search: Lowering<Choice>, constraint: Constraint<Choice>): boolean {
  const { problem, budget, places, starts } = search;
  const place = places.get(constraint.on);
  if (place === undefined) return constraint.allows(problem.absent);
  const { choices } = problem.variables[place] as Variable<Choice>;
  for (let at = starts[place] as number; at < choices.length; at++) {
    look(search, 1);
    const choice = choices.at(at) as Choice;
    if (budget.left < 0 || constraint.allows(choice)) return true;
    if (choices.isFalling === true && constraint.isBelow?.(choice) === true) return false;
  }
  return false;
}

function look<Choice>(search: Lowering<Choice>, looks: number): void {
  search.looks += looks;
  search.budget.left -= looks;
}

function from<Choice>(choices: Choices<Choice>, start: number): Choices<Choice> {
  if (start === 0) return choices;
  return { length: choices.length - start, at: (index) => choices.at(start + index) };
}
