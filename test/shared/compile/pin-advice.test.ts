// Pins that protect nothing, and what pins that do hold keep back: both are said.
import { describe, expect, it } from 'vitest';
import { raiseAlarms } from '../../../agent/core/alarms.ts';
import { findPinProblem, type KnownVersions } from '../../../shared/compile/pin-report.ts';
import { describeNewer, describeVerdict } from '../../../shared/present/verdict.ts';
import { pin } from '../../../shared/schema/pin.ts';
import { DEFAULT_POLICY } from '../../../shared/schema/policy.ts';
import type { Version } from '../../../shared/version/version.ts';
import { codeOf } from '../../support/error-code.ts';
import { compile, editPolicy } from '../../support/finished.ts';
import { compileInputOf, decideScenario, type Scenario } from '../../support/scenario.ts';

const RELEASED: Readonly<Record<string, readonly string[]>> = {
  core: ['1.1.0', '1.0.0'],
  'core/auth': ['1.2.0', '1.1.0', '1.0.0'],
};
const known: KnownVersions = {
  components: Object.keys(RELEASED),
  versionsOf: (component) => (RELEASED[component] ?? []) as readonly Version[],
};
const NOTHING: KnownVersions = { components: [], versionsOf: () => [] };

const pinOf = (component: string, version: string) =>
  pin.parse({
    level: component === 'platform' ? 'platform' : component.includes('/') ? 'capability' : 'suite',
    ...(component === 'platform' ? {} : { name: component }),
    version,
    owner: 'alice',
    reason: 'audit',
  });

const BAD: readonly [name: string, component: string, version: string, says: RegExp][] = [
  ['of nothing', 'core/auth', '', /no version/],
  ['of blanks', 'core/auth', '   ', /no version/],
  ['of a misspelt capability', 'core/atuh', '1.0.0', /core\/auth/],
  ['of a misspelt suite', 'coer', '1.0.0', /"core"/],
  ['of a component that nobody released', 'extra/mail', '1.0.0', /nobody has released extra\/mail/],
  ['of the platform where there is none', 'platform', '1.x', /nobody has released platform/],
  ['at a version that nobody released', 'core', '9.9.9', /1\.1\.0, 1\.0\.0/],
  ['at a range that nothing is in', 'core/auth', '>=2', /1\.2\.0/],
  ['at a range that admits nothing', 'core/auth', '>2 <1', /1\.2\.0/],
  ['further behind than there are lines', 'core/auth', 'latest-3', /latest-3/],
];

describe('a pin', () => {
  it.each(BAD)(
    '%s is refused where it is typed, and says what there is',
    (_name, component, version, says) => {
      const edit = { kind: 'pin', component, version } as const;
      const author = { by: 'alice', reason: 'audit', at: 0 };

      expect(findPinProblem(pinOf(component, version), known)).toMatch(says);
      expect(codeOf(() => editPolicy(DEFAULT_POLICY, edit, author, known))).toBe('policy/pin-in-vain');
    },
  );

  it.each([
    ['core/auth', '1.0.0'],
    ['core/auth', '~1.1'],
    ['core/auth', '*'],
    ['core', '1.x'],
    ['core/auth', 'latest-2'],
  ])('of %s at %s is taken', (component, version) => {
    expect(findPinProblem(pinOf(component, version), known)).toBeNull();
  });

  it('is taken while nothing is known of the vendor’s releases', () => {
    expect(findPinProblem(pinOf('core/auth', '7.0.0'), NOTHING)).toBeNull();
  });

  it('that names no version is told at most ten that there are', () => {
    const many = Array.from({ length: 12 }, (_, i) => `1.${12 - i}.0`) as unknown as readonly Version[];
    const told = findPinProblem(pinOf('core/auth', '9.9.9'), {
      components: ['core/auth'],
      versionsOf: () => many,
    });

    expect(told).toBe(
      `no version of core/auth was released that 9.9.9 allows; there are ${many.slice(0, 10).join(', ')}`,
    );
  });

  it('in vain that stands in the policy all the same is reported and raises an alarm', () => {
    const { pins } = compile(
      compileInputOf({
        releases: { 'core/auth@1.0.0': {} },
        runs: ['core/auth@1.0.0'],
        pins: { 'core/atuh': '1.0.0' },
      }),
    );

    const alarms = raiseAlarms({
      now: 0,
      policy: { kind: 'readable', policy: DEFAULT_POLICY },
      config: { kind: 'unreadable', problem: 'lost', hint: '' },
      support: null,
      contact: null,
      askingMs: null,
      freshness: 'fresh',
      unfixable: [],
      pins,
      inconsistent: null,
      files: [],
      degraded: [],
      notBegun: null,
      auditProblem: null,
      damages: [],
      forks: [],
      server: { refusal: null, twinsHeard: null },
    });

    expect(pins).toMatchObject([{ state: 'unmatched', problem: expect.stringContaining('core/auth') }]);
    expect(alarms).toContainEqual(expect.stringMatching(/core\/atuh at 1\.0\.0 is in vain/));
  });
});

