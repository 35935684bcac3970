// Compile: origins, what is reported beside the target, and limits.
import { describe, expect, it } from 'vitest';
import type { CompileResult } from '../../../shared/compile/target.ts';
import { deploymentManifest } from '../../../shared/schema/deployment.ts';
import { compile, compileEmergency, solve } from '../../support/finished.ts';
import { compileInputOf, type Scenario } from '../../support/scenario.ts';

const FIX = { 'FL-2026-0003': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] } };
const LAYERS: Scenario['releases'] = {
  'platform@1.0.0': { ships: { core: '1.0.0' } },
  'core@1.0.0': { ships: { auth: '1.0.0' } },
  'core/auth@1.0.0': {},
  'core/auth@1.0.1': {},
};

describe('the manifest', () => {
  it('matches its schema and is sorted', () => {
    const result = compiled({
      releases: { ...LAYERS, 'core/zone@1.0.0': {}, 'app/web@1.0.0': {} },
      suites: { core: { capabilities: { zone: {} } }, app: {} },
    });

    expect(deploymentManifest.parse(result.target.manifest)).toEqual(result.target.manifest);
    expect(result.target.manifest.components.map((one) => one.component)).toEqual([
      'app/web',
      'core/auth',
      'core/zone',
    ]);
    expect([...result.target.releases.keys()].sort()).toEqual(['app/web', 'core/auth', 'core/zone']);
  });

  it.each([
    { name: 'the newest on offer', scenario: {}, origin: 'latest' },
    { name: 'a capability pin', scenario: { pins: { 'core/auth': '1.0.1' } }, origin: 'pin:capability' },
    { name: 'a suite pin', scenario: { pins: { core: '1.0.0' } }, origin: 'pin:suite' },
    { name: 'a platform pin', scenario: { pins: { platform: '1.0.0' } }, origin: 'pin:platform' },
    { name: 'an advisory', scenario: { advisories: FIX }, origin: 'forced:FL-2026-0003' },
    {
      name: 'an advisory over a pin',
      scenario: { advisories: FIX, pins: { 'core/auth': '1.0.0' } },
      origin: 'forced:FL-2026-0003',
    },
    {
      name: 'nothing on offer',
      scenario: { releases: {}, runs: ['core/auth@1.0.0'] },
      origin: 'unchanged',
    },
    {
      name: 'an advisory of an earlier deployment',
      scenario: { releases: {}, runs: ['core/auth@1.0.1 forced:FL-2026-0003'] },
      origin: 'forced:FL-2026-0003',
    },
  ])('says a version came from $name', ({ scenario, origin }) => {
    const result = compiled({ releases: LAYERS, ...scenario });

    expect(result.target.manifest.components[0]?.origin).toBe(origin);
  });

  it('does not hang on names that objects inherit', () => {
    const result = compiled({
      releases: { 'constructor/prototype@1.0.0': {}, 'core/auth@1.0.0': {} },
      suites: { core: {} },
    });

    expect(result.target.manifest.components.map((one) => one.component)).toEqual(['core/auth']);
  });

  it('keeps what runs when the catalog has the same version with other bytes', () => {
    const result = compiled({
      releases: { 'core/auth@1.0.0': { requires: { platform: '*' } } },
      runs: ['core/auth@1.0.0'],
    });
    const input = compileInputOf({ releases: { 'core/auth@1.0.0': {} }, runs: ['core/auth@1.0.0'] });
    const forged = compileInputOf({ releases: { 'core/auth@1.0.0': { requires: { 'core/auth': '*' } } } });

    const again = compile({ ...input, catalog: forged.catalog });

    expect(result.kind).toBe('conflict');
    expect(again.kind === 'compiled' && again.target.manifest.components).toMatchObject([
      { release: input.current?.manifest.components[0]?.release, origin: 'unchanged' },
    ]);
  });
});

