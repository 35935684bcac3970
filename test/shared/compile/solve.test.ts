// The solver, held against trying everything: the first solution in order, and who is to blame where there is none.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Constraint, Problem } from '../../../shared/compile/solve.ts';
import * as solving from '../../../shared/compile/solve.ts';
import { solve } from '../../support/finished.ts';

/** `from` at `choice` allows only these of `on`. */
interface Rule {
  readonly from: number;
  readonly choice: number;
  readonly on: number;
  readonly allowed: readonly number[];
}

const ABSENT = -1;
const name = (variable: number) => `v${variable}`;

function problemOf(sizes: readonly number[], rules: readonly Rule[], budget = 100_000): Problem<number> {
  const constraints = (from: string, choice: number): readonly Constraint<number>[] =>
    rules
      .filter((rule) => name(rule.from) === from && rule.choice === choice)
      .map(({ on, allowed }) => ({
        on: name(on),
        allows: (other) => allowed.includes(other),
        because: () => `${from} ${choice} on ${name(on)}`,
      }));
  const variables = sizes.map((size, i) => ({
    name: name(i),
    choices: Array.from({ length: size }, (_, c) => c),
  }));
  return { variables, constraintsOf: constraints, absent: ABSENT, budget: { left: budget } };
}

/** Every combination in order; a variable beyond the last one is absent. */
function firstSolution(sizes: readonly number[], rules: readonly Rule[]): readonly number[] | null {
  const combinations = sizes.reduce<readonly (readonly number[])[]>(
    (all, size) => all.flatMap((one) => Array.from({ length: size }, (_, c) => [...one, c])),
    [[]],
  );
  const holds = (chosen: readonly number[]) =>
    rules.every(
      ({ from, choice, on, allowed }) => chosen[from] !== choice || allowed.includes(chosen[on] ?? ABSENT),
    );
  return combinations.find(holds) ?? null;
}

const problem = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 }).chain((sizes) => {
  const variable = fc.nat({ max: sizes.length - 1 });
  const rule: fc.Arbitrary<Rule> = fc.record({
    from: variable,
    choice: fc.nat({ max: 2 }),
    on: fc.nat({ max: sizes.length }),
    allowed: fc.subarray([ABSENT, 0, 1, 2]),
  });
  return fc.record({ sizes: fc.constant(sizes), rules: fc.array(rule, { maxLength: 14 }) });
});

describe('the solver', () => {
  it('finds the first combination in which every constraint holds, exactly where there is one', () => {
    fc.assert(
      fc.property(problem, ({ sizes, rules }) => {
        const solution = solve(problemOf(sizes, rules));
        const first = firstSolution(sizes, rules);

        expect(solution.kind === 'solved' ? [...solution.choices.values()] : null).toEqual(first);
        if (solution.kind === 'solved')
          expect([...solution.choices.keys()]).toEqual(sizes.map((_, i) => name(i)));
      }),
      { numRuns: 3000 },
    );
  });

  it('blames constraints that cannot hold together, and none beside them', () => {
    fc.assert(
      fc.property(problem, ({ sizes, rules }) => {
        const solution = solve(problemOf(sizes, rules));
        if (solution.kind !== 'unsolvable') return;
        const blamed = rules.filter((rule) =>
          solution.because.includes(`${name(rule.from)} ${rule.choice} on ${name(rule.on)}`),
        );

        expect(solution.because).toEqual([...new Set(solution.because)].sort());
        expect(firstSolution(sizes, blamed)).toBeNull();
      }),
      { numRuns: 3000 },
    );
  });

  it('tries as many choices as it may, and not one more', () => {
    const sizes = [1, 1, 1];
    const kinds = [2, 3].map((budget) => solve(problemOf(sizes, [], budget)).kind);

    expect(kinds).toEqual(['exhausted', 'solved']);
  });

  it('ends with its budget also while it looks ahead, whatever it would have found', () => {
    let looks = 0;
    const last = { on: 'v1', allows: (n: number) => ++looks > 0 && n === 999, because: () => 'the last' };
    const problem = { ...problemOf([1, 1_000], [], 50), constraintsOf: () => [last] };

    expect(solve(problem)).toEqual({ kind: 'exhausted' });
    expect(looks).toBeLessThanOrEqual(51);
  });

  it('has no variables and a solution, or one without choices and none', () => {
    expect(solve(problemOf([], []))).toEqual({ kind: 'solved', choices: new Map() });
    expect(solve(problemOf([1, 0], []))).toEqual({ kind: 'unsolvable', because: [] });
  });

  it('goes back over what is not to blame: what lies between is not tried again', () => {
    // v0 decides what v7 may be; the six between have nothing to do with it.
    const sizes = [2, 3, 3, 3, 3, 3, 3, 2];
    const rules: Rule[] = [
      { from: 7, choice: 0, on: 0, allowed: [1] },
      { from: 7, choice: 1, on: 0, allowed: [1] },
    ];

    expect(solve(problemOf(sizes, rules, 30)).kind).toBe('solved');
  });

  it('looks ahead: what nothing can follow is left before anything is tried behind it', () => {
    const wrong = Array.from({ length: 19 }, (_, choice) => ({ from: 0, choice, on: 7, allowed: [] }));

    expect(solve(problemOf([20, 1, 1, 1, 1, 1, 1, 2], wrong, 70)).kind).toBe('solved');
  });

  it('names no more reasons than a person reads', () => {
    const many = Array.from({ length: 40 }, (_, choice) => ({ from: 0, choice, on: 1, allowed: [] }));
    const solution = solve(problemOf([40, 1], many));

    expect(solution.kind === 'unsolvable' && solution.because).toHaveLength(20);
  });
});

it('says often how many looks it took, also where nothing is demanded of anything later', () => {
  const sizes = Array.from({ length: 1_000 }, () => 1);
  const said: number[] = [];
  const work = solving.solve(problemOf(sizes, []));
  for (let step = work.next(); step.done !== true; step = work.next()) said.push(step.value);

  expect(said.length).toBeGreaterThanOrEqual(10);
  expect(Math.max(...said)).toBeLessThan(200);
});
