// An advisory about a package is one about the releases that have it inside, by their bills.
import { describe, expect, it } from 'vitest';
import {
  entriesOf,
  hitsOf,
  type InsidePackage,
  packageOf,
} from '../../../../server/vendor/core/osv-ecosystems.ts';
import { importOsv } from '../../../../server/vendor/core/osv-import.ts';
import { type JudgedRelease, judgeBill, offeredOf } from '../../../../server/vendor/core/osv-inside.ts';
import type { OsvRecord } from '../../../../server/vendor/core/osv-record.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { Release } from '../../../../shared/schema/release.ts';
import type { Rollout } from '../../../../shared/schema/rollout.ts';
import type { Sbom, SbomComponent } from '../../../../shared/schema/sbom.ts';
import type { Version } from '../../../../shared/version/version.ts';

const packageAt = (purl: string) => packageOf({ type: 'library', name: 'x', purl } as SbomComponent);
const AUTH = 'core/auth' as ComponentKey;

describe('a package of a bill', () => {
  it.each<[string, InsidePackage | null]>([
    [
      'pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl',
      { type: 'deb', name: 'openssl', version: '3.0.11-1~deb12u2', distribution: 'debian', release: '12' },
    ],
    [
      'pkg:deb/debian/g%2B%2B-12@1:12.2.0-14%2Bdeb12u1?distro=debian-12&upstream=gcc-12%4012.2.0-14',
      { type: 'deb', name: 'gcc-12', version: '12.2.0-14', distribution: 'debian', release: '12' },
    ],
    // As other tools leave it.
    [
      'pkg:deb/debian/g++@4:12.2.0-3+x?distro=debian-12',
      { type: 'deb', name: 'g++', version: '4:12.2.0-3+x', distribution: 'debian', release: '12' },
    ],
    [
      'pkg:npm/%40acme/core@2.0.1',
      { type: 'npm', name: '@acme/core', version: '2.0.1', distribution: '', release: '' },
    ],
    // Its distribution from the namespace, or nobody knows which release of it.
    [
      'pkg:apk/alpine/busybox@1.36.1-r15?distro=3.18.4',
      { type: 'apk', name: 'busybox', version: '1.36.1-r15', distribution: 'alpine', release: '3.18.4' },
    ],
    [
      'pkg:deb/debian/bash@5.2?distro=trixie',
      { type: 'deb', name: 'bash', version: '5.2', distribution: 'debian', release: '' },
    ],
    ['pkg:npm/left', { type: 'npm', name: 'left', version: null, distribution: '', release: '' }],
    ['pkg:npm/left@?a=b', { type: 'npm', name: 'left', version: null, distribution: '', release: '' }],
    ['pkg:npm//left/@1', { type: 'npm', name: 'left', version: '1', distribution: '', release: '' }],
    ['pkg:npm//@1', null],
    ['pkg:npm/left@%E0%A4%A', null],
    ['pkg:npm/%E0%A4%A@1', null],
    ['left', null],
  ])('%s', (purl, expected) => {
    expect(packageAt(purl)).toEqual(expected);
  });
});

