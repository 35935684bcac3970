// Resolution: the solver asked about one context.
import { createConstraints } from './constraints.ts';
import type { Context } from './context.ts';
import { formatPin, pinnedComponent } from './pins.ts';
import { type Solution, solve } from './solve.ts';
import { createVariables, type Option } from './variables.ts';

/** Choices that may be tried; a catalog of 500 capabilities without conflicts needs 500. */
const BUDGET = 200_000;

export function resolve(context: Context): Solution<Option> {
  const variables = createVariables(context);
  const empty = variables.filter((variable) => variable.choices.length === 0);
  if (empty.length > 0) {
    const names = new Set(empty.map((variable) => variable.name));
    const pins = context.pins.active.filter((pin) => names.has(pinnedComponent(pin)));
    return {
      kind: 'unsolvable',
      because: pins.map((pin) => `no version on offer fits the pin ${formatPin(pin)}`),
    };
  }
  return solve({
    variables,
    constraintsOf: createConstraints(context, variables),
    absent: null,
    budget: BUDGET,
  });
}