describe('pins', () => {
  it('are each reported with their state', () => {
    const result = compiled({
      releases: LAYERS,
      pins: {
        'core/auth': '1.0.0',
        'app/web': '1.0.0',
        core: { version: '1.0.0', expires: '2026-03-01T00:00:00Z' },
        platform: '1.0.0',
      },
      advisories: FIX,
    });

    expect(result.pins.map(({ pin, state, by }) => [pin.level, state, ...by])).toEqual([
      ['capability', 'unmatched'],
      ['suite', 'expired'],
      ['capability', 'overridden', 'FL-2026-0003'],
      ['platform', 'active'],
    ]);
  });

  it('stay overridden while the advisory that forced what runs is open', () => {
    const scenario = {
      releases: { 'core/auth@1.0.0': { rollout: 'withdrawn' }, 'core/auth@1.0.1': {} },
      runs: ['core/auth@1.0.1 forced:FL-2026-0003'],
      pins: { 'core/auth': '1.0.0' },
      advisories: FIX,
    } as const;

    const result = compiled(scenario);

    expect(result.pins).toMatchObject([{ state: 'overridden', by: ['FL-2026-0003'] }]);
    expect(result.target.manifest.components[0]).toMatchObject({
      version: '1.0.1',
      origin: 'forced:FL-2026-0003',
    });
  });

  it('in conflict are named: the smallest set to lift, and what that would bring', () => {
    const releases = {
      'core/auth@1.0.0': {},
      'core/auth@2.0.0': { requires: { 'core/api': '^2' } },
      'core/api@1.0.0': {},
      'core/api@2.0.0': {},
      'core/zone@1.0.0': {},
      'core/zone@2.0.0': {},
    };

    const result = compile(
      compileInputOf({
        releases,
        pins: { 'core/auth': '2.0.0', 'core/api': '1.0.0', 'core/zone': '1.0.0' },
        runs: ['core/auth@1.0.0', 'core/api@1.0.0', 'core/zone@1.0.0'],
      }),
    );

    expect(result).toMatchObject({
      kind: 'conflict',
      problems: ['core/auth 2.0.0 requires core/api ^2'],
      lift: {
        lift: [{ name: 'core/api' }],
        gains: [
          { component: 'core/api', from: '1.0.0', to: '2.0.0' },
          { component: 'core/auth', from: '1.0.0', to: '2.0.0' },
        ],
      },
    });
  });

  it('that hold others back are named with what lifting them would bring, and the best without it is taken', () => {
    const result = compiled({
      releases: {
        'core/auth@1.0.0': {},
        'core/auth@1.1.0': {},
        'core/auth@2.0.0': { requires: { 'core/api': '^2' } },
        'core/api@1.0.0': {},
        'core/api@2.0.0': {},
        'core/zone@1.0.0': {},
        'core/zone@2.0.0': {},
      },
      pins: { 'core/api': '1.0.0', 'core/zone': '1.0.0' },
      runs: ['core/auth@1.0.0', 'core/api@1.0.0', 'core/zone@1.0.0'],
    });

    expect(result.target.manifest.components.map((one) => one.version)).toEqual(['1.0.0', '1.1.0', '1.0.0']);
    expect(result.heldBack).toMatchObject({
      lift: [{ name: 'core/api' }],
      gains: [
        { component: 'core/api', from: '1.0.0', to: '2.0.0' },
        { component: 'core/auth', from: '1.1.0', to: '2.0.0' },
      ],
    });
  });

  it('names what lifting them would bring by component, the platform among them', () => {
    const result = compiled({
      releases: {
        'platform@1.0.0': { ships: { core: '1.0.0' } },
        'platform@2.0.0': { ships: { core: '2.0.0' } },
        'core@1.0.0': { ships: { auth: '1.0.0' } },
        'core@2.0.0': { ships: { auth: '2.0.0' } },
        'core/auth@1.0.0': {},
        'core/auth@2.0.0': { requires: { 'core/zone': '2.0.0' } },
        'core/zone@1.0.0': {},
        'core/zone@2.0.0': {},
      },
      pins: { 'core/zone': '1.0.0' },
      runs: ['platform@1.0.0', 'core@1.0.0', 'core/auth@1.0.0', 'core/zone@1.0.0'],
    });

    const gains = result.heldBack?.gains.map(({ component }) => component);
    expect(gains).toContain('platform');
    expect(gains).toEqual(gains?.toSorted());
  });

  it('that only hold their own component hold nothing back', () => {
    const result = compiled({
      releases: { 'core/auth@1.0.0': {}, 'core/auth@2.0.0': {} },
      pins: { 'core/auth': '1.0.0' },
    });

    expect(result.heldBack).toBeNull();
  });
});

