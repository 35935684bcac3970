// The judge: when a rollout is stopped, when it goes on, and how often by mistake.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetCounts } from '../../../shared/change/change.ts';
import { chanceOfSilence, evidenceAgainst } from '../../../shared/change/evidence.ts';
import {
  type ClassFare,
  type Fare,
  type Judgement,
  judgeRollout,
  shareOf,
  toleranceOf,
} from '../../../shared/change/judge.ts';

const NONE: FleetCounts = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };
const fare = (counts: Partial<FleetCounts>, silence: Fare['silence'] = null): Fare => ({
  counts: { ...NONE, ...counts },
  silence,
});
const quiet = (offered: readonly [number, number], others: readonly [number, number]): Fare =>
  fare(
    {},
    {
      offered: { silent: offered[0], all: offered[1] },
      others: { silent: others[0], all: others[1] },
    },
  );
const ofClass = (name: string, one: Fare): ClassFare => ({ name, ...one });
const said = (judged: Judgement) => (judged.kind === 'stop' ? `stops ${judged.class ?? 'all'}` : 'goes on');

describe('by rate', () => {
  it.each<[string, Partial<FleetCounts>, string, string]>([
    ['nobody has it yet', {}, '2%', 'goes on'],
    ['one of one rolled back', { rolledBack: 1 }, '2%', 'stops all'],
    ['one of one is inconsistent', { failed: 1 }, '2%', 'stops all'],
    ['one of one rolled back, a twentieth tolerated', { rolledBack: 1 }, '5%', 'goes on'],
    ['two of two rolled back, a twentieth tolerated', { rolledBack: 2 }, '5%', 'stops all'],
    ['one of two', { committed: 1, rolledBack: 1 }, '2%', 'goes on'],
    ['two of three', { committed: 1, rolledBack: 2 }, '2%', 'stops all'],
    ['one of ten', { committed: 9, rolledBack: 1 }, '2%', 'goes on'],
    ['three of ten', { committed: 7, rolledBack: 3 }, '2%', 'stops all'],
    ['one of a thousand, where none is tolerated', { committed: 999, failed: 1 }, '0%', 'stops all'],
    ['as many as may', { committed: 980, rolledBack: 20 }, '2%', 'goes on'],
    ['twice as many as may', { committed: 960, rolledBack: 40 }, '2%', 'stops all'],
    ['all, where all may', { rolledBack: 50 }, '100%', 'goes on'],
    ['machines failed by themselves', { committed: 5, rolledBack: 40, environment: 40 }, '2%', 'goes on'],
    ['among them the release', { committed: 5, rolledBack: 12, environment: 9 }, '2%', 'stops all'],
    ['one of one has no end', { inProgress: 1, overdue: 1 }, '2%', 'stops all'],
    ['others deploy still', { inProgress: 500 }, '2%', 'goes on'],
    ['three of ten fell ill after their commit', { committed: 10, degraded: 3 }, '2%', 'stops all'],
    ['one of ten fell ill after its commit', { committed: 10, degraded: 1 }, '2%', 'goes on'],
  ])('%s', (_name, counts, tolerance, expected) => {
    expect(said(judgeRollout(shareOf(tolerance) ?? -1, fare(counts)))).toBe(expected);
  });

  it('says what is seen, and how likely that would be', () => {
    const judged = judgeRollout(0.02, fare({ committed: 7, rolledBack: 2, inProgress: 1, overdue: 1 }));

    expect(judged).toMatchObject({
      findings: [
        {
          ...{ cause: 'rate', class: null },
          text: '3 of 10 deployments went wrong (1 without an end), by chance at most once in 110',
        },
      ],
    });
  });

  it('takes the tolerance of the change, and two percent where it has none', () => {
    expect([toleranceOf({ tolerance: '0.5%' }), toleranceOf({})]).toEqual([0.005, 0.02]);
  });
});

describe('by silence', () => {
  it.each<[string, readonly [number, number], readonly [number, number], string]>([
    ['nobody is silent', [0, 10], [0, 990], 'goes on'],
    ['one canary of one, the others speak', [1, 1], [0, 99], 'goes on'],
    ['two canaries of two, the others speak', [2, 2], [2, 998], 'stops all'],
    ['ten canaries of ten, nobody to compare with', [10, 10], [0, 0], 'stops all'],
    ['three of three, nobody to compare with', [3, 3], [0, 0], 'goes on'],
    ['four of four, nobody to compare with', [4, 4], [0, 0], 'stops all'],
    ['a whole fleet gone silent', [400, 500], [0, 0], 'stops all'],
    ['a night in which a third is switched off, wherever', [33, 100], [300, 900], 'goes on'],
    ['a little more than the others, in a large fleet', [600, 50_000], [300, 50_000], 'goes on'],
    ['five times as many as the others', [50, 500], [10, 500], 'stops all'],
  ])('%s', (_name, offered, others, expected) => {
    expect(said(judgeRollout(0.02, quiet(offered, others)))).toBe(expected);
  });
});

