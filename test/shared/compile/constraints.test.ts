// What a platform and a suite mean for their parts: what they ship, what they do not, and what stands above both.
import { describe, expect, it } from 'vitest';
import { compile } from '../../support/finished.ts';
import { compileInputOf, type ReleaseSpec, type Scenario } from '../../support/scenario.ts';

const suite = (ships: Readonly<Record<string, string>>): Scenario['releases'] => ({
  'core@1.0.0': { ships },
});
const auth = (...versions: readonly string[]): Record<string, ReleaseSpec> =>
  Object.fromEntries(versions.map((version) => [`core/auth@${version}`, {}]));

/** What the install should have, as `name version`; or what contradicts what. */
function endOf(scenario: Scenario): readonly string[] {
  const result = compile(compileInputOf(scenario));
  if (result.kind === 'conflict') return result.problems;
  const { platform, suites, components } = result.target.manifest;
  return [
    ...(platform === null ? [] : [`platform ${platform.version}`]),
    ...suites.map(({ name, version }) => `${name} ${version}`),
    ...components.map(({ component, version }) => `${component} ${version}`),
  ];
}

interface Row {
  readonly name: string;
  readonly scenario: Scenario;
  readonly ends: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    name: 'ships the highest version in its range, not the highest there is',
    scenario: { releases: { ...suite({ auth: '^1.0.0' }), ...auth('1.0.0', '1.1.0', '2.0.0') } },
    ends: ['core 1.0.0', 'core/auth 1.1.0'],
  },
  {
    name: 'lowers nothing that runs above its range',
    scenario: {
      releases: { ...suite({ auth: '^1.0.0' }), ...auth('1.0.0', '2.0.0') },
      runs: ['core/auth@2.0.0'],
    },
    ends: ['core 1.0.0', 'core/auth 2.0.0'],
  },
  {
    name: 'raises what runs below its range',
    scenario: {
      releases: { ...suite({ auth: '^2.0.0' }), ...auth('1.0.0', '2.0.0') },
      runs: ['core/auth@1.0.0'],
    },
    ends: ['core 1.0.0', 'core/auth 2.0.0'],
  },
  {
    name: 'lowers what runs above its range where a pin chose it',
    scenario: {
      releases: { ...suite({ auth: '^1.0.0' }), ...auth('1.0.0', '2.0.0') },
      runs: ['core/auth@2.0.0'],
      pins: { core: '1.0.0' },
    },
    ends: ['core 1.0.0', 'core/auth 1.0.0'],
  },
  {
    name: 'that is pinned lowers nothing that an open advisory has forced',
    scenario: {
      releases: { ...suite({ auth: '1.0.0' }), ...auth('1.0.0', '2.0.0') },
      runs: ['core@1.0.0', 'core/auth@2.0.0 forced:FL-1'],
      pins: { core: '1.0.0' },
      advisories: { 'FL-1': { affected: { 'core/auth': '<2' }, fixed: ['core/auth@2.0.0'] } },
    },
    ends: ['core 1.0.0', 'core/auth 2.0.0'],
  },
  {
    name: 'gives way to a pin on the part itself',
    scenario: {
      releases: { ...suite({ auth: '^1.0.0' }), ...auth('1.0.0', '2.0.0') },
      pins: { 'core/auth': '2.0.0' },
    },
    ends: ['core 1.0.0', 'core/auth 2.0.0'],
  },
  {
    name: 'is content with a required stop on the way to its range',
    scenario: {
      releases: {
        ...suite({ auth: '^2.0.0' }),
        ...auth('1.0.0', '2.0.0'),
        'core/auth@1.5.0': { requiredStop: true },
      },
      runs: ['core/auth@1.0.0'],
    },
    ends: ['core 1.0.0', 'core/auth 1.5.0'],
  },
  {
    name: 'installs nothing that it does not list',
    scenario: { releases: { ...suite({ auth: '1.0.0' }), ...auth('1.0.0'), 'core/api@1.0.0': {} } },
    ends: ['core 1.0.0', 'core/auth 1.0.0'],
  },
  {
    name: 'takes nothing away that it does not list and that runs',
    scenario: {
      releases: { ...suite({ auth: '1.0.0' }), ...auth('1.0.0'), 'core/api@1.0.0': {}, 'core/api@1.1.0': {} },
      runs: ['core/api@1.0.0'],
    },
    ends: ['core 1.0.0', 'core/api 1.1.0', 'core/auth 1.0.0'],
  },
  {
    name: 'keeps nobody from naming what it does not list',
    scenario: {
      releases: { ...suite({ auth: '1.0.0' }), ...auth('1.0.0'), 'core/api@1.0.0': {} },
      suites: { core: { capabilities: { api: {} } } },
    },
    ends: ['core 1.0.0', 'core/api 1.0.0', 'core/auth 1.0.0'],
  },
  {
    name: 'ships nothing that is switched off',
    scenario: {
      releases: { ...suite({ auth: '1.0.0', api: '1.0.0' }), ...auth('1.0.0'), 'core/api@1.0.0': {} },
      suites: { core: { capabilities: { api: { enabled: false } } } },
    },
    ends: ['core 1.0.0', 'core/auth 1.0.0'],
  },
  {
    name: 'of a platform keeps out a suite that it does not list, with all its parts',
    scenario: {
      releases: {
        'platform@1.0.0': { ships: { app: '1.0.0' } },
        'app@1.0.0': {},
        ...suite({ auth: '1.0.0' }),
        ...auth('1.0.0'),
      },
    },
    ends: ['platform 1.0.0', 'app 1.0.0'],
  },
  {
    name: 'of a platform keeps a suite of which a part runs',
    scenario: {
      releases: { 'platform@1.0.0': { ships: {} }, ...suite({ auth: '1.0.0' }), ...auth('1.0.0') },
      runs: ['core/auth@1.0.0'],
    },
    ends: ['platform 1.0.0', 'core 1.0.0', 'core/auth 1.0.0'],
  },
  {
    name: 'of a platform keeps a suite that the operator named, and not its parts that nobody named',
    scenario: {
      releases: { 'platform@1.0.0': { ships: {} }, 'core@1.0.0': {}, ...auth('1.0.0') },
      suites: { core: {} },
    },
    ends: ['platform 1.0.0', 'core 1.0.0'],
  },
  {
    name: 'tells which pins are in vain where no version fits them',
    scenario: {
      releases: { ...suite({ auth: '1.0.0' }), ...auth('1.0.0') },
      pins: { core: '2.0.0', 'core/auth': '1.0.0' },
    },
    ends: ['no version on offer fits the pin core at 2.0.0'],
  },
  {
    name: 'is passed over where what it ships cannot be had',
    scenario: {
      releases: {
        'core@1.0.0': { ships: { auth: '1.0.0' } },
        'core@2.0.0': { ships: { auth: '^2' } },
        ...auth('1.0.0'),
      },
    },
    ends: ['core 1.0.0', 'core/auth 1.0.0'],
  },
  {
    name: 'is told to contradict what stays, where it has to be',
    scenario: {
      releases: { 'core@1.0.0': { ships: { auth: '^2' } }, ...auth('1.0.0') },
      runs: ['core@1.0.0', 'core/auth@1.0.0'],
    },
    ends: ['core 1.0.0 ships core/auth ^2'],
  },
];

describe('a parent', () => {
  it.each(ROWS)('$name', ({ scenario, ends }) => {
    expect(endOf(scenario)).toEqual(ends);
  });
});
