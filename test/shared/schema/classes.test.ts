// Classes of installs: who is in, who is not, who cannot tell, and which side is the safe one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Classes,
  type ClassFacts,
  classes,
  classFacts,
  covers,
  FACT_NAMES,
  type FactName,
  isContradiction,
  isOfferedTo,
  isStoppedFor,
  membershipIn,
} from '../../../shared/schema/classes.ts';
import { waveProblem } from '../../../shared/schema/rollout.ts';

const HERE: ClassFacts = {
  os: ['debian:12'],
  arch: ['x64'],
  driver: ['process', 'systemd'],
  suite: [],
  region: ['eu'],
};

describe('an install', () => {
  it.each<[string, Classes, string]>([
    ['that has all that is asked', [{ os: ['debian:12'], region: ['eu'] }], 'in'],
    ['of any version of a system', [{ os: ['ubuntu', 'debian'] }], 'in'],
    ['of another version', [{ os: ['debian:11'] }], 'out'],
    ['of a system whose name begins alike', [{ os: ['deb'] }], 'out'],
    ['that has one of several values', [{ driver: ['compose', 'systemd'] }], 'in'],
    ['that lacks one of the facts', [{ os: ['debian'], region: ['us'] }], 'out'],
    ['known to have none', [{ suite: ['core'] }], 'out'],
    ['that is in the second class', [{ region: ['us'] }, { arch: ['x64'] }], 'in'],
    ['that cannot tell', [{ database: ['postgresql'] }], 'unknown'],
    ['that cannot tell, and lacks another fact', [{ database: ['postgresql'], region: ['us'] }], 'out'],
    ['that cannot tell of one, and is in another', [{ database: ['mysql'] }, { region: ['eu'] }], 'in'],
  ])('%s: %j is %s', (_name, all, expected) => {
    expect(membershipIn(all, HERE).kind).toBe(expected);
  });

  it('whose system does not say its version cannot tell whether that is asked for', () => {
    expect(membershipIn([{ os: ['debian:12'] }], { os: ['debian'] })).toEqual({
      kind: 'unknown',
      facts: ['os'],
    });
  });

  it.each([
    ['os', 'ubuntu:24.04', 'ubuntu:24', 'unknown'],
    ['os', 'ubuntu:24', 'ubuntu:24.04', 'in'],
    ['os', 'ubuntu:24.04', 'ubuntu:22', 'out'],
    ['database', 'postgresql:16', 'postgresql:16.3', 'in'],
    ['database', 'postgresql:16', 'postgresql:16-alpine', 'in'],
    ['database', 'postgresql:16.3', 'postgresql:16', 'unknown'],
    ['database', 'postgresql:16', 'postgresql:160', 'out'],
    ['os', 'opensuse', 'opensuse-leap:15', 'out'],
  ])('asked for %s=%s, which is %s, is %s', (fact, want, has, expected) => {
    const facts = { ...HERE, [fact]: [has] };

    expect(membershipIn([{ [fact]: [want] }], facts).kind).toBe(expected);
    expect(isStoppedFor([{ [fact]: [want] }], facts)).toBe(expected !== 'out');
  });

  it('that cannot tell is offered nothing and stopped by everything; where nothing is asked, both are for all', () => {
    const asked = [{ database: ['postgresql:16'] }];

    expect([isOfferedTo(asked, HERE), isStoppedFor(asked, HERE)]).toEqual([false, true]);
    expect([isOfferedTo(undefined, {}), isStoppedFor(undefined, {})]).toEqual([true, true]);
  });
});

const value = fc.constantFrom('a', 'b', 'a:1', 'a:2', 'b:1', 'a:1.2', 'a:12');
const values = fc.uniqueArray(value, { minLength: 1, maxLength: 3 });
const record = <Value>(of: fc.Arbitrary<Value>) =>
  fc.record(Object.fromEntries(FACT_NAMES.map((name) => [name, of])), { requiredKeys: [] });
const anyClass = record(values).filter((one) => Object.keys(one).length > 0);
const anyClasses = fc.array(anyClass, { minLength: 1, maxLength: 3 }) as fc.Arbitrary<Classes>;
const anyFacts = record(fc.uniqueArray(value, { maxLength: 3 })) as fc.Arbitrary<ClassFacts>;

/** By enumeration: every way in which what is not known could be. */
function possibilities(facts: ClassFacts, at = 0): readonly ClassFacts[] {
  const name = FACT_NAMES[at];
  if (name === undefined) return [facts];
  const ways =
    facts[name] === undefined ? [[], ['a:1.2'], ['a:1.3'], ['a:12'], ['b:1'], ['a:2']] : [facts[name]];
  return ways.flatMap((way) => possibilities({ ...facts, [name]: way }, at + 1));
}

