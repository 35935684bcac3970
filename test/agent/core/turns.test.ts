// However hostile a catalog or a policy is, and however long a decision takes in all: between two rests little is done.
import { describe, expect, it } from 'vitest';
import { conclude, type Facts } from '../../../agent/core/conclude.ts';
import { editPolicy } from '../../../agent/core/policy-edit.ts';
import { findWay } from '../../../agent/core/way.ts';
import { createCompileCache } from '../../../shared/compile/compile.ts';
import type { CompileInput } from '../../../shared/compile/target.ts';
import { nextOpenings } from '../../../shared/policy/windows.ts';
import { DEFAULT_POLICY, type Policy } from '../../../shared/schema/policy.ts';
import { parseRef } from '../../../shared/schema/release-ref.ts';
import { countWork } from '../../support/counted-work.ts';
import { factsOf } from '../../support/facts.ts';
import { chained, entwined, largeInput } from '../../support/large-catalog.ts';
import { policyOf, type Scenario } from '../../support/scenario.ts';

/** A look is a fraction of a microsecond where its versions were read before, and some ten where not: 50 ms on a slow machine. */
const MOST_LOOKS = 5_000;
/** Of a zone's clock, each some ten microseconds. */
const MOST_READINGS = 2_500;

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const ZONES = Intl.supportedValuesOf('timeZone');

/** The facts of an install, with another catalog. */
function withCatalog(scenario: Scenario, { catalog }: Pick<CompileInput, 'catalog'>): Facts {
  return { ...factsOf(scenario), catalog };
}

/** Each version wants its own of the next capability; every second pin is low, the others are high. */
function pinnedChain(): Facts {
  const pins = numbers(25).map((i) => [`core/c${Math.floor((i * 39) / 24)}`, `1.${i % 2 === 0 ? 6 : 24}.0`]);
  return withCatalog({ releases: {}, pins: Object.fromEntries(pins) }, largeInput(40, 25, chained(40)));
}

/** All of them affected, with nineteen fixes each that ask for versions of one another which do not go together. */
function contradictingFixes(components: number): Facts {
  const names = numbers(components).map((i) => `core/c${i}`);
  const releases = names.flatMap((name, i) =>
    numbers(20).map((k) => {
      const next = k === 19 ? '>=9' : `>=1.${(k + 1) % 20}.0`;
      const requires = k > 0 && i < components - 1 ? { [`core/c${i + 1}`]: next } : {};
      return [`${name}@1.${k}.0`, { requires, rollout: false }] as const;
    }),
  );
  const affected = Object.fromEntries(names.map((name) => [name, '<1.1.0']));
  const orders = names.map((name, i) => {
    const fixed = numbers(19).map((k) => `${name}@1.${k + 1}.0`);
    return [`FL-2026-${1000 + i}`, { affected, fixed }] as const;
  });
  return factsOf({
    releases: Object.fromEntries(releases),
    runs: names.map((name) => `${name}@1.0.0`),
    advisories: Object.fromEntries(orders),
  });
}

/** One component of many versions, all affected by every advisory, in many ranges each. */
function advisedOver(): Facts {
  const releases = Object.fromEntries(numbers(30).map((i) => [`core/c0@1.${i}.0`, {}]));
  const facts = factsOf({
    releases,
    runs: ['core/c0@1.0.0'],
    advisories: { 'FL-1': { affected: { 'core/c0': '<9' }, fixed: ['core/c0@9.0.0'] } },
  });
  const [one] = facts.catalog.advisories;
  if (one === undefined) throw new TypeError('it has an advisory');
  const never = numbers(199).map((i) => ({ component: 'core/c0', versions: `>=9.${i}.0` }));
  const advisories = numbers(60).map((i) => ({
    ...one,
    id: `FL-2026-${i}`,
    affected: [...never, ...one.affected] as typeof one.affected,
  }));
  return { ...facts, catalog: { ...facts.catalog, advisories } };
}

/** Suites that ship more than anybody has, each of another version. */
function longBills(): Facts {
  const shipped = (i: number) =>
    Object.fromEntries(numbers(2_000).map((k) => [`part${k}`, `>=${i}.${k}.0`] as const));
  return factsOf({
    releases: Object.fromEntries(numbers(3).map((i) => [`core@1.${i}.0`, { ships: shipped(i) }])),
  });
}

