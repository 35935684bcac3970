// Durations in steps: what percentiles they say, and how far those may be off.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lengthOf, percentileOf, stepOf } from '../../../server/core/durations.ts';

const durations = fc.array(fc.integer({ min: 0, max: 86_400_000 }), { minLength: 1, maxLength: 200 });

function countsOf(all: readonly number[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const ms of all) counts.set(stepOf(ms), (counts.get(stepOf(ms)) ?? 0) + 1);
  return counts;
}

it('puts a duration into the first step that is as long', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 100_000_000 }), (ms) => {
      expect(lengthOf(stepOf(ms)) * (1 + 1e-9)).toBeGreaterThanOrEqual(ms);
      expect(lengthOf(stepOf(ms) - 1)).toBeLessThan(ms);
    }),
  );
});

it.each([Number.NaN, -5, 0, 1])('takes %d for nothing', (ms) => {
  expect(stepOf(ms)).toBe(0);
});

it('says a percentile that is off by less than half', () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.9, 0.99, 1), (all, share) => {
      const sorted = all.toSorted((a, b) => a - b);
      const exact = sorted[Math.ceil(share * all.length) - 1] ?? 0;
      const said = percentileOf(countsOf(all), share) ?? Number.NaN;
      expect(said).toBeGreaterThanOrEqual(Math.floor(exact / Math.SQRT2) - 1);
      expect(said).toBeLessThanOrEqual(Math.ceil(exact * Math.SQRT2) + 1);
    }),
  );
});

it('says nothing of none', () => {
  expect(percentileOf(new Map(), 0.5)).toBeNull();
});