describe('membership', () => {
  it('is whole: every class of the schema has an answer for all facts, the same in any order', () => {
    fc.assert(
      fc.property(anyClasses, anyFacts, (all, facts) => {
        expect(classes.safeParse(all).success).toBe(true);
        expect(classFacts.safeParse(facts).success).toBe(true);
        const turned = all.toReversed().map((one) => {
          const entries = Object.entries(one).toReversed();
          return Object.fromEntries(entries.map(([name, wants]) => [name, wants?.toReversed()]));
        });
        expect(membershipIn(turned, facts)).toEqual(membershipIn(all, facts));
      }),
    );
  });

  it('is certain only where every way in which the unknown may be gives the same', () => {
    const known = record(
      fc.constantFrom(['a:1'], ['b:1'], ['a:2'], ['a:1', 'b:1']),
    ) as fc.Arbitrary<ClassFacts>;
    const some = fc.tuple(known, fc.subarray<FactName>([...FACT_NAMES], { maxLength: 3 }));
    fc.assert(
      fc.property(anyClasses, some, (all, [facts, hidden]) => {
        const whole: ClassFacts = {
          ...Object.fromEntries(FACT_NAMES.map((name) => [name, ['a:1']])),
          ...facts,
        };
        const seen = Object.fromEntries(
          Object.entries(whole).filter(([name]) => !hidden.includes(name as FactName)),
        );
        const said = membershipIn(all, seen).kind;
        for (const way of possibilities(seen)) {
          const really = membershipIn(all, way).kind;
          if (said !== 'unknown') expect(really).toBe(said);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('of whoever is in a class that is covered is membership in what covers it; nobody is in a contradiction', () => {
    const single = (facts: ClassFacts) =>
      ['os', 'arch', 'region'].every((name) => (facts[name as FactName]?.length ?? 0) < 2);
    fc.assert(
      fc.property(anyClasses, anyClasses, anyFacts.filter(single), (one, other, facts) => {
        const [inOne, inOther] = [one, other].map((all) => membershipIn(all, facts).kind === 'in');
        if (covers(one, other) && inOther) expect(inOne).toBe(true);
        if (isContradiction(one, other)) expect(inOne && inOther).toBe(false);
      }),
    );
  });
});

describe('classes of a document', () => {
  it.each<[string, unknown]>([
    ['nobody', []],
    ['a class that asks for nothing', [{}]],
    ['a fact without a value', [{ os: [] }]],
    ['a value twice', [{ os: ['debian', 'debian'] }]],
    ['a fact that no install has', [{ colour: ['red'] }]],
    ['capitals', [{ os: ['Debian'] }]],
    ['a line break', [{ os: ['debian\n'] }]],
    ['more than twenty values', [{ region: Array.from({ length: 21 }, (_, i) => `r${i}`) }]],
    ['more than twenty classes', Array.from({ length: 21 }, () => ({ region: ['eu'] }))],
  ])('are refused: %s', (_name, all) => {
    expect(classes.safeParse(all).success).toBe(false);
  });
});

describe('waves of classes', () => {
  const EU = [{ region: ['eu'] }];
  const US = [{ region: ['us'] }];
  const rest = { percent: 100, after: 'P1D' };

  it.each([
    ['a class, then all', [{ percent: 5, after: 'PT0S', classes: EU }, rest], true],
    ['one class whole after the other', [...[EU, US].map((one) => ({ ...rest, classes: one })), rest], true],
    [
      'a share of all before a larger one of a class',
      [{ percent: 1, after: 'PT0S' }, { percent: 10, after: 'PT1H', classes: EU }, rest],
      true,
    ],
    ['a last wave of a class: others would wait for ever', [{ ...rest, classes: EU }], false],
    [
      'a class whose share everybody had',
      [{ percent: 10, after: 'PT0S' }, { percent: 10, after: 'PT1H', classes: EU }, rest],
      false,
    ],
    [
      'a class within one that was whole',
      [{ ...rest, classes: EU }, { ...rest, classes: [{ region: ['eu'], os: ['debian'] }] }, rest],
      false,
    ],
  ])('%s', (_name, waves, isPossible) => {
    expect(waveProblem(waves) === null).toBe(isPossible);
  });

  it('of a class that the rollout is not for reach nobody', () => {
    const waves = [{ percent: 5, after: 'PT0S', classes: US }, rest];

    expect([waveProblem(waves, EU), waveProblem(waves, [...EU, ...US])].map((one) => one === null)).toEqual([
      false,
      true,
    ]);
  });
});