describe('an entry', () => {
  const openssl = 'pkg:deb/debian/libssl3@3.0.11-1~deb12u2?distro=debian-12&upstream=openssl';
  const point = openssl.replace('debian-12', 'debian-12.4');
  const testing = openssl.replace('debian-12', 'debian');
  const libcrypto = 'pkg:apk/alpine/libcrypto3@3.1.4-r5?distro=alpine-3.18.4&upstream=openssl';
  const bare = libcrypto.replace('alpine-', '');
  const edge = libcrypto.replace('3.18.4', '3.19_alpha20230901');
  const jammy = 'pkg:deb/ubuntu/openssl@3.0.2-0ubuntu1?distro=ubuntu-22.04';
  const core = 'pkg:npm/%40acme/core@2.0.1';

  it.each<[string, string, string, 'hit' | 'none' | 'unknown']>([
    ['Debian:12', 'openssl', openssl, 'hit'],
    ['Debian', 'openssl', openssl, 'hit'],
    ['Debian:11', 'openssl', openssl, 'none'],
    ['Debian:12', 'libssl3', openssl, 'none'],
    ['Debian:12', 'openssl', point, 'hit'],
    ['Debian:11', 'openssl', point, 'none'],
    ['Debian:12', 'openssl', testing, 'unknown'],
    ['Debian', 'openssl', testing, 'hit'],
    ['Ubuntu', 'openssl', openssl, 'none'],
    ['Ubuntu:22.04:LTS', 'openssl', jammy, 'hit'],
    ['Ubuntu:Pro:22.04:LTS', 'openssl', jammy, 'none'],
    ['Alpine:v3.18', 'openssl', libcrypto, 'hit'],
    ['Alpine:v3.18', 'openssl', bare, 'hit'],
    ['Alpine:v3.19', 'openssl', libcrypto, 'none'],
    ['Alpine:v3.19', 'openssl', edge, 'unknown'],
    ['npm', '@acme/core', core, 'hit'],
    ['npm', 'core', core, 'none'],
    ['constructor', 'openssl', openssl, 'none'],
  ])('about %s:%s, %s', (ecosystem, name, purl, expected) => {
    const ranges = [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }];
    const found = packageAt(purl);
    const { hits, isKnown } = hitsOf(
      entriesOf({ affected: [{ package: { ecosystem, name }, ranges }] }),
      found as InsidePackage,
    );

    expect(hits.length > 0 ? 'hit' : isKnown ? 'none' : 'unknown').toBe(expected);
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
    const one = { type: 'deb', name: 'openssl', version, distribution: 'debian', release: '12' };

    expect(hitsOf(entriesOf({ affected: [{ ...named, ...entry }] }), one)).toMatchObject({
      ...{ hits: expected ? [{}] : [], isKnown: true },
    });
  });

  const sinceOne = range({ introduced: '1.0.0' }, { fixed: '2.0.0' });
  it.each<[string, string, string, object, 'hit' | 'none' | 'unknown']>([
    ['a version that npm has not', 'npm', 'pkg:npm/a@1.5', sinceOne, 'unknown'],
    ['one of them that is listed', 'npm', 'pkg:npm/a@1.5', { versions: ['1.5'] }, 'hit'],
    ['one of them where others are listed', 'npm', 'pkg:npm/a@1.5', { versions: ['1.6'] }, 'none'],
    [
      'one of them from the first on',
      'npm',
      'pkg:npm/a@1.5',
      range({ introduced: '0' }, { fixed: '2.0.0' }),
      'hit',
    ],
    ['a beginning that npm has not', 'npm', 'pkg:npm/a@1.6.0', range({ introduced: '1.5' }), 'unknown'],
    [
      'an end that npm has not',
      'npm',
      'pkg:npm/a@1.6.0',
      range({ introduced: '1.0.0' }, { fixed: '1.7' }),
      'unknown',
    ],
    [
      'one range of two',
      'npm',
      'pkg:npm/a@1.6.0',
      { ranges: [...range({ introduced: '1.5' }).ranges, ...sinceOne.ranges] },
      'hit',
    ],
    ['no version', 'npm', 'pkg:npm/a', sinceOne, 'unknown'],
    ['no version, of another package', 'npm', 'pkg:npm/b', sinceOne, 'none'],
    ['no version, of another distribution', 'Ubuntu', 'pkg:deb/debian/a?distro=debian-12', sinceOne, 'none'],
    [
      'a version that Alpine has not',
      'Alpine:v3.18',
      'pkg:apk/alpine/a@edge?distro=alpine-3.18',
      sinceOne,
      'unknown',
    ],
    ['one of another release', 'Alpine:v3.17', 'pkg:apk/alpine/a@edge?distro=alpine-3.18', sinceOne, 'none'],
    [
      'a version that Debian has not',
      'Debian:12',
      'pkg:deb/debian/a@unknown?distro=debian-12',
      sinceOne,
      'unknown',
    ],
  ])('is about %s', (_, ecosystem, purl, entry, expected) => {
    const entries = entriesOf({ affected: [{ package: { ecosystem, name: 'a' }, ...entry }] });
    const { hits, isKnown } = hitsOf(entries, packageAt(purl) as InsidePackage);

    expect(hits.length > 0 ? 'hit' : isKnown ? 'none' : 'unknown').toBe(expected);
  });
});

