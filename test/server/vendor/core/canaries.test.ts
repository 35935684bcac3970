// Canaries: the seed that is chosen, what the first wave then holds, and what is said of whom nothing reaches.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describePlan,
  type KnownInstall,
  type Offering,
  planWaves,
} from '../../../../server/vendor/core/canaries.ts';
import { parseWaves } from '../../../../server/vendor/core/waves.ts';
import { reachedAt } from '../../../../shared/compile/waves.ts';
import { instantMs } from '../../../../shared/encoding/instant.ts';
import { type Classes, isOfferedTo } from '../../../../shared/schema/classes.ts';

const SEEDS = Array.from({ length: 500 }, (_, i) => `seed-${i}`) as [string, ...string[]];
const START = '2026-03-01T00:00:00Z';

function fleet(count: number, factsOf: (i: number) => KnownInstall['facts']): readonly KnownInstall[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `install-${i}`,
    track: 'stable',
    facts: factsOf(i),
  }));
}

/** Nine of ten run Debian in Europe; each of the others is one of a kind. */
const mixed = fleet(200, (i) => ({
  os: [i % 10 === 0 ? 'rhel:9' : 'debian:12'],
  region: [i < 6 ? 'ap' : 'eu'],
  driver: [i % 20 === 3 ? 'compose' : 'process'],
}));

describe('the first wave', () => {
  const offering: Offering = { waves: parseWaves('2%,100%@PT1H') };

  it('holds an install of every class where the fleet has one to spare, and is no larger for it', () => {
    const plan = planWaves(offering, mixed, SEEDS);

    expect(plan.classes).toHaveLength(6);
    expect(plan.classes.filter(({ reached }) => reached[0] === 0)).toEqual([]);
    expect(plan.reached[0]).toBeLessThanOrEqual(4);
    expect(describePlan(offering, plan, mixed)).toContain('the first wave has installs of all 6 classes');
    // By chance alone it would not.
    const byChance = planWaves(offering, mixed, [SEEDS[0]]);
    expect(byChance.classes.some(({ reached }) => reached[0] === 0)).toBe(true);
  });

  it('names the classes that one install cannot be all of', () => {
    const kinds = fleet(50, (i) => ({ region: [`r${i}`] }));
    const plan = planWaves(offering, kinds, SEEDS);

    expect(plan.reached).toEqual([1, 49]);
    expect(describePlan(offering, plan, kinds).at(-1)).toMatch(
      /^the first wave has installs of 1 of 50 classes; of region=r0 \(1\)/,
    );
  });

  it('is what the installs themselves make of the seed', () => {
    const { seed, reached } = planWaves(offering, mixed, SEEDS);
    const rollout = { waves: offering.waves, seed, start: START };

    const first = mixed.filter(({ id, facts }) => reachedAt(rollout, id, facts ?? {}) === instantMs(START));

    expect(first).toHaveLength(reached[0] ?? -1);
  });
});

describe('whom an offer leaves out', () => {
  it('is counted by why: of other classes, that cannot tell, whose agent knows no classes', () => {
    const some = [
      ...fleet(3, () => ({ region: ['eu'] })),
      ...fleet(2, () => ({ region: ['us'] })),
      ...fleet(4, () => ({})),
      ...fleet(1, () => null),
    ].map((one, i) => ({ ...one, id: `install-${i}` }));
    const offering: Offering = { waves: parseWaves('100%'), classes: [{ region: ['eu'] }] };

    const lines = describePlan(offering, planWaves(offering, some, SEEDS), some);

    expect(lines).toEqual([
      'of 10 installs 3 are meant; by wave 100%: 3',
      'left out: 2 of other classes, 4 cannot tell, 1 run an agent that knows no classes',
    ]);
  });

  it('is everybody where no known install is in the class, or in a wave of one', () => {
    const limited: Offering = { waves: parseWaves('100%'), classes: [{ region: ['mars'] }] };
    const waved: Offering = { waves: parseWaves('5%[region=mars],100%@PT1H') };
    const said = (offering: Offering) =>
      describePlan(offering, planWaves(offering, mixed, SEEDS), mixed).join('\n');

    expect(said(limited)).toContain('no known install is in a class of region=mars');
    expect(said(waved)).toContain('no known install is in the wave 5%[region=mars]');
  });
});

it('every install is in one wave at most, and each that may be offered it in one', () => {
  const facts = fc.option(fc.record({ region: fc.constantFrom<string[]>(['eu'], ['us'], []) }), {
    nil: null,
  });
  const waves = fc.constantFrom('100%', '1%,50%@PT1H,100%@P1D', '5%[region=eu],20%@PT1H,100%@PT2H');
  const limits = fc.constantFrom<Classes | undefined>(
    undefined,
    [{ region: ['eu'] }],
    [{ region: ['us'] }, { region: ['eu'] }],
  );
  fc.assert(
    fc.property(fc.array(facts, { maxLength: 40 }), waves, limits, (all, text, classes) => {
      const installs = all.map((one, i) => ({ id: `install-${i}`, track: 'stable', facts: one }));
      const offering: Offering = { waves: parseWaves(text), classes };
      const plan = planWaves(offering, installs, ['a', 'b']);
      const limited = classes !== undefined || text.includes('[');
      const meant = installs.filter((one) =>
        one.facts === null ? !limited : isOfferedTo(classes, one.facts),
      );

      expect(plan.reached.reduce((sum, one) => sum + one, 0)).toBe(meant.length);
      expect(Object.values(plan.leftOut).reduce((sum, one) => sum + one, 0)).toBe(
        installs.length - meant.length,
      );
    }),
  );
});
