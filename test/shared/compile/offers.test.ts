// Offers and waves: who is offered a release, and when.
import { describe, expect, it } from 'vitest';
import { offeredAt, selectOffers, wavePosition } from '../../../shared/compile/offers.ts';
import { indexReleases } from '../../../shared/compile/releases.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { formatRef, refOf } from '../../../shared/schema/release-ref.ts';
import { type Rollout, rollout } from '../../../shared/schema/rollout.ts';
import { compileInputOf, type Scenario } from '../../support/scenario.ts';

const INSTANCES = Array.from({ length: 5000 }, (_, i) => `instance-${i}`);

describe('waves', () => {
  it.each([1, 10, 50])('reach about %i percent of the instances', (percent) => {
    const canary = waves([
      { percent, after: 'PT0S' },
      { percent: 100, after: 'P1D' },
    ]);
    const start = instantMs(canary.start);

    const reached = INSTANCES.filter((instance) => offeredAt(canary, instance) === start).length;

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
      (instance) => [wavePosition('seed', instance), offeredAt(growing, instance)] as const,
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

    expect([...offers.offered]).toEqual([]);
  });

  it('of another track are none', () => {
    const input = compileInputOf({ releases: { 'core/auth@1.0.0': {} } });

    const offers = selectOffers(
      { ...input, config: { ...input.config, track: 'candidate' } },
      indexReleases(input.catalog.releases),
    );

    expect([...offers.offered]).toEqual([]);
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

    expect([...selectOffers(input, indexReleases(input.catalog.releases)).offered]).toEqual([]);
  });
});

function offered(scenario: Scenario): readonly string[] {
  const input = compileInputOf(scenario);
  const { offered: digests } = selectOffers(input, indexReleases(input.catalog.releases));
  return input.catalog.releases
    .filter((release) => digests.has(release.digest))
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
