// The order of versions of distributions, by the examples of their own documentation and tests.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareAlpine, compareDebian } from '../../../../server/vendor/core/sbom/package-versions.ts';

/** Each below the next. */
const DEBIAN = [
  ...['~~', '~~a', '~', '1.0~beta1~svn1245', '1.0~beta1', '1.0', '1.0-0.1', '1.0-1~deb12u1', '1.0-1'],
  ...['1.0-1+b1', '1.0-1+deb12u1', '1.0-2', '1.0-10', '1.0a', '1.0+git', '1.0.1', '1.2', '1.10', '9.9'],
  ...['10', '1:0.1', '1:1', '2:0'],
];
const ALPINE = [
  ...['0.1.0_alpha', '0.1.0_alpha2', '0.1.0_beta', '0.1.0_pre', '0.1.0_rc1', '0.1.0_rc2', '0.1.0'],
  ...['0.1.0_p1', '0.1.1', '1.0', '1.0-r1', '1.0-r10', '1.0a', '1.0b', '1.0.1', '1.2', '1.10', '2'],
];

describe.each([
  ['Debian', compareDebian, DEBIAN],
  ['Alpine', compareAlpine, ALPINE],
])('versions of %s', (_, order, versions) => {
  it('are in one order, each way round', () => {
    for (const [i, a] of versions.entries()) {
      for (const [j, b] of versions.entries()) {
        expect(Math.sign(order(a, b)), `${a} and ${b}`).toBe(Math.sign(i - j));
      }
    }
  });

  it('of any text have an order, each way round, or none, and end', () => {
    const odd = fc.string({ unit: fc.constantFrom(...'019.~+-:_abrp') });
    const text = fc.oneof(
      odd,
      odd.map((rest) => `1${rest}`),
      fc.string(),
    );
    fc.assert(
      fc.property(text, text, (a, b) => {
        const areVersions = [a, b].every((one) => order(one, one) === 0);
        const both = Math.sign(order(a, b)) + Math.sign(order(b, a));
        expect(both).toBe(areVersions ? 0 : Number.NaN);
      }),
    );
  });
});

it.each([
  ['1.0', '1.00'],
  ['1.0', '0:1.0'],
  ['1.0', '1.0-0'],
])('of Debian, %s and %s are the same', (a, b) => {
  expect(compareDebian(a, b)).toBe(0);
});

it.each([
  ['Debian', compareDebian, ['', 'unknown', '<unfixed>', '1_0', '1.0 ', 'a:1', '-1']],
  ['Alpine', compareAlpine, ['', 'edge', 'v1.0', '1.x', '1.0_new', '1.0-5', '1.0-r1.2', '1.0 ']],
])('what is no version of %s is neither below nor above one', (_, order, texts) => {
  for (const text of texts) {
    expect([order(text, '1.0'), order('1.0', text)], text).toEqual([Number.NaN, Number.NaN]);
  }
});
