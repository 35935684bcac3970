// Pieces: what they find is what a loop would have found, and they say what it took.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eachIn, finish, GRAIN, mapped, type Pieces, sorted } from '../../../shared/encoding/pieces.ts';

/** All that it said, and what it found. */
function listen<Result>(work: Pieces<Result>): { readonly said: readonly number[]; readonly result: Result } {
  const said: number[] = [];
  for (;;) {
    const step = work.next();
    if (step.done === true) return { said, result: step.value };
    said.push(step.value);
  }
}
const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

it('finishes with what the work found, however often it said something', () => {
  expect(
    finish(
      (function* () {
        yield 1;
        yield 2;
        return 'found';
      })(),
    ),
  ).toBe('found');
});

describe('what is mapped', () => {
  it('is each item in its order, a look each', () => {
    const { said, result } = listen(mapped(numbers(250), (n) => n * 2));

    expect(result).toEqual(numbers(250).map((n) => n * 2));
    expect(said).toEqual([GRAIN, GRAIN, 50]);
  });

  it('costs as much more as is said of an item, and that at once', () => {
    const { said } = listen(mapped([1, 500, 1], String, (n) => n));

    expect(said).toEqual([503, 2]);
  });

  it('is nothing of nothing, which costs nothing', () => {
    expect(listen(mapped([], String))).toEqual({ said: [], result: [] });
  });
});

describe('what is looked at in a list', () => {
  it('is each item in its order, with where it stands, a look each', () => {
    const seen: [number, number][] = [];

    const { said } = listen(eachIn(Float64Array.from(numbers(250)), (n, index) => seen.push([n, index])));

    expect(seen).toEqual(numbers(250).map((n) => [n, n]));
    expect(said).toEqual([GRAIN, GRAIN, 50]);
  });

  it('is nothing of nothing, which costs nothing', () => {
    expect(listen(eachIn([], String)).said).toEqual([]);
  });
});

describe('what is sorted', () => {
  it('is so as by a loop, and what is equal keeps its order', () => {
    const items = fc.array(fc.record({ key: fc.nat(40), at: fc.nat() }), { maxLength: 1_800, size: 'max' });
    fc.assert(
      fc.property(items, (all) => {
        const byKey = (a: { key: number }, b: { key: number }) => a.key - b.key;

        expect(finish(sorted(all, byKey))).toEqual(all.toSorted(byKey));
      }),
      { numRuns: 30 },
    );
  });

  it('is sorted in runs, and merged in small pieces', () => {
    const { said, result } = listen(sorted(numbers(4_000).reverse(), (a, b) => a - b));

    expect(result).toEqual(numbers(4_000));
    expect(Math.max(...said)).toBeLessThanOrEqual(500);
    expect(sum(said)).toBeGreaterThanOrEqual(3 * 4_000);
  });
});
