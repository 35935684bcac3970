// Versions: one spelling, one order, ranges as semver means them.
import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import {
  compareVersions,
  majorOf,
  minorOf,
  newest,
  parseRange,
  parseVersion,
  satisfies,
} from '../../../shared/version/version.ts';
import { codeOf } from '../../support/error-code.ts';

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

  it('finds the newest, and nothing in nothing', () => {
    const versions = ['1.9.0', '1.10.0', '1.10.0-rc.1'].map(parseVersion);
    expect(newest(versions)).toBe('1.10.0');
    expect(newest([])).toBeUndefined();
  });

  it('takes a version apart', () => {
    const version = parseVersion('4.7.1-rc.1');
    expect([majorOf(version), minorOf(version)]).toEqual([4, 7]);
  });
});