describe('of a bill all is known', () => {
  const image = (more: object) => ({ type: 'container', 'bom-ref': 'db', name: 'db', ...more });
  const inside = { components: [{ type: 'library', name: 'a', purl: 'pkg:npm/a@1.0.0' }] };
  const said = (value: string) => ({ properties: [{ name: 'fairlead:packages', value }] });
  const lacking = (...assemblies: readonly string[]) => ({ aggregate: 'incomplete', assemblies });
  const tree = (aggregate: string) => ({ aggregate, dependencies: ['root'] });
  const beside = { components: [image(inside), ...inside.components] };

  it.each<[string, object, boolean]>([
    ['of a tree', { components: inside.components, compositions: [{ aggregate: 'complete' }] }, true],
    ['of a tree with more than is listed', { ...inside, compositions: [tree('incomplete')] }, false],
    [
      'with an image whose packages are listed',
      { ...beside, compositions: [tree('complete'), lacking('db')] },
      true,
    ],
    [
      'of a tree with more, and an image',
      { ...beside, compositions: [tree('incomplete'), lacking('db')] },
      false,
    ],
    [
      'of a tree with more, said beside an image',
      { ...beside, compositions: [lacking('db', 'root')] },
      false,
    ],
    [
      'of a tree with more, whose dependencies are said of beside an image',
      { ...beside, compositions: [{ ...lacking('db'), dependencies: ['root'] }] },
      false,
    ],
    [
      'of a library with more, beside an image',
      {
        components: [image(inside), { ...inside.components[0], 'bom-ref': 'a' }],
        compositions: [lacking('a')],
      },
      false,
    ],
    ['with more, and nobody says of what', { ...beside, compositions: [{ aggregate: 'incomplete' }] }, false],
    ['of its own parts alone', { ...beside, compositions: [tree('incomplete_first_party_only')] }, false],
    [
      'with an image of which nothing is known',
      { ...beside, compositions: [{ aggregate: 'unknown', assemblies: ['db'] }] },
      false,
    ],
    [
      'made before packages in images were listed',
      { components: [image({})], compositions: [lacking('db')] },
      false,
    ],
    [
      'with a library without an address',
      { components: [{ type: 'library', name: 'a', version: '1.0.0' }] },
      false,
    ],
    [
      'with a library whose address cannot be read',
      { components: [{ type: 'library', name: 'a', purl: 'a' }] },
      false,
    ],
    [
      'with something whose address cannot be read',
      { components: [{ type: 'application', name: 'a', purl: 'a' }] },
      false,
    ],
    [
      'with a file and an application',
      {
        components: [
          { type: 'file', name: 'a' },
          { type: 'application', name: 'b' },
        ],
      },
      true,
    ],
    [
      'with a package without a version',
      { components: [{ type: 'library', name: 'a', purl: 'pkg:npm/b' }] },
      true,
    ],
    [
      'with a list of which not all was read',
      { components: [image({ ...inside, ...said('unknown: rpm') })] },
      false,
    ],
    ['with a list that was read', { components: [image({ ...inside, ...said('by dpkg') })] }, true],
    [
      'that says of something that it is unknown',
      { ...inside, compositions: [{ aggregate: 'unknown' }] },
      false,
    ],
    [
      'with a package of which nobody says for what it is made',
      { components: [{ type: 'library', name: 'a', purl: 'pkg:deb/debian/a@1' }] },
      false,
    ],
  ])('%s: %s', (_, bill, expected) => {
    const ranges = [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }];
    const entries = entriesOf({ affected: [{ package: { ecosystem: 'Debian:12', name: 'a' }, ranges }] });

    expect(judgeBill(entries, bill as Sbom)).toEqual({ hits: [], isKnown: expected });
  });
});

