// The forced patch: which fix of several, what comes along and by whose order, and why a hole stays open.
import { describe, expect, it } from 'vitest';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { compile, compileEmergency } from '../../support/finished.ts';
import {
  type AdvisorySpec,
  compileInputOf,
  NOW,
  type ReleaseSpec,
  type Scenario,
} from '../../support/scenario.ts';

const HOUR = 3_600_000;

const advisory = (affected: string, ...fixed: readonly string[]): AdvisorySpec => {
  const [component = '', range = ''] = affected.split(' ');
  return {
    affected: { [component]: range },
    fixed: fixed.map((version) => (version.includes('@') ? version : `${component}@${version}`)),
  };
};

/** Releases without anything special, by their references. */
const plain = (...refs: readonly string[]): Record<string, ReleaseSpec> =>
  Object.fromEntries(refs.map((ref) => [ref, {}]));

function forced(scenario: Scenario) {
  const input = compileInputOf(scenario);
  const { target, advisories, unfixable } = compileEmergency(input);
  const before = new Map(input.current?.manifest.components.map((one) => [one.component, one.version]));
  const moved = target?.manifest.components.filter(
    ({ component, version }) => before.get(component) !== version,
  );
  return {
    moves:
      moved?.map(
        ({ component, version, origin }) => `${component} ${version} ${origin.replace('forced:', '')}`,
      ) ?? [],
    advisories,
    open: unfixable.map((one) => `${one.advisory} ${one.component} ${one.version} ${one.reason}`),
  };
}

interface Row {
  readonly name: string;
  readonly releases: Readonly<Record<string, ReleaseSpec>>;
  readonly runs: readonly string[];
  readonly advisories: Scenario['advisories'] & object;
  readonly more?: Partial<Scenario>;
  readonly moves?: readonly string[];
  readonly open?: readonly string[];
  readonly answers?: readonly string[];
}

const AUTH = plain('core/auth@1.0.0', 'core/auth@1.0.1', 'core/auth@1.0.2', 'core/auth@2.0.0');

