// Offers and waves: who is offered a release, and when.
import { describe, expect, it } from 'vitest';
import { firstStop } from '../../../shared/compile/offers.ts';
import { reachedAt, wavePosition } from '../../../shared/compile/waves.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { componentNameOf, formatRef, refOf } from '../../../shared/schema/release-ref.ts';
import { type Rollout, rollout } from '../../../shared/schema/rollout.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { indexReleases, selectOffers } from '../../support/finished.ts';
import { compileInputOf, type Scenario } from '../../support/scenario.ts';

const INSTANCES = Array.from({ length: 5000 }, (_, i) => `instance-${i}`);

describe('waves', () => {
  it.each([1, 10, 50])('reach about %i percent of the instances', (percent) => {
    const canary = waves([
      { percent, after: 'PT0S' },
      { percent: 100, after: 'P1D' },
    ]);
    const start = instantMs(canary.start);

    const reached = INSTANCES.filter((instance) => reachedAt(canary, instance, {}) === start).length;

    const share = (reached / INSTANCES.length) * 100;
    expect(Math.abs(share - percent)).toBeLessThan(2.5);
  });

  it('only ever grow: who was offered a release stays offered', () => {
    const growing = waves([
      { percent: 10, after: 'PT0S' },
      { percent: 50, after: 'PT1H' },
      { percent: 100, after: 'P1D' },
    ]);
    const start = instantMs('2026-03-01T00:00:00Z');

    const times = INSTANCES.map(
      (instance) => [wavePosition('seed', instance), reachedAt(growing, instance, {})] as const,
    );

    for (const [position, at] of times) {
      expect(at).toBe(start + (position < 10 ? 0 : position < 50 ? 3_600_000 : 86_400_000));
    }
  });

  it('put an instance elsewhere for every seed', () => {
    const first = INSTANCES.filter((instance) => wavePosition('a', instance) < 1);

    const again = first.filter((instance) => wavePosition('b', instance) < 1);

    expect(first.length).toBeGreaterThan(20);
    expect(again.length).toBeLessThan(first.length / 4);
  });

  it('stand where they stood: the position is part of the format', () => {
    expect(wavePosition('CHG-42', '6f1c0d0e-0000-4000-8000-000000000001').toFixed(6)).toBe('47.180332');
  });
});

describe('offers', () => {
  it('of a parent include the floor of each range it ships, and nothing higher', () => {
    const scenario: Scenario = {
      releases: {
        'core@1.0.0': { ships: { auth: '~1.0.0', api: '1.1.0' } },
        'core/auth@1.0.0': { rollout: false },
        'core/auth@1.0.1': { rollout: false },
        'core/api@1.0.0': { rollout: false },
        'core/api@1.1.0': { rollout: false },
      },
    };

    expect(offered(scenario)).toEqual(['core/api@1.1.0', 'core/auth@1.0.0', 'core@1.0.0']);
  });

  it('count only rollouts of the digest that was released', () => {
    const input = compileInputOf({ releases: { 'core/auth@1.0.0': {} } });
    const [forged] = compileInputOf({ releases: { 'core/auth@1.0.0': { requires: { platform: '*' } } } })
      .catalog.rollouts;

    const offers = selectOffers(
      { ...input, catalog: { ...input.catalog, rollouts: forged === undefined ? [] : [forged] } },
      indexReleases(input.catalog.releases),
    );

    expect(offers.of('core/auth')).toEqual([]);
  });

  it('of another track are none', () => {
    const input = compileInputOf({ releases: { 'core/auth@1.0.0': {} } });

    const offers = selectOffers(
      { ...input, config: { ...input.config, track: 'candidate' } },
      indexReleases(input.catalog.releases),
    );

    expect(offers.of('core/auth')).toEqual([]);
  });

  it('of one release by two rollouts are open with the first of them', () => {
    const input = compileInputOf({ releases: { 'core/auth@1.0.0': { rollout: { after: 'P3D' } } } });
    const [later] = input.catalog.rollouts as [Rollout];
    const others: readonly Rollout[] = [
      { ...later, paused: true },
      { ...later, start: '2026-02-01T00:00:00Z' },
    ];
    const auth = (rollouts: readonly Rollout[]) =>
      selectOffers(
        { ...input, catalog: { ...input.catalog, rollouts } },
        indexReleases(input.catalog.releases),
      ).of('core/auth').length;

    expect(auth([later])).toBe(0);
    for (const other of others) expect(auth([later, other])).toBe(auth([other, later]));
    expect(others.map((other) => auth([later, other]))).toEqual([0, 1]);
  });

  it('withhold for the same reason, whatever order the rollouts are listed in', () => {
    const input = compileInputOf({
      releases: {
        'core@1.0.0': { ships: { auth: '1.0.0' }, rollout: 'paused' },
        'core@1.1.0': { ships: { auth: '1.0.0' }, rollout: { after: 'P3D' } },
        'core@1.2.0': { ships: { auth: '1.0.0' }, rollout: { after: 'P4D' } },
        'core/auth@1.0.0': { rollout: false },
      },
    });
    const { rollouts } = input.catalog;
    const orders = rollouts.flatMap((first) => {
      const [second, third] = rollouts.filter((one) => one !== first);
      return [
        [first, second, third],
        [first, third, second],
      ];
    });

    const withheld = orders.map((order) => {
      const catalog = { ...input.catalog, rollouts: order as Rollout[] };
      return [...selectOffers({ ...input, catalog }, indexReleases(catalog.releases)).withheld];
    });

    expect(rollouts).toHaveLength(3);
    expect(withheld).toEqual(orders.map(() => withheld[0]));
  });

  it('heed a halt that a slow clock takes for a future one', () => {
    const input = compileInputOf({
      now: '2026-02-28T00:00:00Z',
      releases: { 'core/auth@1.0.0': {} },
      runs: ['core/auth@1.0.0'],
      halts: { 'core/auth@1.0.0': '2026-03-03T00:00:00Z' },
    });

    expect(selectOffers(input, indexReleases(input.catalog.releases)).of('core/auth')).toEqual([]);
  });
});