const entryOf = (ecosystem: string, name: string, ...events: object[]) => ({
  package: { ecosystem, name },
  ranges: [{ type: 'ECOSYSTEM', events }],
});
const libraryAt = (purl: string) => ({ type: 'library', name: 'x', purl });
const debianAt = (release: number, version: string) =>
  libraryAt(`pkg:deb/debian/openssl@${version}?distro=debian-${release}`);

/** By version: what is inside, or null where nobody knows; offered unless it says that it is not. */
function imported(
  affected: readonly object[],
  releases: Readonly<Record<string, readonly object[] | null>>,
  unoffered: readonly string[] = [],
) {
  const record = { id: 'GHSA-1', affected } as unknown as OsvRecord;
  const judged = Object.entries(releases).map(([version, inside]): JudgedRelease => {
    const judgement =
      inside === null
        ? { hits: [], isKnown: false }
        : judgeBill(entriesOf(record), { components: inside } as unknown as Sbom);
    return {
      component: AUTH,
      version: version as Version,
      isOffered: !unoffered.includes(version),
      ...judgement,
    };
  });
  const {
    affected: ranges,
    fixed,
    leftOut,
  } = importOsv(record, { file: 'a test', packages: [], releases: judged });
  return {
    affected: ranges.map(({ versions }) => versions),
    fixed: fixed.map(({ version }) => version),
    leftOut,
  };
}

describe('a record', () => {
  const foo = (version: string) => [libraryAt(`pkg:npm/foo@${version}`)];
  const ghsa = [
    entryOf('npm', 'foo', { introduced: '1.0.0' }, { fixed: '1.2.5' }),
    entryOf('npm', 'foo', { introduced: '2.0.0' }, { fixed: '2.1.0' }),
  ];
  const debian = [
    entryOf('Debian:11', 'openssl', { introduced: '0' }, { fixed: '1.1.1w' }),
    entryOf('Debian:12', 'openssl', { introduced: '0' }, { fixed: '3.0.13' }),
  ];

  it('with an entry for each range is fixed by what none of them calls affected', () => {
    expect(imported(ghsa, { '1.0.0': foo('1.2.0'), '1.1.0': foo('2.0.5'), '1.2.0': foo('2.1.1') })).toEqual({
      ...{ affected: ['>=1.0.0 <=1.1.0'], fixed: ['1.2.0'], leftOut: [] },
    });
  });

  it('is not fixed by a package without a version, nor by one that cannot be ordered', () => {
    const dark = (purl: string) => imported(ghsa, { '1.0.0': foo('1.0.0'), '1.1.0': [libraryAt(purl)] });

    for (const purl of ['pkg:npm/foo', 'pkg:npm/foo@3.0', 'pkg:npm/foo@file:../foo']) {
      expect(dark(purl), purl).toMatchObject({ affected: ['>=1.0.0 <=1.1.0'], fixed: [] });
    }
  });

  it('about two images is not fixed by mending one', () => {
    const both = (first: string, second: string) => [debianAt(11, first), debianAt(12, second)];
    const releases = {
      ...{ '1.0.0': both('1.1.1n', '3.0.11'), '1.1.0': both('1.1.1w', '3.0.11') },
      '1.2.0': both('1.1.1w', '3.0.13'),
    };

    expect(imported(debian, releases)).toMatchObject({ affected: ['>=1.0.0 <=1.1.0'], fixed: ['1.2.0'] });
  });

  it('is fixed by another base, and by one without the package, where all of it is known', () => {
    const releases = { '1.0.0': [debianAt(11, '1.1.1n')], '1.1.0': [debianAt(12, '3.0.13')], '1.2.0': [] };

    expect(imported(debian, releases)).toMatchObject({ affected: ['1.0.0'], fixed: ['1.1.0', '1.2.0'] });
  });

  it('is not fixed by a release of which not all is known: that counts as affected, and is said', () => {
    const releases = {
      ...{ '1.0.0': null, '1.1.0': [], '1.2.0': null, '1.3.0': foo('1.0.0'), '1.4.0': null },
      ...{ '1.5.0': foo('1.0.0'), '1.6.0': null, '1.7.0': foo('1.2.5'), '1.8.0': null },
    };

    expect(imported(ghsa, releases)).toEqual({
      affected: ['>=1.2.0 <=1.6.0 || 1.8.0'],
      fixed: ['1.7.0'],
      leftOut: [
        expect.stringMatching(/^what is inside of 1 release of which not all is known$/),
        expect.stringMatching(/4 releases .*affected.*core\/auth@1.2.0, .*core\/auth@1.8.0$/),
      ],
    });
  });

  it('that no release is known to have inside says of how many that is not known', () => {
    expect(() => imported(ghsa, { '1.0.0': foo('3.0.0'), '1.1.0': null })).toThrow(
      /of 1 release not all is known/,
    );
  });

  it('names every later release that is offered, and no candidate to whoever runs a release', () => {
    const releases = {
      ...{ '1.0.0-rc.1': foo('1.0.0'), '1.0.0-rc.2': foo('1.2.5'), '1.0.0': foo('1.0.0') },
      ...{ '1.1.0-rc.1': foo('1.2.5'), '1.1.0': foo('1.2.5'), '1.2.0': foo('1.2.5'), '2.0.0': foo('1.2.5') },
    };

    expect(imported(ghsa, releases, ['1.1.0'])).toEqual({
      ...{ affected: ['1.0.0-rc.1 || 1.0.0'], fixed: ['1.0.0-rc.2', '1.2.0', '2.0.0'], leftOut: [] },
    });
  });

  it('says which releases it did not take for a fix, where none is', () => {
    const releases = { '1.0.0': foo('1.0.0'), '1.1.0-rc.1': foo('1.2.5'), '1.1.0': foo('1.2.5') };

    expect(imported(ghsa, releases, ['1.1.0'])).toMatchObject({
      fixed: [],
      leftOut: [expect.stringMatching(/core\/auth@1.1.0-rc.1, core\/auth@1.1.0; give --fixed/)],
    });
  });

  it('has no more fixes than an advisory, the newest and the nearest among them', () => {
    const later = Array.from({ length: 250 }, (_, i) => [`1.${i + 1}.0`, foo('1.2.5')] as const);
    const { fixed, leftOut } = imported(ghsa, { '1.0.0': foo('1.0.0'), ...Object.fromEntries(later) });

    expect([fixed.length, fixed[0], fixed.at(-1)]).toEqual([200, '1.1.0', '1.250.0']);
    expect(leftOut).toEqual(['50 fixed versions beyond 200']);
  });
});

