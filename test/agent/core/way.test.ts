// The way to one release: the deployments that lead there, and everything that stands between.

import { describe, expect, it } from 'vitest';
import { conclude } from '../../../agent/core/conclude.ts';
import { findWay } from '../../../agent/core/way.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { componentNameOf, parseRef } from '../../../shared/schema/release-ref.ts';
import { codeOf } from '../../support/error-code.ts';
import { factsOf } from '../../support/facts.ts';
import { movesOf, type Scenario } from '../../support/scenario.ts';

function wayTo(target: string, scenario: Scenario) {
  const { outcome, hops, blockers } = findWay(factsOf(scenario), parseRef(target));
  return {
    outcome,
    hops: hops.map(({ plan }) => movesOf(plan)),
    blockers: blockers.map(({ code }) => code),
    clearWith: blockers.flatMap(({ clearWith }) => clearWith ?? []),
  };
}

const TWO = { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': {}, 'core/auth@1.2.0': {} };
const RUNS = ['core/auth@1.0.0'];

describe('the way to a release', () => {
  it('is nothing where it runs', () => {
    const way = wayTo('core/auth@1.0.0', { releases: TWO, runs: RUNS });

    expect(way).toMatchObject({ outcome: 'runs', hops: [], blockers: [] });
  });

  it('is the offer itself where that leads there', () => {
    const way = wayTo('core/auth@1.2.0', { releases: TWO, runs: RUNS, policy: { channel: 'auto' } });

    expect(way).toEqual({
      outcome: 'reachable',
      hops: [['core/auth 1.0.0 → 1.2.0']],
      blockers: [],
      clearWith: [],
    });
  });

  it('names the reasons of the policy with the commands that clear them', () => {
    const way = wayTo('core/auth@1.2.0', { releases: TWO, runs: RUNS, policy: { channel: 'frozen' } });

    expect(way).toMatchObject({ outcome: 'reachable', blockers: ['channel-frozen'] });
    expect(way.clearWith).toEqual(['fairlead apply --reason "why"']);
  });

  it('asks for a pin where the offer leads past it, and below what runs', () => {
    const between = wayTo('core/auth@1.1.0', { releases: TWO, runs: RUNS, policy: { channel: 'auto' } });
    const below = wayTo('core/auth@1.0.0', {
      releases: TWO,
      runs: ['core/auth@1.2.0'],
      policy: { channel: 'auto' },
    });

    expect(between).toMatchObject({ hops: [['core/auth 1.0.0 → 1.1.0']], blockers: ['pin-needed'] });
    expect(between.clearWith).toEqual(['fairlead pin add core/auth 1.1.0 --reason "why"']);
    expect(below).toMatchObject({ hops: [['core/auth 1.2.0 → 1.0.0']], blockers: ['pin-needed'] });
  });

  it('goes through required stops, one deployment after the other', () => {
    const releases = { ...TWO, 'core/auth@1.1.0': { requiredStop: true } };

    expect(wayTo('core/auth@1.2.0', { releases, runs: RUNS, policy: { channel: 'auto' } })).toMatchObject({
      outcome: 'reachable',
      hops: [['core/auth 1.0.0 → 1.1.0'], ['core/auth 1.1.0 → 1.2.0']],
      blockers: [],
    });
  });

  it('takes a forced patch first', () => {
    const advisories = { 'FL-1': { affected: { 'core/auth': '<1.1.0' }, fixed: ['core/auth@1.1.0'] } };

    expect(
      wayTo('core/auth@1.2.0', { releases: TWO, runs: RUNS, advisories, policy: { channel: 'auto' } }),
    ).toMatchObject({
      outcome: 'reachable',
      hops: [['core/auth 1.0.0 → 1.1.0'], ['core/auth 1.1.0 → 1.2.0']],
    });
  });

  it.each([
    ['a later wave', { rollout: { after: 'P30D' } }, 'rollout-wave'],
    ['a paused rollout', { rollout: 'paused' }, 'rollout-paused'],
    ['no rollout', { rollout: false }, 'not-offered'],
    ['a withdrawn one', { rollout: 'withdrawn' }, 'withdrawn'],
  ] as const)('shows what would be done behind %s', (_what, spec, code) => {
    const releases = { ...TWO, 'core/auth@1.2.0': spec };

    expect(wayTo('core/auth@1.2.0', { releases, runs: RUNS, policy: { channel: 'auto' } })).toMatchObject({
      outcome: 'reachable',
      hops: [['core/auth 1.0.0 → 1.2.0']],
      blockers: [code],
    });
  });

  it('names the halt and the quarantine', () => {
    const policy = { channel: 'auto' };
    const halts = { 'core/auth@1.2.0': '2026-03-04T00:00:00Z' };
    const quarantined = ['core/auth@1.2.0'];
    const releases = { ...TWO, 'core/auth@1.2.0': { rollout: 'withdrawn' } } as const;

    expect(wayTo('core/auth@1.2.0', { releases: TWO, runs: RUNS, policy, halts }).blockers).toEqual([
      'rollout-halted',
    ]);
    expect(wayTo('core/auth@1.2.0', { releases: TWO, runs: RUNS, policy, quarantined }).clearWith).toEqual([
      'fairlead quarantine lift core/auth --reason "why"',
    ]);
    expect(wayTo('core/auth@1.2.0', { releases, runs: RUNS, policy, halts, quarantined }).blockers).toEqual([
      'withdrawn',
      'rollout-halted',
      'quarantined',
    ]);
  });

  it('names its own pin, and those of others, as few as must go', () => {
    const releases = {
      ...TWO,
      'core/auth@1.2.0': { requires: { 'core/api': '^2.0.0' } },
      'core/api@1.0.0': {},
      'core/api@2.0.0': {},
      'core/log@1.0.0': {},
    };
    const pins = { 'core/auth': '1.0.0', 'core/api': '1.0.0', 'core/log': '1.0.0' };
    const runs = ['core/auth@1.0.0', 'core/api@1.0.0', 'core/log@1.0.0'];

    const way = wayTo('core/auth@1.2.0', { releases, runs, pins, policy: { channel: 'auto' } });

    expect(way).toMatchObject({
      outcome: 'reachable',
      hops: [['core/api 1.0.0 → 2.0.0', 'core/auth 1.0.0 → 1.2.0']],
    });
    expect(way.clearWith).toEqual([
      'fairlead pin add core/auth 1.2.0 --reason "why"',
      'fairlead pin remove core/api --reason "why"',
    ]);
  });

  it('reaches a platform with all it ships', () => {
    const releases = {
      'core/auth@1.0.0': { rollout: false },
      'core/auth@1.1.0': { rollout: false },
      'core@1.0.0': { ships: { auth: '1.0.0' }, rollout: false },
      'core@1.1.0': { ships: { auth: '1.1.0' }, rollout: false },
      'platform@1.0.0': { ships: { core: '1.0.0' } },
      'platform@2.0.0': { ships: { core: '1.1.0' }, rollout: false },
    };
    const runs = ['platform@1.0.0', 'core@1.0.0', 'core/auth@1.0.0'];

    expect(wayTo('platform@2.0.0', { releases, runs, policy: { channel: 'auto' } })).toMatchObject({
      outcome: 'reachable',
      hops: [['core/auth 1.0.0 → 1.1.0']],
      blockers: ['not-offered'],
    });
  });
});

describe('where nothing leads there', () => {
  it.each([
    [
      'requirements',
      { releases: { ...TWO, 'core/auth@1.2.0': { requires: { 'core/api': '^2.0.0' } } }, runs: RUNS },
      'requirements-conflict',
    ],
    [
      'a version that may not be left',
      {
        releases: { ...TWO, 'core/auth@1.2.0': { reversible: 'no' } },
        runs: ['core/auth@1.2.0'],
        target: 'core/auth@1.0.0',
      },
      'not-reversible',
    ],
    [
      'a component that is switched off',
      { releases: TWO, suites: { core: { enabled: false } } },
      'not-enabled',
    ],
    [
      'a critical advisory',
      {
        releases: TWO,
        runs: ['core/auth@1.2.0'],
        target: 'core/auth@1.0.0',
        advisories: { 'FL-1': { affected: { 'core/auth': '<1.1.0' }, fixed: ['core/auth@1.1.0'] } },
      },
      'target-exposed',
    ],
  ] as const)(
    'says why: %s',
    (_what, { target = 'core/auth@1.2.0', ...scenario }: Scenario & { target?: string }, code) => {
      const way = wayTo(target, { policy: { channel: 'auto' }, ...scenario });

      expect(way).toMatchObject({ outcome: 'none', hops: [] });
      expect(way.blockers).toContain(code);
      expect(way.clearWith.join()).not.toMatch(/fairlead pin/);
    },
  );

  it('refuses a release nobody published', () => {
    expect(codeOf(() => wayTo('core/auth@9.0.0', { releases: TWO, runs: RUNS }))).toBe(
      'plan/no-such-release',
    );
    expect(codeOf(() => wayTo('nobody@1.0.0', { releases: TWO, runs: RUNS }))).toBe('plan/no-such-release');
  });
});

describe('following the advice', () => {
  it.each([
    ['a pin', 'core/auth@1.1.0', { releases: TWO, runs: RUNS }],
    ['a pin downwards', 'core/auth@1.0.0', { releases: TWO, runs: ['core/auth@1.2.0'] }],
    [
      'a pin in place of another',
      'core/auth@1.1.0',
      { releases: TWO, runs: RUNS, pins: { 'core/auth': '1.0.0' } },
    ],
    [
      'a pin on channel manual',
      'core/auth@1.1.0',
      { releases: TWO, runs: RUNS, policy: { channel: 'manual' } },
    ],
  ] as const)('leads to exactly the plan that was shown: %s', (_name, target, scenario) => {
    const ref = parseRef(target);
    const shown = findWay(factsOf(scenario), ref).hops[0]?.plan;
    const component = componentNameOf(ref);

    const { offer } = conclude(factsOf({ ...scenario, pins: { [component]: ref.version } }), null);

    expect(shown).toBeDefined();
    expect(digestOfValue(offer?.plan ?? null)).toBe(digestOfValue(shown ?? null));
  });
});
