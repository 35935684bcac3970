// Spans of time as people type them.
import { describe, expect, it } from 'vitest';
import { spanMs } from '../../../shared/encoding/instant.ts';

describe('a span', () => {
  it.each([
    ['90m', 5_400_000],
    ['4h', 14_400_000],
    ['3d', 259_200_000],
    ['PT4H', 14_400_000],
    ['30s', 30_000],
    [' 4h ', 14_400_000],
    [' PT4H\n', 14_400_000],
    ['99999s', 99_999_000],
    [
      'P9999DT99999H999999M99999999S',
      9999 * 86_400_000 + 99_999 * 3_600_000 + 999_999 * 60_000 + 99_999_999_000,
    ],
  ])('%s', (text, ms) => {
    expect(spanMs(text)).toBe(ms);
  });

  it.each(['', 'h', '4', '4 h', '-4h', '1.5h', 'P', '4w', '4hours', 'in4h', '4h4', '123456s'])(
    '%j is none',
    (text) => {
      expect(spanMs(text)).toBeNaN();
    },
  );
});
