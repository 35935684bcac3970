// Releases by name, and what runs as a choice among them.
import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { runningChoices } from '../../../shared/compile/running.ts';
import { componentNameOf, parseRef, refOf } from '../../../shared/schema/release-ref.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { indexReleases } from '../../support/finished.ts';
import { buildRelease, compileInputOf } from '../../support/scenario.ts';

const releaseOf = (text: string, spec: object = {}) => buildRelease(parseRef(text), spec);

describe('an index of releases', () => {
  const [old, middle, newest] = ['1.9.0', '1.10.0-rc.1', '1.10.0'].map((version) =>
    releaseOf(`core/auth@${version}`),
  );
  const index = indexReleases([old!, newest!, releaseOf('platform@1.0.0'), middle!, releaseOf('core@1.0.0')]);

  it('has each component once, by name, its releases newest first', () => {
    expect(index.components).toEqual(['core', 'core/auth', 'platform']);
    expect(index.of('core/auth')).toEqual([newest, middle, old]);
    expect(index.of('core/api')).toEqual([]);
  });

  it('finds a version of a component, and none that is not there', () => {
    const find = (component: string, version: string) => index.find(component, parseVersion(version));

    expect(find('core/auth', '1.10.0')).toBe(newest);
    expect([find('core/auth', '1.0.0'), find('core/api', '1.10.0')]).toEqual([undefined, undefined]);
  });

  it('has one release of a version, the same in whatever order two of them were listed', () => {
    const twin = releaseOf('core/auth@1.9.0', { requires: { platform: '*' } });
    const kept = [old!, twin].toSorted((a, b) => (a.digest < b.digest ? -1 : 1))[0];

    for (const order of [
      [old!, twin, newest!],
      [newest!, twin, old!],
    ]) {
      const both = indexReleases(order);
      expect(both.of('core/auth')).toEqual([newest, kept]);
      expect(both.find('core/auth', parseVersion('1.9.0'))).toBe(kept);
    }
  });
});

describe('an index of any releases', () => {
  const part = fc.constantFrom('0', '1', '2', '10', '262144');
  const version = fc
    .tuple(fc.tuple(part, part, part), fc.constantFrom('', '', '', '-rc.1'))
    .map(([core, pre]) => `${core.join('.')}${pre}`);
  const text = fc
    .tuple(fc.constantFrom('core/auth', 'core/api', 'core', 'other', 'platform'), version)
    .map(([component, of]) => `${component}@${of}`);

  it('has the order and the finds of semver, whatever is mixed, and a place for each side by side', () => {
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 40 }), (texts) => {
        const releases = texts.map((one) => releaseOf(one));
        const index = indexReleases(releases);

        for (const component of ['core/auth', 'core/api', 'core', 'other', 'platform']) {
          const own = releases.filter(({ document }) => componentNameOf(refOf(document)) === component);
          const newest = own.toSorted((a, b) => semver.rcompare(a.document.version, b.document.version));
          expect(index.of(component)).toEqual(newest);
          const [start = -1, ...rest] = newest.map(({ document }) =>
            index.positionOf(component, document.version),
          );
          expect(rest).toEqual(rest.map((_, i) => start + i + 1));
          expect(index.all.slice(start, start + newest.length)).toEqual(start < 0 ? [] : newest);
          expect(index.find(component, parseVersion('3.0.0'))).toBeUndefined();
          expect(index.find(component, parseVersion('1.0.0-rc.2'))).toBeUndefined();
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('what runs', () => {
  const releases = { 'platform@1.0.0': {}, 'core@1.0.0': {}, 'core/auth@1.0.0': {}, 'core/api@1.0.0': {} };
  const runs = Object.keys(releases);
  const { current, catalog } = compileInputOf({ releases, runs });
  const choices = (listed: typeof catalog.releases, target = current) =>
    [...runningChoices(target, indexReleases(listed))].map(([name, { version, digest, release }]) => [
      name,
      version,
      release?.digest === digest ? 'known' : release,
    ]);

  it('is nothing on an empty instance', () => {
    expect(choices(catalog.releases, null)).toEqual([]);
    expect(choices(catalog.releases, compileInputOf({ releases, runs: [] }).current)).toEqual([]);
  });

  it('is the platform, then suites, then capabilities, each with its release', () => {
    expect(choices(catalog.releases)).toEqual([
      ['platform', '1.0.0', 'known'],
      ['core', '1.0.0', 'known'],
      ['core/api', '1.0.0', 'known'],
      ['core/auth', '1.0.0', 'known'],
    ]);
  });

  it('is known by what was kept beside it where the catalog lists it no more, or lists other bytes', () => {
    const forged = releaseOf('core/auth@1.0.0', { requires: { platform: '*' } });

    for (const listed of [[], [forged]]) {
      expect(choices(listed)).toEqual([
        ['platform', '1.0.0', null],
        ['core', '1.0.0', null],
        ['core/api', '1.0.0', 'known'],
        ['core/auth', '1.0.0', 'known'],
      ]);
      expect(choices(listed, { ...current!, releases: new Map() }).map(([, , release]) => release)).toEqual([
        null,
        null,
        null,
        null,
      ]);
    }
  });
});
