// Lifting pins: as few as there must be, and said so where nobody could try every set.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pinnedComponent } from '../../../shared/compile/pins.ts';
import type { Target } from '../../../shared/compile/target.ts';
import type { Pin } from '../../../shared/schema/pin.ts';
import { compile } from '../../support/finished.ts';
import { chained, largeInput, type Requires } from '../../support/large-catalog.ts';
import { compileInputOf, decideScenario, type ReleaseSpec, type Scenario } from '../../support/scenario.ts';

interface Setup {
  readonly pins: number;
  /** Which of them contradict what the hub requires. */
  readonly wrong: readonly number[];
}

/** A pinned hub that requires the second version of some of the parts, all of which are pinned at the first. */
function scenarioOf({ pins, wrong }: Setup): Scenario {
  const parts = Array.from({ length: pins - 1 }, (_, i) => `core/p${String(i).padStart(3, '0')}`);
  const requires = Object.fromEntries(wrong.map((i) => [parts[i] ?? '', '^2.0.0']));
  const releases: Record<string, ReleaseSpec> = { 'core/hub@1.0.0': {}, 'core/hub@2.0.0': { requires } };
  for (const part of parts) Object.assign(releases, { [`${part}@1.0.0`]: {}, [`${part}@2.0.0`]: {} });
  return {
    releases,
    runs: ['core/hub@1.0.0', ...parts.map((part) => `${part}@1.0.0`)],
    pins: { 'core/hub': '2.0.0', ...Object.fromEntries(parts.map((part) => [part, '1.0.0'])) },
  };
}

function liftOf(setup: Setup) {
  const result = compile(compileInputOf(scenarioOf(setup)));
  if (result.kind !== 'conflict' || result.lift === null) throw new Error('expected a conflict');
  return { ...result.lift, names: result.lift.lift.map(pinnedComponent) };
}

const PUZZLED = Array.from({ length: 11 }, (_, i) => `core/p${i}`);

/** Of eleven parts with ten versions no two may have the same one: only with other versions, which have needs, they fit together. */
function puzzle(others: Readonly<Record<string, Record<string, string>>>): Record<string, ReleaseSpec> {
  const releases = PUZZLED.flatMap((part, i) => [
    ...Object.entries(others).map(([version, requires]) => [`${part}@${version}`, { requires }] as const),
    ...Array.from({ length: 10 }, (_, k) => {
      const apart = PUZZLED.slice(i + 1).map((one) => [one, `<1.${k}.0 || >1.${k}.0`]);
      return [`${part}@1.${k}.0`, { requires: Object.fromEntries(apart) }] as const;
    }),
  ]);
  return Object.fromEntries(releases);
}

