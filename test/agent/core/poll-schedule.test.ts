// When the agent asks again: spread, backed off, and never silenced.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_WAIT_MS, listenDelayMs, pollDelayMs } from '../../../agent/core/pauses.ts';

const MINUTE_MS = 60_000;
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the wait between two rounds', () => {
  it('keeps a steady fleet at its rate, spread over one interval', () => {
    const steady = { failures: 0, retryAfterMs: 0 };

    expect(pollDelayMs(MINUTE_MS, steady, 0)).toBe(30_000);
    expect(pollDelayMs(MINUTE_MS, steady, 0.5)).toBe(MINUTE_MS);
    expect(pollDelayMs(MINUTE_MS, steady, 0.999)).toBeLessThan(90_000);
  });

  it('draws from a range that doubles with every failure', () => {
    const range = (failures: number) => pollDelayMs(MINUTE_MS, { failures, retryAfterMs: 0 }, 1 - 1e-9);

    expect([1, 2, 3, 4].map(range)).toEqual([2, 4, 8, 16].map((minutes) => minutes * MINUTE_MS));
  });

  it.each([
    [1, 0, 0, 1_000],
    [1, 0, 0.999, 1_000],
    [MINUTE_MS, 1, 0, 1_000],
    [MINUTE_MS, 30, 0.5, LONGEST_WAIT_MS / 2],
    [2, 30, 0.5, 2 ** 20],
    [2, 21, 0.5, 2 ** 20],
    [2, 20, 0.5, 2 ** 20],
    [2, 19, 0.5, 2 ** 19],
  ])('of %d ms after %i failures and by chance %d is %d', (interval, failures, drawn, wait) => {
    expect(pollDelayMs(interval, { failures, retryAfterMs: 0 }, drawn)).toBe(wait);
    expect(LONGEST_WAIT_MS).toBe(3_600_000);
  });

  it('is whole milliseconds, and adds to what the server asked a part of the interval', () => {
    expect(pollDelayMs(3_333, { failures: 0, retryAfterMs: 0 }, 0.25)).toBe(2_500);
    expect(pollDelayMs(MINUTE_MS, { failures: 0, retryAfterMs: 90_000 }, 0.5)).toBe(120_000);
    expect(pollDelayMs(MINUTE_MS, { failures: 0, retryAfterMs: 10_000 }, 0.5)).toBe(60_000);
  });

  it('waits at least as long as the server asked', () => {
    const asked = { failures: 1, retryAfterMs: 20 * MINUTE_MS };

    expect(pollDelayMs(MINUTE_MS, asked, 0)).toBe(20 * MINUTE_MS);
  });

  it('never comes back before the time the server asked for, whatever chance says, and spreads those it turned away', () => {
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.integer({ min: 1, max: LONGEST_WAIT_MS / 2 }),
        chance,
        fc.integer({ min: 1000, max: LONGEST_WAIT_MS / 4 }),
        (failures, retryAfterMs, drawn, interval) => {
          const delay = pollDelayMs(interval, { failures, retryAfterMs }, drawn);
          expect(delay).toBeGreaterThanOrEqual(retryAfterMs + Math.floor(drawn * interval));
        },
      ),
    );
  });

  it('never waits longer than an hour, whatever the server asks and however often it failed', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.nat(1_000_000_000),
        chance,
        fc.integer({ min: 1, max: 3_600_000 }),
        (failures, retryAfterMs, drawn, interval) => {
          const delay = pollDelayMs(interval, { failures, retryAfterMs }, drawn);
          return delay >= 1000 && delay <= LONGEST_WAIT_MS;
        },
      ),
    );
  });
});

describe('agents that listen, when their server restarts', () => {
  /** When each of ten thousand is back, in milliseconds since it was sent away. */
  function comeBack(outageMs: number): readonly number[] {
    const AGENTS = 10_000;
    let drawn = 1;
    // Numerical Recipes' generator: as uneven as chance, and the same each time.
    const chance = () => {
      drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
      return drawn / 2 ** 32;
    };
    return Array.from({ length: AGENTS }, () => {
      let at = 0;
      for (let failures = 0; failures === 0 || at < outageMs; failures++) {
        at += listenDelayMs({ failures, isRefusal: false }, chance());
      }
      return at;
    });
  }

  it.each([2_000, 5_000, 10_000, 20_000])('are all back a minute after an absence of %d ms', (outageMs) => {
    expect(Math.max(...comeBack(outageMs))).toBeLessThan(outageMs + 60_000);
  });

  it('do not come all at once', () => {
    const seconds = comeBack(10_000).map((at) => Math.floor(at / 1_000));
    const counts = new Map<number, number>();
    for (const second of seconds) counts.set(second, (counts.get(second) ?? 0) + 1);
    const most = Math.max(...counts.values());

    expect(most).toBeLessThan(1_500);
  });

  it('wait for minutes where it stays away', () => {
    expect(listenDelayMs({ failures: 40, isRefusal: false }, 0.999)).toBeGreaterThan(4 * 60_000);
  });
});