describe('what is withheld', () => {
  it('is what this instance would take, with the reason and the time', () => {
    const result = compiled({
      releases: {
        'core/auth@1.0.0': {},
        'core/auth@1.1.0': { rollout: { after: 'P3D' } },
        'core/api@1.0.0': {},
        'core/api@1.1.0': { rollout: 'paused', requires: { platform: '^9' } },
      },
      runs: ['core/auth@1.0.0', 'core/api@1.0.0'],
    });

    expect(result.withheld).toMatchObject([
      { component: 'core/auth', version: '1.1.0', why: { kind: 'wave', at: Date.UTC(2026, 2, 4) } },
    ]);
  });
});

describe('of what is withheld', () => {
  const told = (scenario: Scenario) =>
    compiled(scenario).withheld.map(({ component, version, why }) => `${component} ${version} ${why.kind}`);
  const PAUSED = { rollout: 'paused' } as const;

  it.each<[string, Scenario, readonly string[]]>([
    [
      'nothing that runs already',
      {
        releases: { 'core/auth@1.0.0': {} },
        runs: ['core/auth@1.0.0'],
        halts: { 'core/auth@1.0.0': '2026-03-03T00:00:00Z' },
      },
      [],
    ],
    [
      'nothing that is lower than what is taken',
      { releases: { 'core/auth@1.0.0': PAUSED, 'core/auth@1.1.0': {} } },
      [],
    ],
    [
      'nothing that is lower than what runs',
      { releases: { 'core/auth@1.0.0': PAUSED, 'core/auth@1.1.0': {} }, runs: ['core/auth@1.1.0'] },
      [],
    ],
    ['what would be installed anew', { releases: { 'core/auth@1.0.0': PAUSED } }, ['core/auth 1.0.0 paused']],
    [
      'each by its component, and the highest alone',
      {
        releases: {
          'core/b@1.0.0': {},
          'core/b@1.1.0': PAUSED,
          'core/b@1.2.0': PAUSED,
          'core/a@1.0.0': PAUSED,
          'app@1.0.0': PAUSED,
          'platform@1.0.0': { ...PAUSED, ships: { app: '1.0.0' } },
        },
        runs: ['core/b@1.0.0'],
      },
      ['app 1.0.0 paused', 'core/a 1.0.0 paused', 'core/b 1.2.0 paused', 'platform 1.0.0 paused'],
    ],
    [
      'what failed here',
      {
        releases: { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': {} },
        runs: ['core/auth@1.0.0'],
        quarantined: ['core/auth@1.1.0'],
      },
      ['core/auth 1.1.0 quarantined'],
    ],
  ])('is told %s', (_what, scenario, lines) => {
    expect(told(scenario)).toEqual(lines);
  });
});

describe('the origin of what stays', () => {
  const originOf = (scenario: Scenario) => compiled(scenario).target.manifest.components[0]?.origin;
  const FORCED = 'core/auth@1.0.1 forced:FL-2026-0003';

  it.each<[string, Scenario, string]>([
    ['is the latest while it is on offer', { releases: { 'core/auth@1.0.1': {} }, runs: [FORCED] }, 'latest'],
    [
      'is unchanged where it is no longer',
      { releases: { 'core/auth@1.0.1': { rollout: false } }, runs: ['core/auth@1.0.1 pin:suite'] },
      'unchanged',
    ],
    [
      'is the pin that keeps it',
      { releases: { 'core/auth@1.0.1': {} }, runs: [FORCED], pins: { 'core/auth': '1.0.1' } },
      'pin:capability',
    ],
    [
      'is the order, above its pin, while that stands',
      {
        releases: { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': {} },
        runs: [FORCED],
        pins: { 'core/auth': '1.0.0' },
        advisories: FIX,
      },
      'forced:FL-2026-0003',
    ],
  ])('%s', (_what, scenario, origin) => {
    expect(originOf(scenario)).toBe(origin);
  });

  it('is told of what no catalog lists any more, with the tree and the release that run', () => {
    const input = compileInputOf({ releases: { 'core/auth@1.0.0': {} }, runs: ['core/auth@1.0.0'] });
    const result = compile({ ...input, catalog: { ...input.catalog, releases: [], rollouts: [] } });
    const forgotten = compile({
      ...input,
      catalog: { ...input.catalog, releases: [], rollouts: [] },
      current: { ...input.current!, releases: new Map() },
    });

    expect(result.kind === 'compiled' && result.target).toEqual({
      ...input.current,
      manifest: {
        ...input.current?.manifest,
        components: [{ ...input.current?.manifest.components[0], origin: 'unchanged' }],
      },
    });
    expect(
      forgotten.kind === 'compiled' && [
        forgotten.target.manifest.components[0]?.tree,
        forgotten.target.releases.size,
      ],
    ).toEqual([input.current?.manifest.components[0]?.tree, 0]);
  });
});

describe('pins that are reported', () => {
  const states = (scenario: Scenario) => {
    const { pins } = compile(compileInputOf(scenario));
    return pins.map(({ pin, state, by }) =>
      [pin.level === 'platform' ? 'platform' : pin.name, state, ...by].join(' '),
    );
  };
  const AUTH = { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': {} };

  it.each<[string, Scenario, readonly string[]]>([
    [
      'hold where they have what they want',
      { releases: AUTH, pins: { 'core/auth': '1.0.0' } },
      ['core/auth active'],
    ],
    [
      'hold though nothing of theirs is installed',
      { releases: AUTH, suites: {}, pins: { 'core/auth': '1.0.0' } },
      ['core/auth active'],
    ],
    [
      'are overridden by every order that stands, in order',
      {
        releases: { ...AUTH, 'core/api@1.0.0': {}, 'core/api@1.0.1': { rollout: false } },
        runs: ['core/auth@1.0.1 forced:FL-2026-0003', 'core/api@1.0.0'],
        pins: { 'core/auth': '1.0.0' },
        advisories: {
          ...FIX,
          'FL-2026-0001': { affected: { 'core/api': '<1.0.1' }, fixed: ['core/api@1.0.1'] },
        },
      },
      ['core/auth overridden FL-2026-0001 FL-2026-0003'],
    ],
    [
      'hold in a conflict, which no order made',
      {
        releases: { ...AUTH, 'core/api@1.0.0': { requires: { 'core/auth': '^9' } } },
        runs: ['core/auth@1.0.1', 'core/api@1.0.0'],
        pins: { 'core/auth': '1.0.0' },
      },
      ['core/auth active'],
    ],
    [
      'are known to be of something that runs, though nobody lists it',
      { releases: {}, runs: ['core/auth@1.0.0'], pins: { 'core/auth': '1.0.0', 'core/api': '1.0.0' } },
      ['core/api unmatched', 'core/auth active'],
    ],
  ])('%s', (_what, scenario, lines) => {
    expect(states(scenario)).toEqual(lines);
  });
});

describe('a pin in vain', () => {
  it('is told what was released and what runs, newest first', () => {
    const { pins } = compiled({
      releases: { 'core/auth@1.0.0': {}, 'core/auth@1.2.0': {} },
      runs: ['core/auth@1.1.0'],
      pins: { 'core/auth': '9.9.9' },
      suites: {},
    });

    expect(pins).toMatchObject([
      { state: 'unmatched', problem: expect.stringMatching(/there are 1\.2\.0, 1\.1\.0, 1\.0\.0$/) },
    ]);
  });
});

describe('an emergency', () => {
  it('names the pins it overrides and keeps them', () => {
    const result = compileEmergency(
      compileInputOf({
        releases: LAYERS,
        runs: ['platform@1.0.0', 'core@1.0.0', 'core/auth@1.0.0'],
        pins: { 'core/auth': '1.0.0', platform: '1.0.0' },
        advisories: FIX,
      }),
    );

    expect(result).toMatchObject({
      advisories: ['FL-2026-0003'],
      overridden: [{ name: 'core/auth' }],
      unfixable: [],
    });
    expect(result.target?.manifest).toMatchObject({
      platform: { version: '1.0.0' },
      suites: [{ name: 'core', version: '1.0.0' }],
      components: [{ version: '1.0.1', origin: 'forced:FL-2026-0003' }],
    });
  });

  it('does not take a changed configuration along', () => {
    const input = compileInputOf({ releases: LAYERS, runs: ['core/auth@1.0.0'], advisories: FIX });
    const changed = compileInputOf({ releases: {}, suites: { app: {} } }).config;

    const result = compileEmergency({ ...input, config: changed });

    expect(result.target?.config).toEqual(input.config);
  });

  it.each([
    { name: 'no fix is named', releases: {}, advisory: { fixed: [] }, reason: 'no-fix' },
    { name: 'the fix is not released', releases: {}, advisory: {}, reason: 'not-released' },
    {
      name: 'the fix cannot run beside the rest',
      releases: { 'core/auth@1.0.1': { requires: { platform: '^9' } } },
      advisory: {},
      reason: 'constraints',
    },
  ])('says when $name', ({ releases, advisory, reason }) => {
    const result = compileEmergency(
      compileInputOf({
        releases: { 'core/auth@1.0.0': {}, ...releases },
        runs: ['core/auth@1.0.0'],
        advisories: { 'FL-2026-0003': { ...FIX['FL-2026-0003'], ...advisory } },
      }),
    );

    expect(result).toMatchObject({ target: null, unfixable: [{ component: 'core/auth', reason }] });
  });

  it('says when two advisories each name what the other affects', () => {
    const input = compileInputOf({
      releases: { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': {}, 'core/auth@1.0.2': {} },
      runs: ['core/auth@1.0.1'],
      advisories: {
        'FL-2026-0003': { affected: { 'core/auth': '<1.0.2' }, fixed: ['core/auth@1.0.2'] },
        'FL-2026-0004': { affected: { 'core/auth': '1.0.2' }, fixed: ['core/auth@1.0.1'] },
      },
    });

    const { target, unfixable } = compileEmergency(input);

    expect([target, unfixable.map(({ advisory, reason }) => [advisory, reason])]).toEqual([
      null,
      [['FL-2026-0003', 'affected']],
    ]);
  });
});

describe('the solver', () => {
  it('gives up after a number of choices, not after a time', () => {
    const variables = Array.from({ length: 12 }, (_, i) => ({ name: `v${i}`, choices: [1, 2, 3, 4, 5] }));

    const result = solve<number>({
      variables,
      // Every pair must differ, with fewer values than variables: no solution, and many ways to find that out.
      constraintsOf: (name, value) =>
        variables
          .filter((other) => other.name !== name)
          .map((other) => ({ on: other.name, allows: (one) => one !== value, because: () => 'all differ' })),
      absent: 0,
      budget: { left: 50 },
    });

    expect(result).toEqual({ kind: 'exhausted' });
  });
});

function compiled(scenario: Scenario): Extract<CompileResult, { kind: 'compiled' }> {
  return compile(compileInputOf(scenario)) as Extract<CompileResult, { kind: 'compiled' }>;
}