describe('what is not offered yet', () => {
  const SHIPPED: Scenario['releases'] = {
    'core@1.0.0': { ships: { auth: '1.0.0', api: '1.0.0' } },
    'core/auth@1.0.0': { rollout: false },
    'core/api@1.0.0': { rollout: false },
  };
  const withheld = (scenario: Scenario) => {
    const input = compileInputOf(scenario);
    const offers = selectOffers(input, indexReleases(input.catalog.releases));
    return [...offers.withheld.values()]
      .map(({ component, version, why }) => `${component} ${version} ${why.kind}`)
      .sort();
  };
  const core = (rollout: NonNullable<Scenario['releases'][string]['rollout']>) => ({
    ...SHIPPED,
    'core@1.0.0': { ...SHIPPED['core@1.0.0'], rollout },
  });

  it.each<[string, Scenario, readonly string[], readonly string[]]>([
    [
      'a parent whose wave comes later, with what it ships',
      { releases: core({ after: 'P9D' }) },
      [],
      ['core 1.0.0 wave', 'core/api 1.0.0 wave', 'core/auth 1.0.0 wave'],
    ],
    [
      'a paused parent, with what it ships',
      { releases: core('paused') },
      [],
      ['core 1.0.0 paused', 'core/api 1.0.0 paused', 'core/auth 1.0.0 paused'],
    ],
    [
      'a halted parent, with what it ships',
      { releases: SHIPPED, halts: { 'core@1.0.0': '2026-03-04T00:00:00Z' } },
      [],
      ['core 1.0.0 halted', 'core/api 1.0.0 halted', 'core/auth 1.0.0 halted'],
    ],
    [
      'one halted part of a parent',
      { releases: SHIPPED, halts: { 'core/api@1.0.0': '2026-03-04T00:00:00Z' } },
      ['core/auth@1.0.0', 'core@1.0.0'],
      ['core/api 1.0.0 halted'],
    ],
    [
      'one that failed here',
      { releases: SHIPPED, quarantined: ['core/api@1.0.0'] },
      ['core/auth@1.0.0', 'core@1.0.0'],
      ['core/api 1.0.0 quarantined'],
    ],
    [
      'one that failed here and is halted as well',
      {
        releases: SHIPPED,
        quarantined: ['core/api@1.0.0'],
        halts: { 'core/api@1.0.0': '2026-03-04T00:00:00Z' },
      },
      ['core/auth@1.0.0', 'core@1.0.0'],
      ['core/api 1.0.0 quarantined'],
    ],
    [
      'nothing of a parent that was taken back, for it is offered no more',
      { releases: core('withdrawn') },
      [],
      [],
    ],
    [
      'nothing that another rollout offers by itself',
      { releases: { ...core('paused'), 'core/auth@1.0.0': {} } },
      ['core/auth@1.0.0'],
      ['core 1.0.0 paused', 'core/api 1.0.0 paused'],
    ],
    [
      'nothing that runs, though its own wave comes later',
      { releases: core({ after: 'P9D' }), runs: ['core@1.0.0'] },
      ['core/api@1.0.0', 'core/auth@1.0.0', 'core@1.0.0'],
      [],
    ],
  ])('is %s', (_what, scenario, offers, rest) => {
    expect(offered(scenario)).toEqual(offers);
    expect(withheld(scenario)).toEqual(rest);
  });

  it('tells when a halt ends and why it was', () => {
    const input = compileInputOf({ releases: SHIPPED, halts: { 'core@1.0.0': '2026-03-04T00:00:00Z' } });
    const [why] = [...selectOffers(input, indexReleases(input.catalog.releases)).withheld.values()].map(
      (one) => one.why,
    );

    expect(why).toEqual({
      kind: 'halted',
      reason: 'errors in the first wave',
      until: instantMs('2026-03-04T00:00:00Z'),
    });
  });

  it.each([
    ['a second before its wave', '2026-03-03T23:59:59Z', []],
    ['in its moment', '2026-03-04T00:00:00Z', ['core/auth@1.0.0']],
  ])('or is, %s', (_when, now, offers) => {
    expect(offered({ now, releases: { 'core/auth@1.0.0': { rollout: { after: 'P3D' } } } })).toEqual(offers);
  });
});

