// The way to one release: the deployments that lead there, and everything that stands between.

import { describe, expect, it } from 'vitest';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { componentNameOf, parseRef } from '../../../shared/schema/release-ref.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';
import { factsOf } from '../../support/facts.ts';
import { conclude, findWay } from '../../support/finished.ts';
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
/** A platform that ships a suite that ships a capability, each in two versions; the platforms alone are on offer. */
const SHIPPED = {
  releases: {
    'core/auth@1.0.0': { rollout: false },
    'core/auth@1.1.0': { rollout: false },
    'core@1.0.0': { ships: { auth: '1.0.0' }, rollout: false },
    'core@1.1.0': { ships: { auth: '1.1.0' }, rollout: false },
    'platform@1.0.0': { ships: { core: '1.0.0' } },
    'platform@2.0.0': { ships: { core: '1.1.0' } },
  },
  runs: ['platform@1.0.0', 'core@1.0.0', 'core/auth@1.0.0'],
} satisfies Scenario;

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

  it('counts what one deployment brings as here for the next', () => {
    const releases = { ...TWO, 'core/auth@1.1.0': { requiredStop: true }, 'core/api@1.1.0': {} };
    const scenario: Scenario = { releases, runs: RUNS, policy: { channel: 'auto' } };
    const { hops } = findWay(factsOf(scenario), parseRef('core/auth@1.2.0'));
    const [first = 0, second = 0] = hops.map(({ forecast }) => forecast.bytes);

    expect(hops.map(({ target }) => target.releases.size)).toEqual([2, 2]);
    expect(first).toBe(2 * second);
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
    const releases = { ...SHIPPED.releases, 'platform@2.0.0': { ships: { core: '1.1.0' }, rollout: false } };
    const { runs } = SHIPPED;

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

describe('what is said of the way', () => {
  const said = (target: string, scenario: Scenario) =>
    findWay(factsOf(scenario), parseRef(target)).blockers.map(({ code, message, source }) => ({
      code,
      message,
      source,
    }));
  const known = (target: string, releases: Scenario['releases']) =>
    dataOf(
      refusalOf(() => findWay(factsOf({ releases }), parseRef(target))),
      'plan/no-such-release',
    );

  it('names the versions that there are, the newest first, and no more than anybody reads', () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`core/auth@1.${i}.0`, {}]));

    expect(known('core/auth@9.0.0', TWO)).toEqual({
      target: 'core/auth@9.0.0',
      known: expect.stringMatching(/^versions are 1\.\d\.0, 1\.\d\.0, 1\.\d\.0$/),
    });
    expect(known('core/auth@9.0.0', many).known.split(', ')).toHaveLength(10);
  });

  it('names the components that there are where nobody knows that one, and that there are none', () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`core/c${i}@1.0.0`, {}]));

    expect(known('core/mail@1.0.0', { ...TWO, 'core/api@1.0.0': {} }).known).toMatch(
      /^components are core.a(?:pi|uth), core.a(?:pi|uth)$/,
    );
    expect(known('core/mail@1.0.0', many).known.split(', ')).toHaveLength(10);
    expect(known('core/mail@1.0.0', {}).known).toBe('components are none');
  });

  it.each<[string, string, Scenario, object]>([
    [
      'no rollout of its track brings it',
      'core/auth@1.2.0',
      {
        releases: { ...TWO, 'core/auth@1.2.0': { rollout: false } },
        runs: RUNS,
        policy: { channel: 'auto' },
      },
      {
        ...{ code: 'not-offered', message: 'no rollout offers core/auth 1.2.0 on track stable' },
        source: 'the rollouts of track stable',
      },
    ],
    [
      'the vendor took it back',
      'core/auth@1.2.0',
      {
        releases: { ...TWO, 'core/auth@1.2.0': { rollout: 'withdrawn' } },
        runs: RUNS,
        policy: { channel: 'auto' },
      },
      {
        ...{ code: 'withdrawn', message: 'the vendor has withdrawn core/auth 1.2.0' },
        source: 'the rollouts of track stable',
      },
    ],
    [
      'what is on offer leads past it',
      'core/auth@1.1.0',
      { releases: TWO, runs: RUNS, policy: { channel: 'auto' } },
      {
        ...{ code: 'pin-needed', source: 'policy pins' },
        message: 'what is on offer leads elsewhere: core/auth comes to 1.1.0 by a pin',
      },
    ],
    [
      'a pin of its own keeps it',
      'core/auth@1.1.0',
      { releases: TWO, runs: RUNS, pins: { 'core/auth': '1.0.0' }, policy: { channel: 'auto' } },
      {
        ...{ code: 'pin-needed', source: 'policy pins' },
        message: expect.stringMatching(/^core.auth is pinned at 1\.0\.0 by .+: .+/),
      },
    ],
    [
      'it is switched off',
      'core/auth@1.2.0',
      {
        releases: TWO,
        suites: { core: { capabilities: { auth: { enabled: false } } } },
        policy: { channel: 'auto' },
      },
      {
        ...{ code: 'not-enabled', message: 'core/auth is switched off here' },
        source: 'the instance configuration',
      },
    ],
    [
      'what runs may not be left',
      'core/auth@1.0.0',
      {
        releases: { ...TWO, 'core/auth@1.2.0': { reversible: 'no' } },
        ...{ runs: ['core/auth@1.2.0'], policy: { channel: 'auto' } },
      },
      {
        ...{ code: 'not-reversible', source: 'the release manifest' },
        message: 'core/auth 1.2.0 may not be left for an older version',
      },
    ],
    [
      'it has a hole',
      'core/auth@1.0.0',
      {
        ...{ releases: TWO, runs: ['core/auth@1.2.0'], policy: { channel: 'auto' } },
        advisories: { 'FL-1': { affected: { 'core/auth': '<1.1.0' }, fixed: ['core/auth@1.1.0'] } },
      },
      {
        ...{ code: 'target-exposed', source: 'FL-1' },
        message: 'FL-1 affects core/auth 1.0.0: the instance is forced off it',
      },
    ],
  ])('says what and where: %s', (_what, target, scenario, blocker) => {
    expect(said(target, scenario)).toContainEqual(blocker);
  });

  it('says each thing once, though two deployments on the way meet it', () => {
    const releases = { ...TWO, 'core/auth@1.1.0': { requiredStop: true } };
    const way = wayTo('core/auth@1.2.0', { releases, runs: RUNS, policy: { channel: 'frozen' } });

    expect(way.hops).toHaveLength(2);
    expect(way.blockers).toEqual(['channel-frozen']);
  });

  it('says nothing of an advisory that is withdrawn, lesser, or about others', () => {
    const affected = { 'core/auth': '<1.1.0' };
    const advisories = {
      'FL-1': { affected, fixed: ['core/auth@1.1.0'], withdrawn: true },
      'FL-2': { affected, fixed: ['core/auth@1.1.0'], severity: 'high' },
      'FL-3': { affected: { 'core/api': '<1.1.0' }, fixed: ['core/api@1.1.0'] },
    };
    const way = wayTo('core/auth@1.0.0', {
      ...{ releases: { ...TWO, 'core/auth@1.0.0': { requires: { 'core/api': '1.0.0' } } }, advisories },
      ...{ runs: ['core/auth@1.2.0'], policy: { channel: 'auto' } },
    });

    expect(way.outcome).toBe('none');
    expect(way.blockers).not.toContain('target-exposed');
  });

  it('leads nowhere where the policy cannot be read, and says that', () => {
    const facts = {
      ...factsOf({ releases: TWO, runs: RUNS }),
      policy: { kind: 'unreadable', problem: 'no JSON' },
    };

    const { outcome, blockers } = findWay(facts as never, parseRef('core/auth@1.1.0'));

    expect([outcome, blockers.map(({ code }) => code)]).toEqual([
      'none',
      expect.arrayContaining(['policy-unreadable']),
    ]);
  });
});

describe('a way up by suites and platforms', () => {
  const { releases, runs } = SHIPPED;
  const policy = { channel: 'auto' };

  it.each([
    ['core@1.1.0', 'reachable'],
    ['core@1.0.0', 'runs'],
    ['platform@1.0.0', 'runs'],
    ['platform@2.0.0', 'reachable'],
    ['core/auth@1.1.0', 'reachable'],
  ])('%s: %s', (target, outcome) => {
    expect(wayTo(target, { releases, runs, policy }).outcome).toBe(outcome);
  });

  it('of a suite that is switched off is none', () => {
    const suites = { core: { enabled: false } };

    expect(wayTo('core@1.1.0', { releases, policy, suites })).toMatchObject({
      ...{ outcome: 'none', blockers: expect.arrayContaining(['not-enabled']) },
    });
    expect(wayTo('platform@2.0.0', { releases, policy, suites }).blockers).not.toContain('not-enabled');
  });
});
