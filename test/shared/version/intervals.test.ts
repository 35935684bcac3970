// Ranges as intervals: where each begins and ends, pre-releases by their order.
import { describe, expect, it } from 'vitest';
import { type Interval, intervalsOf, isInside, rangesOf } from '../../../shared/version/intervals.ts';
import { parseRange, parseVersion } from '../../../shared/version/version.ts';

const written = ({ from, to }: Interval) => [from, to && `${to.isInside ? '<=' : '<'}${to.version}`];

describe('a range', () => {
  it.each<[string, readonly (readonly (string | null)[])[]]>([
    ['*', [[null, null]]],
    ['<1.0.0', [[null, '<1.0.0']]],
    ['>=1.0.0 <=1.2.0', [['1.0.0', '<=1.2.0']]],
    ['1.2.0', [['1.2.0', '<=1.2.0']]],
    ['>1.0.0', [['1.0.1-0', null]]],
    ['>1.0.0-rc.1', [['1.0.0-rc.1.0', null]]],
    ['^1.2.0', [['1.2.0', '<2.0.0-0']]],
    [
      '<1.0.0 || >=2.0.0',
      [
        [null, '<1.0.0'],
        ['2.0.0', null],
      ],
    ],
    ['>=1.0.0 >=1.1.0 <=2.0.0 <2.0.0', [['1.1.0', '<2.0.0']]],
    ['<1.0.0 >=1.0.0', []],
    ['>1.0.0 <1.0.1-0', []],
  ])('%s is %j', (range, intervals) => {
    expect(intervalsOf(parseRange(range)).map(written)).toEqual(intervals);
  });

  it('holds the first pre-release after an open beginning, and no more before it', () => {
    const [after] = intervalsOf(parseRange('>1.0.0'));

    expect(after && isInside(after, parseVersion('1.0.1-0'))).toBe(true);
    expect(after && isInside(after, parseVersion('1.0.0'))).toBe(false);
  });

  it.each([
    '*',
    '<1.0.0',
    '<=1.2.0',
    '1.2.0',
    '>=1.0.0',
    '>=1.0.0 <1.2.0',
    '>=1.0.0 <=1.2.0',
    '<1.0.0 || 1.2.0',
  ])('%s is written as it was read', (range) => {
    expect(rangesOf(intervalsOf(parseRange(range)))).toEqual([range]);
  });

  it('is as few texts as hold all intervals, each short enough to be signed', () => {
    const version = (n: number) => parseVersion(`${n}.0.0`);
    const many = Array.from({ length: 40 }, (_, n) => ({
      ...{ from: version(2 * n), to: { version: version(2 * n + 1), isInside: false } },
    }));
    const long = { from: parseVersion(`1.0.0-${'a'.repeat(120)}`), to: null };

    const ranges = rangesOf(many) ?? [];

    expect(ranges.every((range) => range.length <= 256)).toBe(true);
    expect(ranges.length).toBeLessThan(6);
    expect(ranges.flatMap(intervalsOf).map(written)).toEqual(many.map(written));
    expect(
      rangesOf([{ ...long, to: { version: parseVersion(`2.0.0-${'a'.repeat(140)}`), isInside: true } }]),
    ).toBe(null);
  });
});
