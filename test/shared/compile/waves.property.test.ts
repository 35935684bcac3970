// Waves and classes, whatever is signed: everybody by the deadline, nobody earlier than their wave, nobody stopped for another class.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reachedAt } from '../../../shared/compile/waves.ts';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { type Classes, type ClassFacts, membershipIn } from '../../../shared/schema/classes.ts';
import { orderTerms } from '../../../shared/schema/order-terms.ts';
import { type Wave, waveProblem } from '../../../shared/schema/rollout.ts';
import { compileEmergency, indexReleases, selectOffers } from '../../support/finished.ts';
import { compileInputOf, NOW } from '../../support/scenario.ts';

const T0 = instantMs(NOW);
const MINUTE = 60_000;

const value = fc.constantFrom('a', 'b', 'a:1');
const of = <Value>(values: fc.Arbitrary<Value>) =>
  fc.record(Object.fromEntries(['os', 'region', 'database'].map((name) => [name, values])), {
    requiredKeys: [],
  });
const anyClasses = fc.array(
  of(fc.uniqueArray(value, { minLength: 1, maxLength: 2 })).filter((one) => Object.keys(one).length > 0),
  { minLength: 1, maxLength: 2 },
) as fc.Arbitrary<Classes>;
const anyFacts = of(fc.uniqueArray(value, { maxLength: 2 })) as fc.Arbitrary<ClassFacts>;
const instance = fc.integer({ min: 0, max: 999 }).map((i) => `install-${i}`);

/** Growing shares with growing delays, some of a class. */
const anyWaves = fc
  .array(
    fc.record({
      percent: fc.integer({ min: 1, max: 99 }),
      minutes: fc.integer({ min: 0, max: 500 }),
      classes: fc.option(anyClasses, { nil: undefined }),
    }),
    { maxLength: 4 },
  )
  .map((parts): Wave[] => [
    ...parts
      .toSorted((a, b) => a.minutes - b.minutes)
      .map(({ percent, minutes, classes }) => ({
        ...{ percent, after: `PT${minutes}M` },
        ...(classes === undefined ? {} : { classes: [...classes] }),
      })),
    { percent: 100, after: 'PT600M' },
  ])
  .filter((waves) => waveProblem(waves) === null);

describe('a wave', () => {
  it('reaches an install once and for good: in no class later than without knowing, and nobody after the last', () => {
    fc.assert(
      fc.property(anyWaves, instance, anyFacts, (waves, id, facts) => {
        const rollout = { seed: 'seed', start: NOW, waves };
        const at = reachedAt(rollout, id, facts);

        expect(at).toBeLessThanOrEqual(reachedAt(rollout, id, {}));
        expect(at).toBeLessThanOrEqual(T0 + 600 * MINUTE);
        const plain = waves.filter(({ classes }) => classes === undefined);
        expect(at).toBeLessThanOrEqual(reachedAt({ ...rollout, waves: plain }, id, facts));
      }),
    );
  });
});

const AFFECTED = { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] };
const HOLE = {
  releases: { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': { rollout: false } },
  runs: ['core/auth@1.0.0'],
};

describe('an order in waves', () => {
  const plain = anyWaves.map((waves) => waves.filter(({ classes }) => classes === undefined));

  it('forces each install from its wave on, and everybody from the deadline on', () => {
    const minutes = fc.integer({ min: -60, max: 1_000 });
    fc.assert(
      fc.property(plain, instance, minutes, fc.integer({ min: 0, max: 900 }), (waves, id, at, deadline) => {
        const ends = T0 + deadline * MINUTE;
        const advisories = { 'FL-1-1': { ...AFFECTED, deadline: formatInstant(ends) } };
        const input = compileInputOf({ ...HOLE, advisories });
        const terms = orderTerms.parse({
          ...{ schema: 'fairlead/order-terms@1', advisory: 'FL-1-1', seed: 'seed', start: NOW, waves },
        });
        const ordered = input.catalog.advisories.map((one) => ({ ...one, terms }));
        const catalog = { ...input.catalog, advisories: ordered };
        const now = T0 + at * MINUTE;

        const { target, waits } = compileEmergency({ ...input, instance: id, now, catalog });

        const comes = Math.min(reachedAt(terms, id, {}), ends);
        expect(target).not.toBeNull();
        expect(waits).toBe(now < comes ? comes : undefined);
        if (now >= ends) expect(waits).toBeUndefined();
      }),
    );
  });
});

describe('a halt of a class', () => {
  it('stops exactly who is or may be in it, an offer and a forced fix alike', () => {
    fc.assert(
      fc.property(anyClasses, anyFacts, (classes, facts) => {
        const halts = { 'core/auth@1.0.1': { expires: '2026-03-03T00:00:00Z', classes } };
        const offered = { ...HOLE, releases: { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': {} } };
        const ordinary = compileInputOf({ ...offered, halts, facts });
        const forced = compileInputOf({ ...HOLE, halts, facts, advisories: { 'FL-1-1': AFFECTED } });

        const { withheld } = selectOffers(ordinary, indexReleases(ordinary.catalog.releases));
        const { target, unfixable } = compileEmergency(forced);

        const isStopped = membershipIn(classes, facts).kind !== 'out';
        expect([...withheld.values()].map(({ why }) => why.kind)).toEqual(isStopped ? ['halted'] : []);
        expect(target === null).toBe(isStopped);
        expect(unfixable.map(({ reason }) => reason)).toEqual(isStopped ? ['halted'] : []);
      }),
    );
  });
});
