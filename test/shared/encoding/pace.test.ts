// How fast something comes: what is said of the rate and of the time left, whatever the line does meanwhile.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMeter } from '../../../shared/encoding/pace.ts';

/** So many bytes at these seconds. */
function meterOf(samples: readonly (readonly [second: number, bytes: number])[]) {
  const meter = createMeter();
  for (const [second, bytes] of samples) meter.note(second * 1000, bytes);
  return meter;
}

describe('a pace', () => {
  it('is that of the last seconds, not of all', () => {
    const slowThenFast = [...Array(31).keys()].map(
      (s) => [s, s <= 20 ? s * 10 : 200 + (s - 20) * 1_000] as const,
    );

    expect(meterOf(slowThenFast).read(30_000, 20_200)).toEqual({
      bytesPerSecond: 1_000,
      leftMs: 10_000,
      stalledMs: 0,
    });
  });

  it('is unknown at the beginning', () => {
    expect(meterOf([[0, 500]]).read(100, 1_000)).toEqual({
      bytesPerSecond: null,
      leftMs: null,
      stalledMs: 0,
    });
  });

  it('counts only what came since it began, not what an earlier attempt had brought', () => {
    const pace = meterOf([
      [0, 9_000],
      [1, 9_100],
      [2, 9_200],
    ]).read(2_000, 10_000);

    expect(pace).toEqual({ bytesPerSecond: 100, leftMs: 8_000, stalledMs: 0 });
  });

  it('begins anew where the bytes do', () => {
    const pace = meterOf([
      [0, 0],
      [1, 50_000],
      [2, 0],
      [3, 10],
    ]).read(3_000, 1_010);

    expect(pace).toEqual({ bytesPerSecond: 10, leftMs: 100_000, stalledMs: 0 });
  });

  it('says that it stalls, and for how long, where a line is silent', () => {
    const meter = meterOf([
      [0, 0],
      [1, 1_000],
    ]);

    expect(meter.read(5_900, 5_000).stalledMs).toBe(0);
    expect(meter.read(8_000, 5_000)).toEqual({ bytesPerSecond: 0, leftMs: null, stalledMs: 7_000 });
  });

  it('does not stop to stall because the same bytes are told again', () => {
    const meter = createMeter();
    for (let at = 0; at <= 60_000; at += 100) meter.note(at, 1_000);

    expect(meter.read(60_000, 5_000).stalledMs).toBe(60_000);
  });

  it('never says anything that is no number of bytes or milliseconds', () => {
    const sample = fc.tuple(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 2 ** 50 }));
    const total = fc.option(fc.integer({ min: 0, max: 2 ** 50 }));
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 80 }), total, (steps, all) => {
        const meter = createMeter();
        let at = 0;
        for (const [ms, bytes] of steps) {
          at += ms;
          meter.note(at, bytes);
          const { bytesPerSecond, leftMs, stalledMs } = meter.read(at, all);
          for (const value of [bytesPerSecond ?? 0, leftMs ?? 0, stalledMs]) {
            expect(Number.isFinite(value) && value >= 0).toBe(true);
          }
          expect(Number.isInteger(bytesPerSecond ?? 0)).toBe(true);
        }
      }),
    );
  });
});
