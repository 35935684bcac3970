// Resolution: the best versions that fit together, looked for first without what stands in no solution; and how often it may look.

import type { Pieces } from '../encoding/pieces.ts';
import { createConstraints } from './constraints.ts';
import type { Context } from './context.ts';
import { lower } from './lower.ts';
import { formatPin, pinnedComponent } from './pins.ts';
import { type Problem, type Solution, solve } from './solve.ts';
import { createVariables, type KnownOptions, type Option } from './variables.ts';

/** Some thirty milliseconds for one search. What fits together at all is found with a look or two at every release. */
const MOST_LOOKS = 100_000;
const LOOKS_PER_RELEASE = 4;

/** In looks. */
export function budgetFor({ input }: Context): number {
  return Math.max(MOST_LOOKS, LOOKS_PER_RELEASE * input.catalog.releases.length);
}

export function* resolve(context: Context): Pieces<Solution<Option>> {
  const { variables, ...rest } = yield* problemIn(context);
  const empty = variables.filter((variable) => variable.choices.length === 0);
  if (empty.length > 0) {
    const names = new Set(empty.map((variable) => variable.name));
    const pins = context.pins.active.filter((pin) => names.has(pinnedComponent(pin)));
    return {
      kind: 'unsolvable',
      because: pins.map((pin) => `no version on offer fits the pin ${formatPin(pin)}`),
    };
  }
  const left = budgetFor(context) - context.input.catalog.releases.length;
  const below = yield* solveBelow({ ...rest, variables, budget: { left: 2 * left } });
  // Looked for below what cannot be; why there is none is told of all that there is.
  return below.kind === 'solved' ? below : yield* solve({ ...rest, variables, budget: { left } });
}

type Unbounded = Omit<Problem<Option>, 'budget'>;

/** `known` are the options of contexts that differ from this one in nothing but their pins. */
export function* problemIn(context: Context, known?: KnownOptions): Pieces<Unbounded> {
  const variables = yield* createVariables(context, known);
  return { variables, constraintsOf: createConstraints(context, variables), absent: null };
}

/** Without what stands in no solution. Of a problem in which nothing is left out no more is known. */
export function* solveBelow(problem: Problem<Option>): Pieces<Solution<Option>> {
  const variables = yield* lower(problem, problem.budget);
  return variables === problem.variables ? { kind: 'exhausted' } : yield* solve({ ...problem, variables });
}
