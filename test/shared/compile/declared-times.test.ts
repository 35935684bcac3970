// The longest way back: what is left and what is restored, each at its own limits, and how long wavering is watched.
import { describe, expect, it } from 'vitest';
import { patienceMs, rollbackBoundMs } from '../../../shared/compile/declared-times.ts';
import { AUTH, deployableOf, type Extras, planOf, releaseOf } from '../../support/deploy-releases.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A service that is asked nothing, stops in 5 s, is killed within 10 more, and restores nothing. */
const BARE = { health: [], smoke: [], hooks: { preflight: [], snapshot: [], restore: [] } };
const LEFT = 15_000;

describe('the time that going back can take', () => {
  const bound = (left: Extras, restored: Extras) => {
    const old = deployableOf({ [AUTH]: releaseOf(AUTH, '1.0.0', { ...BARE, ...restored }) });
    const next = deployableOf({ [AUTH]: releaseOf(AUTH, '1.1.0', { ...BARE, ...left }) });
    return rollbackBoundMs(planOf(old, next), old, next);
  };
  const restores = (...timeouts: readonly string[]) => ({
    hooks: { ...BARE.hooks, restore: timeouts.map((timeout) => ({ exec: ['restore'], timeout })) },
  });
  const command = { driver: 'command', start: ['a'], stop: ['a'], status: ['a'] };
  const images = [{ archive: 'a', digest: `sha256:${'a'.repeat(64)}` }];
  const compose = { driver: 'compose', file: 'c.yaml', images };
  /** Four rounds of two seconds are steady: patience for forty, and one round more. */
  const probe = {
    tcp: 'localhost:1',
    interval: 'PT1S',
    timeout: 'PT1S',
    successes: 2,
    failures: 2,
    startPeriod: 'PT0S',
  };

  it.each<[string, Extras, Extras, number]>([
    ['stopping what is left', {}, {}, LEFT],
    ['every restore of what is left', restores('PT1M', 'PT2M'), {}, LEFT + 3 * MINUTE],
    ['no restore of what is restored', {}, restores('PT1M'), LEFT],
    [
      'the start of what is restored, where its driver has a limit',
      {},
      { service: { ...command, startTimeout: 'PT7M' } },
      LEFT + 7 * MINUTE,
    ],
    [
      'putting back every volume of what is left',
      { service: { ...compose, startTimeout: 'PT7M', snapshot: ['data', 'more'] } },
      {},
      LEFT + 25_000 + 2 * HOUR,
    ],
    [
      'all that has a limit of its own at that start',
      {},
      { service: { ...compose, startTimeout: 'PT7M', once: { migrate: 'PT10M', seed: 'PT1M' } } },
      LEFT + 18 * MINUTE,
    ],
    [
      'every smoke test of what is restored',
      {},
      {
        smoke: [
          { exec: ['a'], timeout: 'PT1M' },
          { exec: ['a'], timeout: 'PT3M' },
        ],
      },
      LEFT + 4 * MINUTE,
    ],
    ['one probe of what is restored', {}, { health: [probe] }, LEFT + 80_000 + 2_000],
    [
      'the slowest of its probes, which run side by side',
      {},
      { health: [probe, { ...probe, startPeriod: 'PT1M' }, probe] },
      LEFT + MINUTE + 82_000,
    ],
    ['no probe of what is left', { health: [probe] }, {}, LEFT],
  ])('counts %s', (_what, left, restored, ms) => {
    expect(bound(left, restored)).toBe(ms);
  });

  it('is nothing for a plan that changes nothing', () => {
    const one = deployableOf({ [AUTH]: releaseOf(AUTH, '1.0.0') });

    expect(rollbackBoundMs({ ...planOf(null, one), steps: [] }, one, one)).toBe(0);
  });
});

describe('patience with a probe that wavers', () => {
  it.each([
    ['is ten times what a steady one needs', 0, 4, 1_000, 40_000],
    ['begins after the time to start', 30_000, 4, 1_000, 70_000],
    ['ends after two hours', 0, 4, 10 * MINUTE, 2 * HOUR],
    ['is twice what a steady one needs where that is longer', 0, 4, 20 * MINUTE, 160 * MINUTE],
  ])('%s', (_what, startPeriod, rounds, round, ms) => {
    expect(patienceMs(startPeriod, rounds, round)).toBe(ms);
  });
});