it('is offered what has a rollout, and what that ships, unless it was withdrawn', () => {
  const auth = (version: string) => ({
    schema: 'fairlead/capability@1',
    suite: 'core',
    name: 'auth',
    version,
  });
  const releases = [
    ...['1.0.0', '1.0.1', '1.1.0', '1.2.0', '1.3.0'].map(auth),
    { schema: 'fairlead/suite@1', name: 'core', version: '1.0.0', capabilities: { auth: '~1.1.0' } },
    { schema: 'fairlead/suite@1', name: 'core', version: '2.0.0', capabilities: { auth: '1.3.0' } },
    { schema: 'fairlead/platform@1', version: '3.0.0', suites: { core: '1.0.0' } },
  ] as unknown as Release[];
  const rollout = (release: object, withdrawn = false) => ({ release, withdrawn }) as Rollout;
  const ref = (version: string) => ({ kind: 'capability', suite: 'core', name: 'auth', version });
  const platform = rollout({ kind: 'platform', version: '3.0.0' });

  const offered = offeredOf(releases, [platform, rollout(ref('1.0.0')), rollout(ref('1.2.0'), true)]);
  const without = offeredOf(releases, [platform, rollout(ref('1.1.0'), true)]);

  expect([...offered].filter((one) => one.startsWith('core/')).toSorted()).toEqual([
    'core/auth@1.0.0',
    'core/auth@1.1.0',
  ]);
  expect([...without].filter((one) => one.startsWith('core/'))).toEqual([]);
});