describe('a required stop', () => {
  const stop = (version: string, rollout: NonNullable<Scenario['releases'][string]['rollout']> = false) => ({
    [`core/auth@${version}`]: { requiredStop: true, rollout },
  });
  const ENDS: Scenario['releases'] = { 'core/auth@1.0.0': { rollout: false }, 'core/auth@3.0.0': {} };

  it.each<[string, Scenario['releases'], readonly string[], readonly string[]]>([
    [
      'on the way to what is on offer is on offer',
      { ...ENDS, ...stop('2.0.0') },
      ['core/auth@1.0.0'],
      ['core/auth@2.0.0', 'core/auth@3.0.0'],
    ],
    [
      'is the lowest of several',
      { ...ENDS, ...stop('2.0.0'), ...stop('1.5.0') },
      ['core/auth@1.0.0'],
      ['core/auth@1.5.0', 'core/auth@3.0.0'],
    ],
    [
      'that is passed already is none',
      { ...ENDS, ...stop('1.0.0') },
      ['core/auth@1.0.0'],
      ['core/auth@3.0.0'],
    ],
    [
      'that was taken back is none',
      { ...ENDS, ...stop('2.0.0', 'withdrawn') },
      ['core/auth@1.0.0'],
      ['core/auth@3.0.0'],
    ],
    [
      'above what is on offer leads nowhere yet',
      { ...ENDS, ...stop('4.0.0') },
      ['core/auth@1.0.0'],
      ['core/auth@3.0.0'],
    ],
    ['binds nobody who has nothing', { ...ENDS, ...stop('2.0.0') }, [], ['core/auth@3.0.0']],
  ])('%s', (_what, releases, runs, offers) => {
    expect(offered({ releases, runs })).toEqual(offers);
  });

  it('is looked for above a version, not at it', () => {
    const { catalog } = compileInputOf({
      releases: { ...stop('1.0.0'), ...stop('2.0.0'), 'core/auth@1.5.0': {} },
    });
    const index = indexReleases(catalog.releases).of('core/auth');
    const above = (version: string, withdrawn: readonly string[] = []) =>
      firstStop(index, parseVersion(version), new Set(withdrawn))?.document.version;

    expect(['0.9.0', '1.0.0', '1.9.0', '2.0.0'].map((version) => above(version))).toEqual([
      '1.0.0',
      '2.0.0',
      '2.0.0',
      undefined,
    ]);
    expect(
      above(
        '0.9.0',
        index.filter(({ document }) => document.version === '1.0.0').map(({ digest }) => digest),
      ),
    ).toBe('2.0.0');
  });
});

function offered(scenario: Scenario): readonly string[] {
  const input = compileInputOf(scenario);
  const { isOffered } = selectOffers(input, indexReleases(input.catalog.releases));
  return input.catalog.releases
    .filter(({ document, digest }) => isOffered(componentNameOf(refOf(document)), document.version, digest))
    .map(({ document }) => formatRef(refOf(document)))
    .sort();
}

function waves(list: readonly { readonly percent: number; readonly after: string }[]): Rollout {
  return rollout.parse({
    schema: 'fairlead/rollout@1',
    release: { kind: 'capability', suite: 'core', name: 'auth', version: '1.0.0' },
    digest: `sha256:${'0'.repeat(64)}`,
    track: 'stable',
    seed: 'seed',
    start: '2026-03-01T00:00:00Z',
    waves: list,
  });
}
