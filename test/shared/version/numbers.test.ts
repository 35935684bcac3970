// Versions and ranges by number: the same answers as semver gives, whatever is written.
import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { numberOf, stretchesOf } from '../../../shared/version/numbers.ts';
import {
  compareVersions,
  isRange,
  parseRange,
  parseVersion,
  satisfies,
} from '../../../shared/version/version.ts';

/** Near each other, and at the edge of what a number has room for. */
const part = fc.oneof(fc.nat(3), fc.constantFrom(2 ** 17 - 1, 2 ** 17, 2 ** 18 - 1, 2 ** 18, 20_261_129));
const triple = fc.tuple(part, part, part).map((parts) => parts.join('.'));
const version = fc
  .tuple(triple, fc.constantFrom('', '', '', '-0', '-rc', '-rc.1'))
  .map(([core, pre]) => `${core}${pre}`);
const bound = fc
  .tuple(fc.constantFrom('', '=', '>', '>=', '<', '<=', '~', '^'), version)
  .map(([operator, text]) => `${operator}${text}`);
const loose = fc.constantFrom('*', '1.x', '~1', '^0', '1.2', '1.0.0 - 2.1.0', '<0.0.0-0', '>=0.0.0');
const range = fc
  .array(
    fc.oneof(
      fc.array(bound, { minLength: 1, maxLength: 3 }).map((all) => all.join(' ')),
      loose,
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((all) => all.join(' || '))
  .filter(isRange);

describe('versions and ranges by number', () => {
  it('are in the order that semver has them in', () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(compareVersions(parseVersion(a), parseVersion(b))).toBe(semver.compare(a, b));
      }),
      { numRuns: 1_000 },
    );
  });

  it('admit what semver says', () => {
    fc.assert(
      fc.property(range, version, (text, one) => {
        expect(satisfies(parseVersion(one), parseRange(text))).toBe(semver.satisfies(one, text));
      }),
      { numRuns: 3_000 },
    );
  });

  it('have a number where there is room for it, and none for a pre-release', () => {
    const numberIn = numberOf;

    expect([numberIn('0.0.0'), numberIn('0.0.7'), numberIn('0.1.0')]).toEqual([0, 7, 2 ** 18]);
    expect(Number.isSafeInteger(numberIn('131071.262143.262143'))).toBe(true);
    expect(['1.0.0-0', '131072.0.0', '0.262144.0', '0.0.262144'].map(numberIn)).toEqual(Array(4).fill(null));
    expect(stretchesOf(new semver.Range('1.0.262144'))).toBeNull();
    const only = stretchesOf(new semver.Range('>=2 <1 || >1.0.0-rc <=1.0.0'));
    expect([0, 1, 2].map((i) => only?.holds(2 ** 36 - 1 + i))).toEqual([false, true, false]);
  });
});
