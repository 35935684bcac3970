// What is left out before a search: nothing that stands in any solution, and enough that a long chain is pulled down at once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../../shared/compile/context.ts';
import { lower } from '../../../shared/compile/lower.ts';
import type { Budget, Constraint, Problem, Variable } from '../../../shared/compile/solve.ts';
import { createVariables } from '../../../shared/compile/variables.ts';
import { finish } from '../../../shared/encoding/pieces.ts';
import { compareVersions } from '../../../shared/version/version.ts';
import { compile } from '../../support/finished.ts';
import { chained, largeInput } from '../../support/large-catalog.ts';
import { compileInputOf } from '../../support/scenario.ts';
import { troubledWorld } from '../../support/worlds.ts';

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

it('says often how many looks it took, also for a choice that demands much', () => {
  const demands = NAMES.slice(1).map((_, i) => ({ of: 0, choice: 2, on: i + 1, from: 0, to: 0 }));
  const work = lower(problemOf(demands, [3, 150, 150, 150], false), { left: ENOUGH });
  const said: number[] = [];
  for (let step = work.next(); step.done !== true; step = work.next()) said.push(step.value);

  expect(said.length).toBeGreaterThanOrEqual(3);
  expect(Math.max(...said)).toBeLessThan(300);
});

describe('a pin at the end of a chain of a hundred', () => {
  const input = largeInput(100, 100, chained(100));
  const runs = Array.from({ length: 100 }, (_, i) => `core/c${i}@1.0.0`);

  it.each([
    ['where nothing runs', null],
    ['where all of it runs', compileInputOf({ releases: {}, runs }).current],
  ])('is followed by all of it, instead of too many combinations: %s', (_, current) => {
    const { pins } = compileInputOf({ releases: {}, pins: { 'core/c99': '1.30.0' } });

    const result = compile({ ...input, pins, current });

    if (result.kind !== 'compiled') throw new Error(result.kind);
    expect(new Set(result.target.manifest.components.map(({ version }) => version))).toEqual(
      new Set(['1.30.0']),
    );
    expect(result.target.manifest.components).toHaveLength(100);
  });
});

it('is told of choices that fall only where each is lower than all before it', () => {
  let fallen = 0;
  fc.assert(
    fc.property(troubledWorld, (scenario) => {
      const context = finish(createContext(compileInputOf(scenario)));

      for (const { choices } of finish(createVariables(context))) {
        if (choices.isFalling !== true) continue;
        const all = Array.from({ length: choices.length }, (_, at) => choices.at(at));
        const present = all.flatMap((option) => option ?? []);
        fallen++;
        expect(all.slice(present.length).every((option) => option === null)).toBe(true);
        present.slice(1).forEach(({ version }, i) => {
          expect(compareVersions(version, present[i]?.version ?? version)).toBeLessThan(0);
        });
      }
    }),
    { numRuns: 300 },
  );
  expect(fallen).toBeGreaterThan(300);
});
