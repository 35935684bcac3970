// What comes along with a forced patch: as little as there must be, upwards, on offer first, and never a new hole.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../../shared/compile/context.ts';
import { fixesFor } from '../../../shared/compile/fixes.ts';
import { createRepairs, rearrangingLooks } from '../../../shared/compile/repair.ts';
import { finish } from '../../../shared/encoding/pieces.ts';
import { compileEmergency } from '../../support/finished.ts';
import {
  type AdvisorySpec,
  compileInputOf,
  type ReleaseSpec,
  type Scenario,
} from '../../support/scenario.ts';
import { exposedWorld } from '../../support/worlds.ts';

/** Each row has this hole, its only fix, and what that fix requires of the rest. */
const HOLE = { 'FL-1': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] } } satisfies Record<
  string,
  AdvisorySpec
>;

interface Row {
  readonly name: string;
  readonly requires: Readonly<Record<string, string>>;
  readonly releases: Readonly<Record<string, ReleaseSpec>>;
  readonly runs?: readonly string[];
  readonly more?: Partial<Scenario>;
  /** What the install has then; null where the fix cannot be had. */
  readonly ends: readonly string[] | null;
}

const ROWS: readonly Row[] = [
  {
    name: 'the nearest version that will do, not the newest',
    requires: { 'core/api': '>=1.1.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.1.0': {}, 'core/api@1.1.1': {}, 'core/api@2.0.0': {} },
    runs: ['core/api@1.0.0'],
    ends: ['core/api 1.1.0'],
  },
  {
    name: 'one on offer before a nearer one that is not',
    requires: { 'core/api': '>=1.1.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.1.0': { rollout: false }, 'core/api@1.2.0': {} },
    runs: ['core/api@1.0.0'],
    ends: ['core/api 1.2.0'],
  },
  {
    name: 'one that is not on offer where no other is',
    requires: { 'core/api': '1.1.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.1.0': { rollout: false }, 'core/api@1.2.0': {} },
    runs: ['core/api@1.0.0'],
    ends: ['core/api 1.1.0'],
  },
  {
    name: 'nothing downwards',
    requires: { 'core/api': '1.0.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.1.0': {} },
    runs: ['core/api@1.1.0'],
    ends: null,
  },
  {
    name: 'what is not installed, at its newest version, where its suite is on',
    requires: { 'core/api': '>=1.0.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.1.0': {} },
    ends: ['core/api 1.1.0'],
  },
  {
    name: 'what is not installed without a hole of its own, though its newest version has one',
    requires: { 'core/api': '>=1.0.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.1.0': {} },
    more: { advisories: { ...HOLE, 'FL-2': { affected: { 'core/api': '1.1.0' } } } },
    ends: ['core/api 1.0.0'],
  },
  {
    name: 'nothing that is switched off',
    requires: { 'core/api': '>=1.0.0' },
    releases: { 'core/api@1.0.0': {} },
    more: { suites: { core: { capabilities: { api: { enabled: false } } } } },
    ends: null,
  },
  {
    name: 'what is switched off and runs all the same',
    requires: { 'core/api': '>=1.1.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.1.0': {} },
    runs: ['core/api@1.0.0'],
    more: { suites: { core: { capabilities: { api: { enabled: false } } } } },
    ends: ['core/api 1.1.0'],
  },
  {
    name: 'a platform, which is switched on by nobody',
    requires: { platform: '^1' },
    releases: { 'platform@1.0.0': {} },
    more: { suites: { core: {} } },
    ends: ['platform 1.0.0'],
  },
  {
    name: 'what the neighbour requires in turn',
    requires: { 'core/api': '^2' },
    releases: {
      'core/api@1.0.0': {},
      'core/api@2.0.0': { requires: { 'core/store': '^2' } },
      'core/store@1.0.0': {},
      'core/store@2.0.0': {},
    },
    runs: ['core/api@1.0.0', 'core/store@1.0.0'],
    ends: ['core/api 2.0.0', 'core/store 2.0.0'],
  },
  {
    name: 'another version of the neighbour, where the nearest one requires what there is not',
    requires: { 'core/api': '^2' },
    releases: {
      'core/api@1.0.0': {},
      'core/api@2.0.0': { requires: { 'core/store': '^9' } },
      'core/api@2.1.0': {},
      'core/store@1.0.0': {},
    },
    runs: ['core/api@1.0.0', 'core/store@1.0.0'],
    ends: ['core/api 2.1.0', 'core/store 1.0.0'],
  },
  {
    name: 'one further move rather than two by a nearer version',
    requires: { 'core/api': '^2' },
    releases: {
      'core/api@1.0.0': {},
      'core/api@2.0.0': { requires: { 'core/store': '^2' } },
      'core/api@2.1.0': {},
      'core/store@1.0.0': {},
      'core/store@2.0.0': {},
    },
    runs: ['core/api@1.0.0', 'core/store@1.0.0'],
    ends: ['core/api 2.1.0', 'core/store 1.0.0'],
  },
  {
    name: 'no further than the next required stop',
    requires: { 'core/api': '>=1.1.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.5.0': { requiredStop: true }, 'core/api@2.0.0': {} },
    runs: ['core/api@1.0.0'],
    ends: ['core/api 1.5.0'],
  },
  {
    name: 'nothing beyond it',
    requires: { 'core/api': '^2' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.5.0': { requiredStop: true }, 'core/api@2.0.0': {} },
    runs: ['core/api@1.0.0'],
    ends: null,
  },
  {
    name: 'no version that opens another hole',
    requires: { 'core/api': '>=1.1.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.1.0': {}, 'core/api@1.2.0': {} },
    runs: ['core/api@1.0.0'],
    more: { advisories: { ...HOLE, 'FL-2': { affected: { 'core/api': '1.1.0' } } } },
    ends: ['core/api 1.2.0'],
  },
  {
    name: 'a version with a hole that is open already',
    requires: { 'core/api': '1.1.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.1.0': {} },
    runs: ['core/api@1.0.0'],
    more: { advisories: { ...HOLE, 'FL-2': { affected: { 'core/api': '*' } } } },
    ends: ['core/api 1.1.0'],
  },
  {
    name: 'nothing that failed here, and nothing that was taken back',
    requires: { 'core/api': '>=1.1.0' },
    releases: {
      'core/api@1.0.0': {},
      'core/api@1.1.0': {},
      'core/api@1.2.0': { rollout: 'withdrawn' },
      'core/api@1.3.0': {},
    },
    runs: ['core/api@1.0.0'],
    more: { quarantined: ['core/api@1.1.0'] },
    ends: ['core/api 1.3.0'],
  },
  {
    name: 'a version that its pin allows before a nearer one that it does not',
    requires: { 'core/api': '>=1.1.0' },
    releases: { 'core/api@1.0.0': {}, 'core/api@1.1.0': {}, 'core/api@1.2.0': {} },
    runs: ['core/api@1.0.0'],
    more: { pins: { 'core/api': '1.2.0' } },
    ends: ['core/api 1.2.0'],
  },
  {
    name: 'the parent that lists it, and what that parent ships beside it',
    requires: { core: '^2' },
    releases: {
      'core@1.0.0': { ships: { auth: '1.0.0', api: '1.0.0' } },
      'core@2.0.0': { ships: { auth: '1.0.0', api: '^1.1.0' } },
      'core/api@1.0.0': {},
      'core/api@1.1.0': {},
    },
    runs: ['core@1.0.0', 'core/api@1.0.0'],
    ends: ['core 2.0.0', 'core/api 1.1.0'],
  },
  {
    name: 'nothing for the sake of what was broken before',
    requires: {},
    releases: { 'core/api@1.0.0': { requires: { 'core/auth': '^9' } }, 'core/api@1.1.0': {} },
    runs: ['core/api@1.0.0'],
    ends: ['core/api 1.0.0'],
  },
  {
    name: 'whoever required what the fix is no more, to where it does not',
    requires: {},
    releases: {
      'core/api@1.0.0': { requires: { 'core/auth': '1.0.0' } },
      'core/api@1.1.0': { requires: { 'core/auth': '1.0.0' } },
      'core/api@1.2.0': { requires: { 'core/auth': '>=1.0.0' } },
    },
    runs: ['core/api@1.0.0'],
    ends: ['core/api 1.2.0'],
  },
];

function endOf({ requires, releases, runs = [], more }: Row) {
  const input = compileInputOf({
    releases: { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': { requires }, ...releases },
    runs: ['core/auth@1.0.0', ...runs],
    advisories: HOLE,
    ...more,
  });
  const manifest = compileEmergency(input).target?.manifest;
  if (manifest === undefined) return null;
  const { platform, suites, components } = manifest;
  const names = components.map(({ component }) => component);
  expect(names).toEqual(names.toSorted());
  return [
    ...(platform === null ? [] : [`platform ${platform.version}`]),
    ...suites.map(({ name, version }) => `${name} ${version}`),
    ...components
      .filter(({ component }) => component !== 'core/auth')
      .map(({ component, version }) => `${component} ${version}`),
  ];
}

describe('with a forced patch comes along', () => {
  it.each(ROWS)('$name', (row) => {
    expect(endOf(row)).toEqual(row.ends);
  });

  it.each([
    [12, 1],
    [13, 1],
    [4, 40],
    [150, 5],
  ])(
    'a chain of %i neighbours, each of which comes in its step, at %i versions to choose from',
    (length, versions) => {
      const names = Array.from({ length }, (_, i) => `core/n${i}`);
      const steps = Array.from({ length: versions }, (_, i) => i + 1);
      const releases = names.flatMap((name, i): [string, ReleaseSpec][] => {
        const next = i + 1 < length ? names[i + 1] : undefined;
        return [
          [`${name}@1.0.0`, {}],
          ...steps.map((step): [string, ReleaseSpec] => [
            `${name}@1.${step}.0`,
            next === undefined ? {} : { requires: { [next]: `>=1.${step}.0` } },
          ]),
        ];
      });
      const row = {
        ...{ name: '', requires: { 'core/n0': '>=1.1.0' }, releases: Object.fromEntries(releases) },
        ...{ runs: names.map((name) => `${name}@1.0.0`), ends: null },
      };

      expect(endOf(row)).toEqual(names.map((name) => `${name} 1.1.0`).toSorted());
    },
  );

  it('nothing of a chain whose last neighbour stays behind', () => {
    const names = Array.from({ length: 40 }, (_, i) => `core/n${i}`);
    const releases = names.flatMap((name, i): [string, ReleaseSpec][] => [
      [`${name}@1.0.0`, {}],
      ...(i < 39
        ? [[`${name}@2.0.0`, { requires: { [`core/n${i + 1}`]: '^2' } }] as [string, ReleaseSpec]]
        : []),
    ]);
    const runs = names.map((name) => `${name}@1.0.0`);

    const row = { requires: { 'core/n0': '^2' }, releases: Object.fromEntries(releases), runs };
    expect(endOf({ name: '', ...row, ends: null })).toBeNull();
  });
});

it('lets neither a long chain nor a search in vain keep a fix away that needs nothing', () => {
  const range = (length: number) => Array.from({ length }, (_, i) => i + 1);
  const chain: [string, ReleaseSpec][] = range(40).flatMap((link) =>
    range(60).map((step): [string, ReleaseSpec] => [
      `core/b${link}@1.${step}.0`,
      link === 40 ? {} : { requires: { [`core/b${link + 1}`]: `>=1.${step}.0` } },
    ]),
  );
  // Nine that have to move, no two of them to the same of eight versions.
  const pigeons: [string, ReleaseSpec][] = range(9).flatMap((pigeon) =>
    range(8).map((hole): [string, ReleaseSpec] => [
      `core/p${pigeon}@1.${hole}.0`,
      {
        requires: Object.fromEntries(
          range(9)
            .filter((other) => other !== pigeon)
            .map((other) => [`core/p${other}`, `<1.${hole}.0 || >1.${hole}.0`]),
        ),
      },
    ]),
  );
  const all = ['a', ...range(40).map((i) => `b${i}`), ...range(9).map((i) => `p${i}`), 'x', 'y', 'z'];
  const runs = all.map((name) => `core/${name}@1.0.0`);
  const releases = {
    ...Object.fromEntries([...runs.map((ref) => [ref, {}]), ...chain, ...pigeons]),
    'core/a@1.0.1': { requires: { 'core/b1': '>=1.1.0' } },
    'core/x@1.0.1': { requires: Object.fromEntries(range(9).map((i) => [`core/p${i}`, '>=1.1.0'])) },
    ...{ 'core/y@1.0.1': {}, 'core/z@1.0.1': {} },
  };
  const advisories = Object.fromEntries(
    ['a', 'x', 'y', 'z'].map((name) => [
      `FL-${name}`,
      { affected: { [`core/${name}`]: '<1.0.1' }, fixed: [`core/${name}@1.0.1`] },
    ]),
  );

  const { advisories: answered, unfixable } = compileEmergency(
    compileInputOf({ releases, runs, advisories }),
  );

  expect(unfixable.map(({ component }) => component)).toEqual(['core/x']);
  expect(answered).toEqual(['FL-a', 'FL-y', 'FL-z']);
});

it('finds moves without counting them exactly where there are some, and they break nothing', () => {
  let found = 0;
  fc.assert(
    fc.property(exposedWorld, fc.boolean(), (scenario, respectPins) => {
      const context = finish(createContext(compileInputOf(scenario)));
      const { running } = context;
      const affected = [...running].filter(
        ([name, { version }]) => context.holes.of(name, version).length > 0,
      );
      const forced = affected.map(([component, from]) => ({
        component,
        to: finish(fixesFor(context, component, from)).fixes.map(({ choice }) => choice),
      }));
      const repair = createRepairs(context, running, rearrangingLooks(context));
      const wanted = { respectPins, beyondHalts: false };

      const counted = finish(repair({ ...wanted, forced, budget: 100_000 }));
      const uncounted = finish(repair({ ...wanted, forced, budget: 0 }));

      expect(uncounted === null).toBe(counted === null);
      if (counted === null || uncounted === null) return;
      found++;
      for (const { component, to } of forced) expect(to).toContain(uncounted.get(component));
      expect(uncounted.size).toBeGreaterThanOrEqual(counted.size);
      const held = [...uncounted].map(([component, choice]) => ({ component, to: [choice] }));
      expect(finish(repair({ ...wanted, forced: held, budget: 100 }))?.size).toBe(uncounted.size);
    }),
    { numRuns: 300 },
  );
  expect(found).toBeGreaterThan(50);
});