const ROWS: readonly Row[] = [
  {
    name: 'a version below what runs is no fix, whoever names it',
    releases: AUTH,
    runs: ['core/auth@1.0.1'],
    advisories: { 'FL-1': advisory('core/auth *', '1.0.0', '1.0.1') },
    open: ['FL-1 core/auth 1.0.1 no-fix'],
  },
  {
    name: 'a fix of another component is none of this one',
    releases: { ...AUTH, ...plain('core/api@1.0.0', 'core/api@1.0.1') },
    runs: ['core/auth@1.0.0', 'core/api@1.0.0'],
    advisories: { 'FL-1': advisory('core/auth <1.0.1', 'core/api@1.0.1') },
    open: ['FL-1 core/auth 1.0.0 no-fix'],
  },
  {
    name: 'a fix that closes one of two holes is better than none, and the other stays told',
    releases: AUTH,
    runs: ['core/auth@1.0.0'],
    advisories: { 'FL-1': advisory('core/auth <1.0.1', '1.0.1'), 'FL-2': advisory('core/auth <3') },
    moves: ['core/auth 1.0.1 FL-1'],
    answers: ['FL-1'],
    open: ['FL-2 core/auth 1.0.1 no-fix'],
  },
  {
    name: 'a fix that closes both comes before a nearer one that closes one',
    releases: AUTH,
    runs: ['core/auth@1.0.0'],
    advisories: {
      'FL-1': advisory('core/auth <1.0.1', '1.0.1', '2.0.0'),
      'FL-2': advisory('core/auth <2', '2.0.0'),
    },
    moves: ['core/auth 2.0.0 FL-1'],
    answers: ['FL-1', 'FL-2'],
  },
  {
    name: 'also where it breaks the pin of a neighbour, and the other does not',
    releases: {
      ...AUTH,
      'core/auth@2.0.0': { requires: { 'core/api': '^2' } },
      ...plain('core/api@1.0.0', 'core/api@2.0.0'),
    },
    runs: ['core/auth@1.0.0', 'core/api@1.0.0'],
    advisories: {
      'FL-1': advisory('core/auth <1.0.1', '1.0.1', '2.0.0'),
      'FL-2': advisory('core/auth <2', '2.0.0'),
    },
    more: { pins: { 'core/api': '1.0.0' } },
    moves: ['core/api 2.0.0 FL-1', 'core/auth 2.0.0 FL-1'],
    answers: ['FL-1', 'FL-2'],
  },
  {
    name: 'of two that close as much, the nearer one',
    releases: AUTH,
    runs: ['core/auth@1.0.0'],
    advisories: { 'FL-2': advisory('core/auth <1.0.1', '2.0.0', '1.0.2', '1.0.1') },
    moves: ['core/auth 1.0.1 FL-2'],
    answers: ['FL-2'],
  },
  {
    name: 'a fix that opens as many holes as it closes is none',
    releases: AUTH,
    runs: ['core/auth@1.0.0'],
    advisories: { 'FL-1': advisory('core/auth <1.0.1', '1.0.1'), 'FL-2': advisory('core/auth 1.0.1') },
    open: ['FL-1 core/auth 1.0.0 affected'],
  },
  {
    name: 'the reason is that of a fix which cannot be had, where none can',
    releases: { ...AUTH, 'core/auth@1.0.1': { rollout: 'withdrawn' } },
    runs: ['core/auth@1.0.0'],
    advisories: { 'FL-1': advisory('core/auth <1.0.1', '1.0.1', '1.0.9') },
    open: ['FL-1 core/auth 1.0.0 withdrawn'],
  },
  {
    name: 'what failed here is quarantined, also where the vendor has taken it back since',
    releases: { ...AUTH, 'core/auth@1.0.1': { rollout: 'withdrawn' } },
    runs: ['core/auth@1.0.0'],
    advisories: { 'FL-1': advisory('core/auth <1.0.1', '1.0.1') },
    more: { quarantined: ['core/auth@1.0.1'] },
    open: ['FL-1 core/auth 1.0.0 quarantined'],
  },
  {
    name: 'what is taken back is withdrawn, also where it is halted',
    releases: { ...AUTH, 'core/auth@1.0.1': { rollout: 'withdrawn' } },
    runs: ['core/auth@1.0.0'],
    advisories: { 'FL-1': advisory('core/auth <1.0.1', '1.0.1') },
    more: { halts: { 'core/auth@1.0.1': '2026-03-03T00:00:00Z' } },
    open: ['FL-1 core/auth 1.0.0 withdrawn'],
  },
  {
    name: 'a neighbour that comes along has moved by the order that moved the first',
    releases: {
      ...AUTH,
      'core/auth@1.0.1': { requires: { 'core/api': '>=1.0.1' } },
      ...plain('core/api@1.0.0', 'core/api@1.0.1'),
    },
    runs: ['core/auth@1.0.0', 'core/api@1.0.0'],
    advisories: { 'FL-2': advisory('core/auth <1.0.1', '1.0.1') },
    moves: ['core/api 1.0.1 FL-2', 'core/auth 1.0.1 FL-2'],
    answers: ['FL-2'],
  },
  {
    name: 'each of two fixes has moved by its own order',
    releases: { ...AUTH, ...plain('core/api@1.0.0', 'core/api@1.0.1') },
    runs: ['core/auth@1.0.0', 'core/api@1.0.0'],
    advisories: {
      'FL-1': advisory('core/auth <1.0.1', '1.0.1'),
      'FL-2': advisory('core/api <1.0.1', '1.0.1'),
    },
    moves: ['core/api 1.0.1 FL-2', 'core/auth 1.0.1 FL-1'],
    answers: ['FL-1', 'FL-2'],
  },
  {
    name: 'two fixes that cannot stand together: the first by name moves, and a third moves with it',
    releases: {
      ...plain(
        'core/a@1.0.0',
        'core/b@1.0.0',
        'core/c@1.0.0',
        'core/c@1.0.1',
        'core/z@1.0.0',
        'core/z@2.0.0',
        'core/z@3.0.0',
      ),
      'core/a@1.0.1': { requires: { 'core/z': '2.0.0' } },
      'core/b@1.0.1': { requires: { 'core/z': '3.0.0' } },
    },
    runs: ['core/a@1.0.0', 'core/b@1.0.0', 'core/c@1.0.0', 'core/z@1.0.0'],
    advisories: {
      'FL-1': advisory('core/a <1.0.1', '1.0.1'),
      'FL-2': advisory('core/b <1.0.1', '1.0.1'),
      'FL-3': advisory('core/c <1.0.1', '1.0.1'),
    },
    moves: ['core/a 1.0.1 FL-1', 'core/c 1.0.1 FL-3', 'core/z 2.0.0 FL-1'],
    answers: ['FL-1', 'FL-3'],
    open: ['FL-2 core/b 1.0.0 constraints'],
  },
  {
    name: 'a required stop on the way is the first hop, though it is affected itself',
    releases: { ...AUTH, 'core/auth@1.5.0': { requiredStop: true } },
    runs: ['core/auth@1.0.0'],
    advisories: { 'FL-1': advisory('core/auth <2', '2.0.0') },
    moves: ['core/auth 1.5.0 FL-1'],
    answers: ['FL-1'],
  },
  {
    name: 'a required stop that is the fix itself is no hop before it',
    releases: { ...AUTH, 'core/auth@2.0.0': { requiredStop: true } },
    runs: ['core/auth@1.0.0'],
    advisories: { 'FL-1': advisory('core/auth <2', '2.0.0') },
    moves: ['core/auth 2.0.0 FL-1'],
    answers: ['FL-1'],
  },
  {
    name: 'a required stop that failed here is no way',
    releases: { ...AUTH, 'core/auth@1.5.0': { requiredStop: true } },
    runs: ['core/auth@1.0.0'],
    advisories: { 'FL-1': advisory('core/auth <2', '2.0.0') },
    more: { quarantined: ['core/auth@1.5.0'] },
    open: ['FL-1 core/auth 1.0.0 quarantined'],
  },
  {
    name: 'a required stop above the fix does not concern it',
    releases: { ...AUTH, 'core/auth@2.0.0': { requiredStop: true } },
    runs: ['core/auth@1.0.0'],
    advisories: { 'FL-1': advisory('core/auth <1.0.1', '1.0.1') },
    moves: ['core/auth 1.0.1 FL-1'],
    answers: ['FL-1'],
  },
];

