// Rearranging: moves that let every requirement hold again after forced ones, where nobody could find out in time which are the fewest.
//
// The search that chooses versions, in which every component would rather stay and then go to the nearest version. A long chain of
// components that have to move in step is one way through it, where counting moves tries all of each chain's beginnings.

import { GRAIN, type Pieces, said } from '../encoding/pieces.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { type Context, isBound } from './context.ts';
import type { AnyRelease } from './releases.ts';
import type { Choice } from './running.ts';
import { type Budget, type Constraint, solve, type Variable } from './solve.ts';
import type { Option } from './variables.ts';

export interface Demands {
  readonly required: readonly Constraint<Option>[];
  readonly shipped: readonly Constraint<Option>[];
}

export interface Rearranging {
  readonly context: Context;
  readonly base: ReadonlyMap<ComponentName, Option>;
  readonly forced: ReadonlyMap<ComponentName, readonly Choice[]>;
  /** Who demands something of a component as long as it stays. */
  readonly dependentsOf: (component: ComponentName) => readonly ComponentName[];
  readonly demandsOf: (owner: ComponentName, release: AnyRelease) => Demands;
  readonly alternatives: (component: ComponentName) => readonly Choice[];
  /** In looks. */
  readonly budget: Budget;
}

/** Forced ones included; null where none were found. */
export function* rearrange(task: Rearranging): Pieces<ReadonlyMap<ComponentName, Choice> | null> {
  const { base, budget, forced } = task;
  const variables = yield* reached(task);
  if (budget.left <= 0) return null;
  const constraintsOf = (name: ComponentName, option: Option) => constraintsIn(task, name, option);
  const solution = yield* solve({ variables, constraintsOf, absent: null, budget });
  if (solution.kind !== 'solved') return null;
  return new Map(
    [...solution.choices].flatMap(([name, option]) =>
      option !== null && (forced.has(name) || option !== base.get(name)) ? [[name, option] as const] : [],
    ),
  );
}

/** What the forced ones touch, and what that touches in turn, nearest first: so that nearly every demand is on what is still to be chosen. */
function* reached(task: Rearranging): Pieces<readonly Variable<Option>[]> {
  const { base, budget, forced, dependentsOf, alternatives } = task;
  const names = new Set(forced.keys());
  const variables: Variable<Option>[] = [];
  const search = { looks: 0 };
  for (const name of names) {
    if (budget.left <= 0) break;
    const choices: readonly Option[] = forced.get(name) ?? [base.get(name) ?? null, ...alternatives(name)];
    variables.push({ name, choices });
    for (const dependent of dependentsOf(name)) names.add(dependent);
    for (const choice of choices) {
      const constraints = constraintsIn(task, name, choice);
      for (const { on } of constraints) names.add(on);
      budget.left -= 1 + constraints.length;
      search.looks += 1 + constraints.length;
      if (search.looks >= GRAIN) yield said(search);
    }
  }
  return variables;
}

/** Of what stays, what was broken before is not to be mended; a forced version stands even where a parent that moves along ships the affected one. */
function constraintsIn(
  { context, base, forced, demandsOf }: Rearranging,
  name: ComponentName,
  option: Option,
): readonly Constraint<Option>[] {
  if (option === null || option.release === null) return [];
  const { required, shipped } = demandsOf(name, option.release);
  const isMoved = forced.has(name) || option !== base.get(name);
  if (isMoved) return [...required, ...shipped.filter(({ on }) => !forced.has(on) || isBound(context, on))];
  return [...required, ...shipped.filter(({ on }) => isBound(context, on))].filter((one) =>
    one.allows(base.get(one.on) ?? null),
  );
}