const plain = {
  bold: (text: string) => text,
  good: (text: string) => text,
  warn: (text: string) => text,
  bad: (text: string) => text,
  dim: (text: string) => text,
};

describe('what a pin keeps back', () => {
  const BASE: Scenario = {
    releases: { 'tools/proxy@6.10.0': {}, 'tools/proxy@6.10.2': {}, 'tools/proxy@7.6.5': {} },
    runs: ['tools/proxy@6.10.2'],
  };

  it('is said while all is as wanted, with the pin and the command', () => {
    const { decision } = decideScenario({ ...BASE, pins: { 'tools/proxy': '~6.10' } });

    expect(decision).toMatchObject({
      verdict: 'current',
      blockers: [],
      newer: [
        {
          component: 'tools/proxy',
          from: '6.10.2',
          to: '7.6.5',
          pin: '~6.10',
          pinned: 'tools/proxy',
          clearWith: 'fairlead pin remove tools/proxy --reason "why"',
        },
      ],
    });
    expect(describeVerdict(decision, null, plain)).toContain('7.6.5 is held back by your pin ~6.10');
    expect(describeNewer(decision)[1]).toContain('fairlead pin remove tools/proxy');
  });

  it('names the level whose word it is', () => {
    const releases = {
      'tools@1.0.0': { ships: { proxy: '6.10.2' } },
      'tools@2.0.0': { ships: { proxy: '7.6.5' } },
      ...BASE.releases,
    };
    const { decision } = decideScenario({
      releases,
      runs: ['tools@1.0.0', 'tools/proxy@6.10.2'],
      pins: { tools: '1.0.0' },
    });

    expect(decision.newer).toMatchObject([
      { component: 'tools', to: '2.0.0', pinned: 'tools' },
      { component: 'tools/proxy', to: '7.6.5', pinned: 'tools' },
    ]);
  });

  it('names the platform where its pin reaches down to a part', () => {
    const { decision } = decideScenario({
      releases: {
        'platform@1.0.0': { ships: { tools: '1.0.0' } },
        'platform@2.0.0': { ships: { tools: '2.0.0' } },
        ...{ 'tools@1.0.0': { ships: { proxy: '6.10.2' } }, 'tools@2.0.0': { ships: { proxy: '7.6.5' } } },
        ...BASE.releases,
      },
      runs: ['platform@1.0.0', 'tools@1.0.0', 'tools/proxy@6.10.2'],
      pins: { platform: '1.0.0' },
    });

    expect(decision.newer).toMatchObject(
      ['platform', 'tools', 'tools/proxy'].map((component) => ({ component, pinned: 'platform' })),
    );
  });

  it.each([
    ['nothing is newer', { ...BASE, pins: { 'tools/proxy': '>=6' }, runs: ['tools/proxy@7.6.5'] }],
    ['nothing is pinned', { ...BASE, runs: ['tools/proxy@7.6.5'] }],
    [
      'the pin has expired',
      { ...BASE, pins: { 'tools/proxy': { version: '~6.10', expires: '2026-01-01T00:00:00Z' } } },
    ],
  ])('is nothing where %s', (_name, scenario: Scenario) => {
    expect(decideScenario(scenario).decision.newer).toBeUndefined();
  });
});