describe('a forced patch', () => {
  it.each(ROWS)('$name', ({ releases, runs, advisories, more, moves = [], open = [], answers = [] }) => {
    expect(forced({ releases, runs, advisories, ...more })).toEqual({ moves, advisories: answers, open });
  });

  it('is none on an empty instance: there the ordinary target has the fix', () => {
    const input = compileInputOf({
      releases: AUTH,
      advisories: { 'FL-1': advisory('core/auth 2.0.0', '2.0.0') },
    });

    expect(compileEmergency(input)).toEqual({
      target: null,
      advisories: [],
      unfixable: [],
      overridden: [],
      misconfigured: [],
      adopted: [],
      beside: [],
    });
  });

  it('goes past halts where one of its orders has waited for them long enough, and not for another’s sake', () => {
    const input = compileInputOf({
      releases: AUTH,
      runs: ['core/auth@1.0.0'],
      advisories: {
        'FL-1': advisory('core/auth <1.0.1', '1.0.1'),
        'FL-2': advisory('core/auth <1.0.1', '1.0.1'),
      },
      halts: { 'core/auth@1.0.1': '2026-03-04T00:00:00Z' },
    });
    const movedSince = (orders: Record<string, number>) => {
      const ordersHaltedSince = new Map(
        Object.entries(orders).map(([id, hours]) => [id, instantMs(NOW) - hours * HOUR]),
      );
      return compileEmergency({ ...input, catalog: { ...input.catalog, ordersHaltedSince } }).target !== null;
    };

    expect([movedSince({}), movedSince({ 'FL-9': 99 }), movedSince({ 'FL-1': 1, 'FL-2': 72 })]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe('an ordinary target', () => {
  it('is hardened as well: what it would bring in goes on to the fix, by the order', () => {
    const scenario: Scenario = {
      releases: { ...plain('core/auth@1.0.0', 'core/auth@1.0.1'), 'core/auth@1.0.1': { rollout: false } },
      advisories: { 'FL-1': advisory('core/auth <1.0.1', '1.0.1') },
    };
    const result = compile(compileInputOf(scenario));

    expect(result.kind === 'compiled' && result.target.manifest.components).toMatchObject([
      { component: 'core/auth', version: '1.0.1', origin: 'forced:FL-1' },
    ]);
  });

  it('stays with the fix that runs rather than wander to an equal one that is nearer to what is desired', () => {
    const scenario: Scenario = {
      releases: { ...plain('core/auth@1.0.0', 'core/auth@1.0.1', 'core/auth@1.0.2'), 'core/auth@1.0.0': {} },
      runs: ['core/auth@1.0.2'],
      pins: { 'core/auth': '1.0.0' },
      advisories: { 'FL-1': advisory('core/auth <1.0.1', '1.0.1', '1.0.2') },
    };
    const result = compile(compileInputOf(scenario));

    expect(result.kind === 'compiled' && result.target.manifest.components[0]?.version).toBe('1.0.2');
  });
});
