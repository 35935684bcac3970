// Scores of vectors, held against the examples that FIRST publishes with each version.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scoreOf, severityOf } from '../../../../server/vendor/core/cvss-score.ts';
import { isCvssVector } from '../../../../shared/schema/cvss.ts';

describe('a vector', () => {
  it.each([
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N', 6.1],
    ['CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N', 6.4],
    ['CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N', 3.1],
    ['CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H', 9.9],
    ['CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L', 4.2],
    ['CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N', 7.5],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N', 0],
    ['CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N', 7.3],
    ['CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N', 7.7],
    ['CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H', 10],
    ['CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N', 0],
  ])('%s scores %s', (vector, score) => {
    expect(scoreOf(vector).base).toBe(score);
  });

  it('scores less where nobody knows how to use the hole, and its base stays', () => {
    const vector = 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N';

    expect(scoreOf(vector)).toEqual({ base: 9.3, overall: 9.3 });
    expect(scoreOf(`${vector}/E:U`).base).toBe(9.3);
    expect(scoreOf(`${vector}/E:U`).overall).toBeLessThan(9.3);
  });

  it('that is one has a score', () => {
    const of = (name: string, values: string) =>
      fc.constantFrom(...values).map((value) => `/${name}:${value}`);
    const v31 = fc
      .tuple(of('AV', 'NALP'), of('AC', 'LH'), of('PR', 'NLH'), of('UI', 'NR'), of('S', 'UC'), of('C', 'HLN'))
      .chain((parts) =>
        fc.tuple(fc.constant(parts.join('')), of('I', 'HLN'), of('A', 'HLN'), of('E', 'XHFPU')),
      )
      .map((parts) => `CVSS:3.1${parts.join('')}`);
    fc.assert(
      fc.property(v31, (vector) => {
        expect(isCvssVector(vector)).toBe(true);
        const { base, overall } = scoreOf(vector);
        expect(base).toBeGreaterThanOrEqual(overall);
        expect(base).toBeLessThanOrEqual(10);
      }),
    );
  });
});

it.each([
  [0, null],
  [0.1, 'low'],
  [3.9, 'low'],
  [4, 'medium'],
  [6.9, 'medium'],
  [7, 'high'],
  [8.9, 'high'],
  [9, 'critical'],
  [10, 'critical'],
])('a score of %s is %s', (score, severity) => {
  expect(severityOf(score)).toBe(severity);
});