describe('by class', () => {
  const arm = (counts: Partial<FleetCounts>) => ofClass('arch=arm64', fare(counts));
  const x64 = (counts: Partial<FleetCounts>) => ofClass('arch=x64', fare(counts));

  it.each<[string, Partial<FleetCounts>, readonly ClassFare[], string]>([
    [
      'one class fails, twenty others commit',
      { committed: 20, rolledBack: 4 },
      [arm({ rolledBack: 4 }), x64({ committed: 20 })],
      'stops arch=arm64',
    ],
    [
      'a class that hides among thousands',
      { committed: 2_000, rolledBack: 6 },
      [arm({ rolledBack: 6 }), x64({ committed: 2_000 })],
      'stops arch=arm64',
    ],
    [
      'one class fails, too few others to clear them',
      { committed: 3, rolledBack: 4 },
      [arm({ rolledBack: 4 }), x64({ committed: 3 })],
      'stops all',
    ],
    ['both fail', { rolledBack: 8 }, [arm({ rolledBack: 4 }), x64({ rolledBack: 4 })], 'stops all'],
    [
      'one of one of a class among fifty classes says little',
      { committed: 49, rolledBack: 1 },
      [arm({ rolledBack: 1 }), ...Array.from({ length: 49 }, () => x64({ committed: 1 }))],
      'goes on',
    ],
  ])('%s', (_name, all, classes, expected) => {
    expect(said(judgeRollout(0.02, fare(all), classes))).toBe(expected);
  });

  it('a class that is silent stops alone where the others speak', () => {
    const region = ofClass('region=eu', quiet([20, 20], [0, 0]));

    expect(
      said(
        judgeRollout(0.02, { ...quiet([20, 500], [0, 500]), counts: { ...NONE, committed: 480 } }, [region]),
      ),
    ).toBe('stops region=eu');
  });
});

describe('the tests behind it', () => {
  const trials = fc.tuple(fc.nat(3_000), fc.nat(3_000)).map(([a, b]) => ({ all: a + b, wrong: b }));
  /** Where more than half may go wrong, one more says nothing yet. */
  const share = fc.double({ min: 0.001, max: 0.5, noNaN: true });

  it('one more that goes wrong is never less evidence, one more that goes right never more', () => {
    fc.assert(
      fc.property(trials, share, ({ all, wrong }, tolerated) => {
        const now = evidenceAgainst({ all, wrong }, tolerated);
        expect(evidenceAgainst({ all: all + 1, wrong: wrong + 1 }, tolerated)).toBeGreaterThanOrEqual(
          now * 0.999999,
        );
        expect(evidenceAgainst({ all: all + 1, wrong }, tolerated)).toBeLessThanOrEqual(now * 1.000001);
      }),
    );
  });

  it('the chance of a silence is a chance, and falls with every silent one', () => {
    const fleet = fc.tuple(fc.nat(500), fc.nat(500), fc.nat(500), fc.nat(500));
    fc.assert(
      fc.property(fleet, ([a, b, c, d]) => {
        const others = { all: c + d, silent: d };
        const chance = chanceOfSilence({ all: a + b, silent: b }, others);
        expect(chance).toBeGreaterThanOrEqual(0);
        expect(chance).toBeLessThanOrEqual(1);
        expect(chanceOfSilence({ all: a + b + 1, silent: b + 1 }, others)).toBeLessThanOrEqual(chance + 1e-9);
      }),
      { examples: [[[2, 3, 0, 7]]] },
    );
  });

  it('Fisher’s lady tasting tea: four of four right by chance once in seventy', () => {
    expect(chanceOfSilence({ all: 4, silent: 4 }, { all: 4, silent: 0 })).toBeCloseTo(1 / 70, 10);
  });
});

/** Rollouts of a thousand installs, judged after every one; the share of them that was stopped, and after how many. */
function stoppedOf(rollouts: number, rate: number, seed: number) {
  let state = seed;
  // Mulberry32: the same figures every time.
  const chance = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const after: number[] = [];
  for (let rollout = 0; rollout < rollouts; rollout++) {
    const counts = { ...NONE };
    for (let install = 1; install <= 1_000; install++) {
      const outcome = chance() < rate ? 'rolledBack' : 'committed';
      counts[outcome] += 1;
      if (outcome === 'committed') continue;
      if (judgeRollout(0.02, { counts, silence: null }).kind === 'goes-on') continue;
      after.push(install);
      break;
    }
  }
  after.sort((a, b) => a - b);
  return {
    share: after.length / rollouts,
    median: after[Math.floor(after.length / 2)] ?? 0,
    last: after.at(-1) ?? 0,
  };
}

describe('two thousand rollouts of a thousand installs, two percent tolerated', () => {
  it.each([
    ['a tenth of the tolerance', 0.002, 0, 0.01],
    ['half the tolerance', 0.01, 0, 0.03],
    ['exactly the tolerance', 0.02, 0, 0.06],
    ['five times the tolerance', 0.1, 0.99, 1],
    ['every second one', 0.5, 1, 1],
    ['every one', 1, 1, 1],
  ])('%s', (name, rate, least, most) => {
    const { share, median, last } = stoppedOf(2_000, rate, 7);
    console.log(
      `${name}: ${(share * 100).toFixed(1)} % stopped, half of them by install ${median}, the last at ${last}`,
    );

    expect(share).toBeGreaterThanOrEqual(least);
    expect(share).toBeLessThanOrEqual(most);
  });
});
