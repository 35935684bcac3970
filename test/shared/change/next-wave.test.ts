// How far the next wave may go: the known values of the statistics, and what it never suggests.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { suggestWave, upperBound } from '../../../shared/change/next-wave.ts';

describe('what may still fail', () => {
  // Clopper and Pearson's tables, one-sided, 95 %; none of 59 is the known "59 without a failure".
  it.each([
    [0, 59, 0.0495],
    [0, 149, 0.0199],
    [1, 10, 0.3942],
    [2, 20, 0.2826],
    [10, 100, 0.1637],
  ])('%i failures of %i leave it below %f', (failed, of, bound) => {
    expect(upperBound(failed, of)).toBeCloseTo(bound, 4);
  });

  it('is everything while nothing is known, and where all failed', () => {
    expect([upperBound(0, 0), upperBound(3, 3)]).toEqual([1, 1]);
  });

  it('grows with failures and shrinks with installs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 5_000 }), (failed, more) => {
        const of = failed + more;
        expect(upperBound(failed, of)).toBeLessThanOrEqual(upperBound(failed + 1, of + 1));
        expect(upperBound(failed, of + 1)).toBeLessThanOrEqual(upperBound(failed, of));
        expect(upperBound(failed, of)).toBeGreaterThan(failed / of);
      }),
    );
  });
});

describe('the next wave', () => {
  const fleet = { tolerance: 0.02, eligible: 1_000 };

  it('begins with a few while nothing is known', () => {
    expect(suggestWave({ ...fleet, trials: { all: 0, wrong: 0 } })).toMatchObject({
      percent: 1,
      needed: 149,
    });
  });

  it('goes as far as it takes to know enough', () => {
    expect(suggestWave({ ...fleet, trials: { all: 40, wrong: 0 } })).toMatchObject({
      percent: 15,
      needed: 149,
    });
  });

  it('goes to all once enough is known', () => {
    expect(suggestWave({ ...fleet, trials: { all: 149, wrong: 0 } })).toMatchObject({ percent: 100 });
  });

  it('is none where more failed than may', () => {
    expect(suggestWave({ ...fleet, trials: { all: 40, wrong: 1 } })).toMatchObject({ percent: null });
  });

  it('says that a tolerance of nothing can be shown by nobody', () => {
    const wave = suggestWave({ trials: { all: 40, wrong: 0 }, tolerance: 0, eligible: 1_000 });
    expect(wave).toMatchObject({ needed: null, percent: 40 });
    expect(wave.why).toContain('no number of installs');
  });

  it('never holds more than ten times the installs so far, unless it is shown to be good', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3_000 }),
        fc.integer({ min: 0, max: 30 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 100_000 }),
        (ended, failed, tolerance, eligible) => {
          const wave = suggestWave({ trials: { all: ended + failed, wrong: failed }, tolerance, eligible });
          if (wave.percent === null) return;
          const most = Math.ceil((1_000 * Math.max(1, ended + failed)) / eligible);
          expect(wave.percent).toBeGreaterThanOrEqual(1);
          expect(wave.percent <= Math.min(100, most) || wave.atMost <= tolerance).toBe(true);
        },
      ),
    );
  });
});
