// Releases by name, and what runs as a choice among them.
import { describe, expect, it } from 'vitest';
import { runningChoices } from '../../../shared/compile/running.ts';
import { parseRef } from '../../../shared/schema/release-ref.ts';
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