/** As many pins as may be, all on one component of many versions. */
function manyPins(): Facts {
  const releases = Object.fromEntries(numbers(400).map((i) => [`core/c0@1.${i}.0`, {}]));
  const facts = factsOf({ releases, pins: { 'core/c0': '1.x' } });
  if (facts.policy.kind === 'unreadable') throw new TypeError('it can be read');
  const [pin] = facts.policy.policy.pins;
  if (pin === undefined) throw new TypeError('it has a pin');
  const pins = numbers(500).map((i) => ({ ...pin, version: `>=1.${i % 400}.0` as typeof pin.version }));
  return { ...facts, policy: { kind: 'readable', policy: { ...facts.policy.policy, pins } } };
}

/** Never open, and every day of every zone has to be looked at to tell. */
const shut = policyOf({
  windows: {
    allow: numbers(50).map((i) => windowOf(`a${i}`, `0 ${i % 24} * * *`, 'PT1M', i)),
    deny: numbers(50).map((i) => windowOf(`d${i}`, '0 0 * * *', 'PT25H', 50 + i)),
  },
});

function windowOf(name: string, cron: string, duration: string, zone: number) {
  return { name, cron, duration, zone: ZONES[(zone * 7) % ZONES.length] };
}

function behindWindows(scenario: Scenario): Facts {
  const facts = factsOf(scenario);
  return { ...facts, policy: { kind: 'readable', policy: shut } };
}

const ORDERED: Scenario = {
  releases: { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': {} },
  runs: ['core/auth@1.0.0'],
  advisories: {
    'FL-1': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'], notice: 'P2D' },
  },
};

describe('a decision rests', () => {
  it.each([
    ['with ten thousand releases', () => withCatalog({ releases: {} }, largeInput(100, 100, entwined))],
    [
      'with one component of as many',
      () =>
        withCatalog(
          { releases: {} },
          largeInput(1, 10_000, () => ({})),
        ),
    ],
    ['over pins that contradict each other', pinnedChain],
    ['over the fixes of ten components', () => contradictingFixes(10)],
    ['over the fixes of forty components', () => contradictingFixes(40)],
    ['over advisories without end', advisedOver],
    ['over bills of materials without end', longBills],
    ['over as many pins as may be', manyPins],
  ] as const)('%s', { timeout: 120_000 }, async (_what, facts) => {
    const { longest, total } = await countWork(conclude(facts(), null, createCompileCache()));

    expect(longest).toBeLessThan(MOST_LOOKS);
    // Else it shows nothing.
    expect(total).toBeGreaterThan(1_000);
  });
});

it.each([
  ['no order, behind windows that never open', () => behindWindows({ ...ORDERED, advisories: {} })],
  ['an order that waits for such windows', () => behindWindows(ORDERED)],
] as const)('a decision on %s rests', async (_what, facts) => {
  const { longest, total } = await countWork(conclude(facts(), null, createCompileCache()));

  expect(longest).toBeLessThan(MOST_READINGS);
  expect(total).toBeGreaterThan(MOST_READINGS);
});

describe('a question rests', () => {
  it('for the way to a release that many pins bar', { timeout: 120_000 }, async () => {
    const way = findWay(pinnedChain(), parseRef('core/c39@1.20.0'), createCompileCache());

    expect((await countWork(way)).longest).toBeLessThan(MOST_LOOKS);
  });

  it('for the next openings, and for what a change of the policy would shut', async () => {
    const edited: Policy = { ...DEFAULT_POLICY, windows: shut.windows };
    const edit = { kind: 'channel', channel: 'auto' } as const;
    const author = { by: 'alice', reason: 'why', at: factsOf(ORDERED).now };

    const asked = await countWork(nextOpenings(shut.windows, author.at, 3));
    const tried = await countWork(editPolicy(edited, edit, author));

    expect(asked.longest).toBeLessThan(MOST_READINGS);
    expect(tried.longest).toBeLessThan(MOST_READINGS);
  });
});
