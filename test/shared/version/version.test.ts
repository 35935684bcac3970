// Versions: one spelling, one order, ranges as semver means them.
import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import {
  compareVersions,
  covers,
  floorOf,
  isAbove,
  isBelow,
  majorOf,
  minorOf,
  newest,
  parseRange,
  parseVersion,
  satisfies,
} from '../../../shared/version/version.ts';
import { codeOf, refusalOf } from '../../support/error-code.ts';

const anyVersion = fc
  .tuple(fc.nat(50), fc.nat(50), fc.nat(50), fc.option(fc.constantFrom('alpha', 'beta.2', '0.3')))
  .map(([a, b, c, pre]) => parseVersion(`${a}.${b}.${c}${pre === null ? '' : `-${pre}`}`));

describe('versions', () => {
  it.each(['v1.2.3', '1.2', '01.2.3', '1.2.3+build', ' 1.2.3', '', '1.2.3-01'])('refuses "%s"', (text) => {
    expect(codeOf(() => parseVersion(text))).toBe('version/invalid');
  });

  it('orders as semver does, with equality only for the same version', () => {
    fc.assert(
      fc.property(anyVersion, anyVersion, (a, b) => {
        expect(Math.sign(compareVersions(a, b))).toBe(semver.compare(a, b));
        expect(compareVersions(a, b) === 0).toBe(a === b);
      }),
    );
  });

  it('takes ranges as semver does', () => {
    const ranges = ['~1.2', '^2.0.0', '1.x', '>=3.1.0 <4', '1.2.3'].map(parseRange);
    fc.assert(
      fc.property(anyVersion, fc.constantFrom(...ranges), (version, range) => {
        expect(satisfies(version, range)).toBe(semver.satisfies(version, range));
      }),
    );
  });

  it.each(['one', '>>1', 'latest', 'x'.repeat(300)])('refuses the range "%s"', (text) => {
    expect(codeOf(() => parseRange(text))).toBe('version/invalid-range');
  });

  it('takes a range of 256 characters, and none of one more', () => {
    const range = (length: number) => `1.0.0 || 2.0.0${' '.repeat(length - 14)}`;

    expect(parseRange(range(256))).toBe(range(256));
    expect(codeOf(() => parseRange(range(257)))).toBe('version/invalid-range');
  });

  it('says in its refusal what was written', () => {
    expect(refusalOf(() => parseVersion('v1')).data).toEqual({ value: 'v1' });
    expect(refusalOf(() => parseRange('one')).data).toEqual({ value: 'one' });
  });

  it.each([
    ['<1.0.1', '1.0.1-beta.1', true],
    ['<1.0.1', '1.0.1', false],
    ['>=1.0.0 <2.0.0', '1.5.0-rc.1', true],
    ['~1.0', '1.1.0-0', false],
  ])('%s covers %s: %s', (range, version, covered) => {
    expect(covers(parseRange(range), parseVersion(version))).toBe(covered);
  });

  it('finds the newest, and nothing in nothing', () => {
    const versions = ['1.9.0', '1.10.0', '1.10.0-rc.1'].map(parseVersion);
    expect(newest(versions)).toBe('1.10.0');
    expect(newest(versions.toReversed())).toBe('1.10.0');
    expect(newest([])).toBeUndefined();
  });

  it('takes a version apart', () => {
    const version = parseVersion('4.7.1-rc.1');
    expect([majorOf(version), minorOf(version)]).toEqual([4, 7]);
  });
});

describe('above and below a range', () => {
  /** Every version around the bounds that ranges here are made of, and what comes right after each. */
  const TAILS = ['', '-0', '-alpha', '-alpha.0', '-alpha.1', '-alpha.1.0', '-beta', '-beta.0'];
  const numbers = [0, 1, 2, 3, 4];
  const GRID = numbers.flatMap((major) =>
    numbers.flatMap((minor) =>
      numbers.flatMap((patch) => TAILS.map((tail) => parseVersion(`${major}.${minor}.${patch}${tail}`))),
    ),
  );
  const bound = fc
    .tuple(...[2, 2, 2].map((max) => fc.nat({ max })), fc.constantFrom('', '', '-alpha', '-alpha.1', '-beta'))
    .map(([a, b, c, tail]) => `${a}.${b}.${c}${tail}`);
  const comparator = fc
    .tuple(fc.constantFrom('>', '>=', '<', '<=', '=', '^', '~', ''), bound)
    .map((parts) => parts.join(''));
  const loose = fc.constantFrom('*', '1.x', '2', '1.1.x', '~1', '^0.1', '1.0.0 - 2', '<0.0.0-0');
  const part = fc.oneof(
    loose,
    fc.array(comparator, { minLength: 1, maxLength: 2 }).map((all) => all.join(' ')),
  );
  const range = fc.array(part, { minLength: 1, maxLength: 2 }).map((all) => parseRange(all.join(' || ')));

  it('mean above and below everything it admits, whatever it is', () => {
    fc.assert(
      fc.property(range, fc.constantFrom(...GRID.filter((v) => !v.startsWith('4'))), (of, version) => {
        const admitted = GRID.filter((one) => satisfies(one, of));
        const isAny = admitted.length > 0;

        expect([isAbove(version, of), isBelow(version, of)]).toEqual([
          isAny && admitted.every((one) => compareVersions(version, one) > 0),
          isAny && admitted.every((one) => compareVersions(version, one) < 0),
        ]);
        expect(isAbove(version, of) && isBelow(version, of)).toBe(false);
      }),
      { numRuns: 1500 },
    );
  });

  it.each([
    ['1.0.0', '^1.0.0', false, false],
    ['0.9.9', '^1.0.0', false, true],
    ['1.5.0-beta.1', '^1.0.0', false, false],
    ['2.0.0-alpha', '^1.0.0', true, false],
    ['2.0.0', '^1.0.0 || ^3.0.0', false, false],
    ['4.0.0', '^1.0.0 || ^3.0.0', true, false],
    ['1.0.0', '>2.0.0 <1.0.0', false, false],
    ['1.0.0-alpha', '*', false, false],
    ['0.0.0-alpha', '*', false, true],
    ['2.0.0-alpha', '>=1.0.0 <2.0.0', true, false],
  ])('%s and %s', (version, of, above, below) => {
    expect([
      isAbove(parseVersion(version), parseRange(of)),
      isBelow(parseVersion(version), parseRange(of)),
    ]).toEqual([above, below]);
  });

  it('begin at the lowest version that is admitted', () => {
    fc.assert(
      fc.property(range, (of) => {
        const floor = floorOf(of);
        const admitted = GRID.filter((one) => satisfies(one, of));

        expect(floor === null).toBe(admitted.length === 0);
        if (floor === null) return;
        expect(satisfies(floor, of)).toBe(true);
        expect(admitted.every((one) => compareVersions(floor, one) <= 0)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
