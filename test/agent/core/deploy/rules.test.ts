// The small rules of the engine: judging health, restarting, keeping generations.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selectExpired } from '../../../../agent/core/deploy/generation.ts';
import { count, judge, NO_RESULTS, type ProbeRule } from '../../../../agent/core/deploy/health.ts';
import { afterStart, isRestartDue, NEVER_RESTARTED } from '../../../../agent/core/pauses.ts';

const RULE: ProbeRule = {
  startPeriodMs: 10_000,
  intervalMs: 1_000,
  timeoutMs: 1_000,
  successes: 3,
  failures: 2,
};

/** Judges results that come one a second: `+` healthy, `-` not. */
function judged(results: string): string {
  let tally = NO_RESULTS;
  for (const [index, result] of [...results].entries()) {
    const elapsed = index * 1_000;
    tally = count(tally, result === '+', elapsed < RULE.startPeriodMs);
    const verdict = judge(RULE, tally, elapsed);
    if (verdict !== 'undecided') return `${verdict} after ${index + 1}`;
  }
  return 'undecided';
}

describe('judging health', () => {
  it.each([
    ['enough successes in a row', '+++', 'healthy after 3'],
    ['successes that are interrupted', '++-++-', 'undecided'],
    ['failures in the start period', '---------', 'undecided'],
    ['a late but steady start', '---------+++', 'healthy after 12'],
    ['failures after the start period', '------------', 'unhealthy after 12'],
    ['one failure after the start period', '----------+-+++', 'healthy after 15'],
    ['a service that only ever wavers', '+-'.repeat(200), 'unhealthy after 112'],
  ])('of %s', (_, results, verdict) => {
    expect(judged(results)).toBe(verdict);
  });
});

describe('restarting', () => {
  it('is due at once the first time, then after ever longer pauses up to a minute', () => {
    let history = NEVER_RESTARTED;
    let now = 0;
    const pauses: number[] = [];
    for (let n = 0; n < 9; n++) {
      const before = now;
      while (!isRestartDue(history, now)) now += 500;
      pauses.push((now - before) / 1000);
      history = afterStart(history, now);
    }

    expect(pauses).toEqual([0, 1, 2, 4, 8, 16, 32, 60, 60]);
  });

  it('forgets old failures of a service that ran for long', () => {
    const failing = { attempts: 8, lastStart: 0 };

    expect(afterStart(failing, 10_000_000).attempts).toBe(1);
  });
});

describe('keeping generations', () => {
  const limits = (generations: number, bytes = 1_000) => ({ generations, bytes });
  const at = (current: number | null, before = current === null ? [] : [current - 1]) => ({
    current,
    before,
  });
  const all = (count: number, sick: readonly number[] = []) =>
    Array.from({ length: count }, (_, index) => ({
      number: index + 1,
      healthy: !sick.includes(index + 1),
      trees: new Map([[`tree of ${index + 1}`, 10]]),
    }));

  it.each<[string, ReturnType<typeof all>, ReturnType<typeof at>, number, readonly number[]]>([
    ['removes the oldest past the count', all(7), at(7), 5, [1, 2]],
    ['removes what never was healthy', all(4, [2, 3]), at(4, [1]), 5, [2, 3]],
    ['keeps what runs even when it never was healthy', all(3, [3]), at(3), 5, []],
    ['keeps the healthy one before the current however many are newer', all(8), at(2), 3, [3, 4, 5, 6, 7]],
    [
      'keeps the one that the current came from, though others ran between',
      all(8),
      at(8, [2]),
      3,
      [1, 3, 4, 5, 6],
    ],
    [
      'keeps one that cannot be read beside the way back, at any count',
      all(8),
      at(8, [5, 7]),
      2,
      [1, 2, 3, 4, 6],
    ],
    ['counts both among what is kept', all(8), at(8, [5, 7]), 4, [1, 2, 3, 4]],
    ['never keeps fewer than two', all(4), at(4), 0, [1, 2]],
    ['keeps the newest of an instance where nothing runs', all(4), at(null), 3, [1, 2, 3]],
  ])('%s', (_, generations, anchors, keep, expired) => {
    expect(selectExpired(generations, anchors, limits(keep))).toEqual(expired);
  });

  it.each([
    [50, [1, 2]],
    [39, [1, 2, 3, 4]],
    [0, [1, 2, 3, 4, 5]],
  ])('keeps what fits into %d bytes, and the way back at any price', (bytes, expired) => {
    expect(selectExpired(all(7), at(7), limits(7, bytes))).toEqual(expired);
  });

  it('counts a tree that generations share once', () => {
    const trees = new Map([['shared', 10]]);
    const sharing = all(5).map((one) => ({ ...one, trees }));

    expect(selectExpired(sharing, at(5), limits(5, 10))).toEqual([]);
  });

  it('never removes the current generation or the way back', () => {
    const sick = fc.uniqueArray(fc.integer({ min: 1, max: 12 }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(12), sick, (current, keep, unhealthy) => {
        const generations = all(12, unhealthy);
        const before =
          generations.filter((one) => one.healthy && one.number < current).at(-1)?.number ?? null;

        const expired = selectExpired(
          generations,
          { current, before: before === null ? [] : [before] },
          limits(keep),
        );

        expect(expired).not.toContain(current);
        expect(expired).not.toContain(before);
      }),
    );
  });
});