describe('pins to lift', () => {
  it.each([
    ['one of a dozen', { pins: 12, wrong: [3, 4, 5] }, 1],
    ['one of 321', { pins: 321, wrong: [300, 301] }, 1],
    ['one of 25', { pins: 25, wrong: [4] }, 1],
  ])('are the smallest set there is: %s', (_name, setup, size) => {
    const { lift, isSmallest } = liftOf(setup);

    expect([lift.length, isSmallest]).toEqual([size, true]);
  });

  it.each([
    ['where there are none', {}],
    ['where they are not to blame', { 'core/auth': '1.0.0' }],
  ])('are none that help nobody: %s', (_name, pins) => {
    const releases = { 'core/auth@1.0.0': { requires: { 'core/none': '^1.0.0' } } };
    const result = compile(compileInputOf({ releases, runs: ['core/auth@1.0.0'], pins }));

    expect(result).toMatchObject({ kind: 'conflict', lift: null });
  });

  it('are the smallest set there is also where it is found last: two others would do as well', () => {
    const need = (name: string) => ({ requires: { [name]: '^2.0.0' } });
    const releases = {
      ...{ 'core/a@1.0.0': {}, 'core/a@2.0.0': {}, 'core/b@1.0.0': {}, 'core/b@2.0.0': {} },
      ...{ 'core/hub@1.0.0': {}, 'core/hub@2.0.0': { requires: { 'core/a': '^2.0.0', 'core/b': '^2.0.0' } } },
      'core/one@1.0.0': need('core/x'),
      ...{ 'core/x@1.0.0': {}, 'core/x@2.0.0': {}, 'core/y@1.0.0': {} },
    };
    const runs = ['a', 'b', 'hub', 'one', 'x', 'y'].map((name) => `core/${name}@1.0.0`);
    const pins = Object.fromEntries(['a', 'b', 'x', 'y'].map((name) => [`core/${name}`, '1.0.0']));
    const result = compile(compileInputOf({ releases, runs, pins: { ...pins, 'core/hub': '2.0.0' } }));

    expect(result).toMatchObject({ kind: 'conflict', lift: { isSmallest: true } });
    expect(result.kind === 'conflict' && result.lift?.lift.map(pinnedComponent)).toEqual([
      'core/hub',
      'core/x',
    ]);
  });

  it('are those that really stand in the way, where no single one does', () => {
    const scenario = scenarioOf({ pins: 25, wrong: [] });
    const releases = {
      ...scenario.releases,
      'core/a@1.0.0': { requires: { 'core/p004': '^2.0.0' } },
      'core/b@1.0.0': { requires: { 'core/p009': '^2.0.0' } },
    };
    const runs = [...(scenario.runs ?? []), 'core/a@1.0.0', 'core/b@1.0.0'];
    const result = compile(compileInputOf({ ...scenario, releases, runs }));

    expect(result).toMatchObject({
      kind: 'conflict',
      lift: { isSmallest: true, lift: [{ name: 'core/p004' }, { name: 'core/p009' }] },
    });
  });

  it('are those that free everything which others hold back, not a part of it', () => {
    const requires = (name: string) => ({ requires: { [name]: '^2.0.0' } });
    const releases = {
      ...{ 'core/p@1.0.0': {}, 'core/p@2.0.0': requires('core/x'), 'core/q@1.0.0': {} },
      ...{ 'core/q@2.0.0': requires('core/y'), 'core/x@1.0.0': {}, 'core/x@2.0.0': {} },
      ...{ 'core/y@1.0.0': {}, 'core/y@2.0.0': {}, 'core/z@1.0.0': {} },
    };
    const runs = ['p', 'q', 'x', 'y', 'z'].map((name) => `core/${name}@1.0.0`);
    const pins = { 'core/x': '1.0.0', 'core/y': '1.0.0', 'core/z': '1.0.0' };
    const result = compile(compileInputOf({ releases, runs, pins }));

    expect(result).toMatchObject({
      heldBack: { isSmallest: true, lift: [{ name: 'core/x' }, { name: 'core/y' }] },
    });
  });

  it('are not called the smallest set where a smaller one was not tried to the end', () => {
    const releases: Record<string, ReleaseSpec> = {
      ...puzzle({ '2.0.0': { 'core/switch': '^2.0.0' } }),
      ...{ 'core/switch@1.0.0': {}, 'core/switch@2.0.0': {}, 'core/a@1.0.0': {}, 'core/a@2.0.0': {} },
      'core/hub@1.0.0': { requires: { 'core/a': '^2.0.0' } },
    };
    const runs = ['core/hub', 'core/a', 'core/switch', ...PUZZLED].map((name) => `${name}@1.0.0`);
    const pins = { 'core/a': '1.0.0', 'core/switch': '1.0.0' };

    const result = compile(compileInputOf({ releases, runs, pins }));

    expect(result).toMatchObject({
      kind: 'conflict',
      lift: { isSmallest: false, lift: [{ name: 'core/a' }, { name: 'core/switch' }] },
    });
  });

  it.each<[string, Record<string, ReleaseSpec>, Record<string, string>]>([
    ['the first that is found', {}, {}],
    ['found after two others that would do', { 'core/b@2.0.0': {} }, { 'core/b': '1.0.0' }],
  ])(
    'are called the smallest set where another as small was not tried to the end: %s',
    (_name, b, pinned) => {
      const releases = {
        ...puzzle({ '3.0.0': { 'core/z': '^1.0.0' }, '2.0.0': { 'core/b': '^2.0.0' } }),
        ...{ 'core/a@1.0.0': {}, 'core/a@2.0.0': {}, 'core/b@1.0.0': {}, 'core/z@1.0.0': {} },
        ...{ 'core/z@2.0.0': { requires: { 'core/a': '^2.0.0' } }, ...b },
      };
      const runs = ['core/a', 'core/b', 'core/z', ...PUZZLED].map((name) => `${name}@1.0.0`);
      const pins = { 'core/a': '1.0.0', ...pinned, 'core/z': '2.0.0' };

      const result = compile(compileInputOf({ releases, runs, pins }));

      expect(result).toMatchObject({
        kind: 'conflict',
        lift: { isSmallest: true, lift: [{ name: 'core/z' }] },
      });
    },
  );

  it('are known to be the smallest set also where a pin that stays pulls all of a long chain down', () => {
    const runs = Array.from({ length: 60 }, (_, i) => `core/c${i}@1.0.0`);
    const ends = { 'core/c29': '1.0.0', 'core/c59': '1.0.0' };
    const { current, pins } = compileInputOf({ releases: {}, runs, pins: ends });
    const twoChains: Requires = (i, version) => (i === 29 ? {} : chained(60)(i, version));

    const result = compile({ ...largeInput(60, 30, twoChains), current, pins });

    expect(result).toMatchObject({
      kind: 'compiled',
      heldBack: { isSmallest: true, lift: [{ name: 'core/c29' }, { name: 'core/c59' }] },
    });
  });

  it('are named in a catalog of thousands of releases too, of which an attempt could not look at every one', () => {
    const runs = Array.from({ length: 100 }, (_, i) => `core/c${i}@1.0.0`);
    const { current, pins } = compileInputOf({
      ...{ releases: {}, runs },
      pins: { 'core/c40': '<2.0.0', 'core/c70': '<2.0.0', 'core/c99': '1.30.0' },
    });

    const result = compile({ ...largeInput(100, 60, chained(100)), current, pins });

    expect(result).toMatchObject({
      kind: 'compiled',
      heldBack: { isSmallest: true, lift: [{ name: 'core/c99' }] },
    });
  });

  it('are none in vain, and it is said that fewer may do, where there are too many to try', () => {
    const wrong = [5, 50, 95, 140, 185];
    const scenario = scenarioOf({ pins: 200, wrong: [] });
    const needy = Object.fromEntries(
      wrong.map((i) => [
        `core/n${i}@1.0.0`,
        { requires: { [`core/p${String(i).padStart(3, '0')}`]: '^2.0.0' } },
      ]),
    );
    const whole = {
      ...scenario,
      releases: { ...scenario.releases, ...needy },
      runs: [...(scenario.runs ?? []), ...Object.keys(needy)],
    };

    const result = compile(compileInputOf(whole));
    const [reason] = decideScenario(whole).decision.blockers;

    expect(result).toMatchObject({ kind: 'conflict', lift: { isSmallest: false } });
    expect(result.kind === 'conflict' && result.lift?.lift).toHaveLength(wrong.length);
    expect(reason).toMatchObject({ code: 'pins-conflict', message: expect.stringContaining('fewer may') });
    expect(reason?.clearWith?.split(' && ')).toHaveLength(wrong.length);
  });

  it('let everything hold once they are lifted, and none of them is in vain', () => {
    const setup = fc.integer({ min: 2, max: 14 }).chain((pins) =>
      fc.record({
        pins: fc.constant(pins),
        wrong: fc.subarray(
          Array.from({ length: pins - 1 }, (_, i) => i),
          { minLength: 1 },
        ),
      }),
    );

    fc.assert(
      fc.property(setup, (one) => {
        const scenario = scenarioOf(one);
        const { names } = liftOf(one);
        const holds = (lifted: readonly string[]) => {
          const pins = Object.fromEntries(
            Object.entries(scenario.pins ?? {}).filter(([name]) => !lifted.includes(name)),
          );
          return compile(compileInputOf({ ...scenario, pins })).kind === 'compiled';
        };

        expect(holds(names)).toBe(true);
        for (const name of names) expect(holds(names.filter((each) => each !== name))).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

/** Five components of four versions, of which some ask for another at or above a version, or below it. */
const small = fc
  .record({
    rules: fc.array(
      fc.record({ of: fc.nat(4), version: fc.nat(3), on: fc.nat(4), range: fc.constantFrom('>=', '<') }),
      { minLength: 8, maxLength: 30 },
    ),
    wanted: fc.array(fc.nat(3), { minLength: 30, maxLength: 30 }),
    isRunning: fc.boolean(),
    pins: fc.dictionary(fc.constantFrom('core/c0', 'core/c1', 'core/c3', 'core/c4'), fc.nat(3), {
      minKeys: 1,
      maxKeys: 3,
    }),
  })
  .map(({ rules, wanted, isRunning, pins }) => {
    const asked = (capability: number, version: number) =>
      Object.fromEntries(
        rules.flatMap(({ of, version: from, on, range }, i) =>
          of === capability && from === version && on !== of
            ? [[`core/c${on}`, `${range}1.${wanted[i]}.0`]]
            : [],
        ),
      );
    const pinned = Object.fromEntries(Object.entries(pins).map(([name, at]) => [name, `1.${at}.0`]));
    const runs = isRunning ? [0, 1, 2, 3, 4].map((i) => `core/c${i}@1.0.0`) : [];
    const { current, pins: wantedPins } = compileInputOf({ releases: {}, runs, pins: pinned });
    return { ...largeInput(5, 4, asked), current, pins: wantedPins };
  });

function versionsIn({ manifest }: Pick<Target, 'manifest'>): ReadonlyMap<string, string> {
  return new Map(manifest.components.map(({ component, version }) => [component, version]));
}

function subsetsOf<Item>([first, ...rest]: readonly Item[]): readonly (readonly Item[])[] {
  if (first === undefined) return [[]];
  return subsetsOf(rest).flatMap((some) => [some, [first, ...some]]);
}

it('names a smallest set of pins and what is free without it, as trying every set does', () => {
  const seen = { heldBack: 0, conflict: 0 };
  fc.assert(
    fc.property(small, (input) => {
      const result = compile(input);
      const lifting = (lift: readonly unknown[]) => {
        const lifted = compile({ ...input, pins: input.pins.filter((pin) => !lift.includes(pin)) });
        return lifted.kind === 'conflict' ? null : versionsIn(lifted.target);
      };
      const before = result.kind === 'conflict' ? input.current : result.target;
      const chosen = before === null ? new Map<string, string>() : versionsIn(before);
      const isHigher = (name: string, version: string) => version > (chosen.get(name) ?? '');
      const free = lifting(input.pins) ?? new Map<string, string>();
      const isPinned = (name: string) => input.pins.some((pin) => pinnedComponent(pin) === name);
      const held = [...free].filter(([name, to]) => isHigher(name, to) && !isPinned(name));
      const mustReach = result.kind === 'conflict' ? [] : held;
      const isEnough = (lift: readonly unknown[]) => {
        const lifted = lifting(lift);
        return lifted !== null && mustReach.every(([name, to]) => (lifted.get(name) ?? '') >= to);
      };
      const told = result.kind === 'conflict' ? result.lift : result.heldBack;

      const sets = subsetsOf(input.pins).filter((lift) => lift.length > 0 && isEnough(lift));

      if (sets.length === 0 || (result.kind === 'compiled' && held.length === 0)) {
        expect(told).toBeNull();
        return;
      }
      seen[result.kind === 'conflict' ? 'conflict' : 'heldBack']++;
      const fewest = Math.min(...sets.map((set) => set.length));
      expect(told).toMatchObject({ isSmallest: true, lift: { length: fewest } });
      expect(sets.map(namesOf)).toContain(namesOf(told?.lift ?? []));
      const gains = [...(lifting(told?.lift ?? []) ?? [])].filter(([name, to]) => isHigher(name, to));
      expect(told?.gains.map(({ component, to }) => [component, to])).toEqual(gains);
    }),
    { numRuns: 300 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(5);
});

/** In any order. */
function namesOf(pins: readonly Pin[]): string {
  return pins.map(pinnedComponent).toSorted().join(' ');
}
