// An advisory about a package is one about the releases that have it inside, by their bills.
import { describe, expect, it } from 'vitest';
import {
  findInside,
  type InsidePackage,
  isAbout,
  isAffected,
  packageOf,
  type ReleaseContents,
} from '../../../../server/vendor/core/osv-inside.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { SbomComponent } from '../../../../shared/schema/sbom.ts';
import { rangesOf } from '../../../../shared/version/intervals.ts';
import type { Version } from '../../../../shared/version/version.ts';

const packageAt = (purl: string) => packageOf({ type: 'library', name: 'x', purl } as SbomComponent);
const AUTH = 'core/auth' as ComponentKey;

describe('a package of a bill', () => {
  it.each<[string, InsidePackage | null]>([
    [
      'pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl',
      { type: 'deb', name: 'openssl', version: '3.0.11-1~deb12u2', distro: 'debian-12' },
    ],
    [
      'pkg:deb/debian/g%2B%2B-12@1:12.2.0-14%2Bdeb12u1?distro=debian-12&upstream=gcc-12%4012.2.0-14',
      { type: 'deb', name: 'gcc-12', version: '12.2.0-14', distro: 'debian-12' },
    ],
    // As other tools leave it.
    [
      'pkg:deb/debian/g++@4:12.2.0-3+x?distro=debian-12',
      { type: 'deb', name: 'g++', version: '4:12.2.0-3+x', distro: 'debian-12' },
    ],
    ['pkg:npm/%40acme/core@2.0.1', { type: 'npm', name: '@acme/core', version: '2.0.1', distro: '' }],
    ['pkg:npm/left', null],
    ['pkg:npm/%E0%A4%A@1', null],
    ['left', null],
  ])('%s', (purl, expected) => {
    expect(packageAt(purl)).toEqual(expected);
  });
});

describe('an entry', () => {
  const openssl = packageAt('pkg:deb/debian/libssl3@3.0.11-1~deb12u2?distro=debian-12&upstream=openssl');
  const libcrypto = packageAt('pkg:apk/alpine/libcrypto3@3.1.4-r5?distro=alpine-3.18.4&upstream=openssl');
  const core = packageAt('pkg:npm/%40acme/core@2.0.1');

  it.each<[string, string, InsidePackage | null, boolean]>([
    ['Debian:12', 'openssl', openssl, true],
    ['Debian', 'openssl', openssl, true],
    ['Debian:11', 'openssl', openssl, false],
    ['Debian:12', 'libssl3', openssl, false],
    ['Ubuntu', 'openssl', openssl, false],
    ['Alpine:v3.18', 'openssl', libcrypto, true],
    ['Alpine:v3.19', 'openssl', libcrypto, false],
    ['npm', '@acme/core', core, true],
    ['npm', 'core', core, false],
    ['constructor', 'openssl', openssl, false],
  ])('about %s:%s', (ecosystem, name, one, expected) => {
    expect(one !== null && isAbout({ package: { ecosystem, name } }, one)).toBe(expected);
  });

  const range = (...events: object[]) => ({ ranges: [{ type: 'ECOSYSTEM', events }] });
  it.each<[string, object, string, boolean]>([
    ['below its fix', range({ introduced: '0' }, { fixed: '3.0.13-1~deb12u1' }), '3.0.11-1~deb12u2', true],
    ['its fix itself', range({ introduced: '0' }, { fixed: '3.0.13-1~deb12u1' }), '3.0.13-1~deb12u1', false],
    ['before it came', range({ introduced: '3.0.12' }), '3.0.11-1', false],
    ['the last', range({ introduced: '0' }, { last_affected: '3.0.11-1' }), '3.0.11-1', true],
    ['after the last', range({ introduced: '0' }, { last_affected: '3.0.11-1' }), '3.0.11-1+b1', false],
    ['again', range({ introduced: '0' }, { fixed: '1' }, { introduced: '3' }), '3.0.11-1', true],
    ['above a limit', range({ introduced: '0' }, { limit: '3' }), '3.0.11-1', false],
    ['listed', { versions: ['3.0.11-1'] }, '3.0.11-1', true],
    ['of commits alone', { ranges: [{ type: 'GIT', events: [{ introduced: '0' }] }] }, '3.0.11-1', false],
  ])('is about a version, %s', (_, entry, version, expected) => {
    const named = { package: { ecosystem: 'Debian:12', name: 'openssl' } };
    const one = { type: 'deb', name: 'openssl', version, distro: 'debian-12' };

    expect(isAffected({ ...named, ...entry } as Parameters<typeof isAffected>[0], one)).toBe(expected);
  });
});

it('is about releases in a row, and fixed by the first that is known to have another version', () => {
  const entry = {
    package: { ecosystem: 'Debian:12', name: 'openssl' },
    ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '2' }, { fixed: '3' }] }],
  };
  const releases = (...all: (readonly [string, string | null])[]): ReleaseContents[] =>
    all.map(([version, inside]) => ({
      component: AUTH,
      version: version as Version,
      packages:
        inside === null
          ? null
          : inside === ''
            ? []
            : [{ type: 'deb', name: 'openssl', version: inside, distro: 'debian-12' }],
    }));

  const found = findInside(
    entry,
    releases(
      ...([
        ['1.10.0', '2.5'],
        ['1.0.0', '1'],
        ['1.2.0', '2.1'],
        ['1.1.0', '2'],
        ['1.3.0', null],
        ['1.4.0', '2.2'],
        ['1.11.0', ''],
        ['1.12.0', '3'],
        ['1.13.0', '3'],
      ] as const),
    ),
  ).get(AUTH);

  // The one between, of which nothing is known, and whatever came of it, is in neither.
  expect(rangesOf(found?.affected ?? [])).toEqual(['>=1.1.0 <=1.2.0 || >=1.4.0 <=1.10.0']);
  expect(found?.fixed).toEqual(['1.12.0']);
  expect(findInside(entry, releases(['1.0.0', '3'], ['1.1.0', null])).size).toBe(0);
});
