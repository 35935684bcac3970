// What is left out before a search: nothing that stands in any solution, and enough that a long chain is pulled down at once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lower } from '../../../shared/compile/lower.ts';
import type { Budget, Constraint, Problem, Variable } from '../../../shared/compile/solve.ts';
import { finish } from '../../../shared/encoding/pieces.ts';
import { compile } from '../../support/finished.ts';
import { chained, largeInput } from '../../support/large-catalog.ts';
import { compileInputOf } from '../../support/scenario.ts';

const NAMES = ['a', 'b', 'c', 'd'];
/** Stands for a variable that does not exist. */
const ABSENT = 0;
const ENOUGH = 100_000;

interface Demand {
  readonly of: number;
  readonly choice: number;
  /** The one behind the last does not exist. */
  readonly on: number;
  readonly from: number;
  readonly to: number;
}

const demand: fc.Arbitrary<Demand> = fc.record({
  of: fc.nat(3),
  choice: fc.nat(4),
  on: fc.nat(4),
  from: fc.nat(4),
  to: fc.nat(4),
});

/** Choices are numbers, the highest first; a demand allows those from one up to another. */
function problemOf(demands: readonly Demand[], lengths: readonly number[], isFalling: boolean) {
  const variables = lengths.map((length, i): Variable<number> => {
    const all = Array.from({ length }, (_, at) => length - 1 - at);
    return {
      name: NAMES[i] ?? '',
      choices: { length, at: (index) => all[index], ...(isFalling ? { isFalling: true } : {}) },
    };
  });
  const problem: Problem<number> = {
    variables,
    absent: ABSENT,
    budget: { left: ENOUGH },
    constraintsOf: (name, choice) =>
      demands
        .filter((one) => NAMES[one.of] === name && one.choice === choice)
        .map(({ on, from, to }): Constraint<number> => {
          return {
            on: NAMES[on] ?? 'none',
            allows: (other) => other >= from && other <= to,
            isBelow: (other) => other < from,
            because: () => '',
          };
        }),
  };
  return problem;
}

function choicesIn({ choices }: Variable<number>): readonly number[] {
  return Array.from({ length: choices.length }, (_, at) => choices.at(at) as number);
}

/** All there are, by trying every combination. */
function solutionsOf({ variables, constraintsOf, absent }: Problem<number>): readonly number[][] {
  const all = variables.reduce<number[][]>(
    (found, variable) => found.flatMap((some) => choicesIn(variable).map((one) => [...some, one])),
    [[]],
  );
  const places = new Map(variables.map(({ name }, place) => [name, place]));
  return all.filter((chosen) =>
    variables.every(({ name }, place) =>
      constraintsOf(name, chosen[place] as number).every(({ on, allows }) =>
        allows(chosen[places.get(on) ?? -1] ?? absent),
      ),
    ),
  );
}

function lowered(problem: Problem<number>, budget: Budget = { left: ENOUGH }) {
  return finish(lower(problem, budget));
}

const problems = fc
  .tuple(
    fc.array(demand, { maxLength: 14 }),
    fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
  )
  .map((parts) => problemOf(...parts));

describe('what is left out', () => {
  it('stands in no solution, however soon the budget ends', () => {
    fc.assert(
      fc.property(problems, fc.nat(60), (problem, left) => {
        const kept = lowered(problem, { left }).map(choicesIn);

        for (const solution of solutionsOf(problem)) {
          solution.forEach((choice, place) => void expect(kept[place]).toContain(choice));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('is every first choice that goes with no choice of another', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const variables = lowered(problem);
        const byName = new Map(variables.map((variable) => [variable.name, choicesIn(variable)]));

        for (const { name, choices } of variables) {
          const first = choices.at(0);
          if (first === undefined) continue;
          for (const { on, allows } of problem.constraintsOf(name, first)) {
            expect((byName.get(on) ?? [ABSENT]).some(allows)).toBe(true);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('is nothing where all first choices go together: then the list is the same', () => {
    const problem = problemOf([{ of: 0, choice: 2, on: 1, from: 1, to: 4 }], [3, 3], true);

    expect(lowered(problem)).toBe(problem.variables);
  });
});

it('follows a pin at the end of a chain of a hundred, instead of too many combinations', () => {
  const { pins } = compileInputOf({ releases: {}, pins: { 'core/c99': '1.30.0' } });

  const result = compile({ ...largeInput(100, 40, chained(100)), pins });

  if (result.kind !== 'compiled') throw new Error(result.kind);
  expect(new Set(result.target.manifest.components.map(({ version }) => version))).toEqual(
    new Set(['1.30.0']),
  );
  expect(result.target.manifest.components).toHaveLength(100);
});
