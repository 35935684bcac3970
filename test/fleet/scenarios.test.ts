// Rollouts over a simulated fleet, short: every scenario keeps its goals, and misses them without what keeps them.
import { expect, it } from 'vitest';
import { type LabOptions, playScenario } from '../labs/fleet/laboratory.ts';
import { SCENARIOS } from '../labs/fleet/scenarios.ts';

const FEW = { count: 120, seed: 20_260 };
const TIMEOUT = { timeout: 60_000 };

const play = (name: string, options: Partial<LabOptions> = {}) => {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return playScenario(scenario, { ...FEW, ...options });
};

it.each(SCENARIOS.map(({ name, what }) => [name, what]))('keeps its goals: %s, %s', TIMEOUT, async (name) => {
  // One of a class that fails is no evidence, and the first tenth of few installs holds no more.
  const more = name === 'class' ? { count: 200 } : {};

  expect((await play(name, more)).missed).toEqual([]);
});

it('lets a release that bricks go on to everybody where nobody judges', TIMEOUT, async () => {
  const { outcome, missed } = await play('bricks', { isGuarded: false });

  expect(outcome.took).toBe(FEW.count);
  expect(missed).toEqual(['at most 1 % ever took it', 'it was halted']);
});

it('halts in vain what is offered to all at once', TIMEOUT, async () => {
  const { outcome, missed } = await play('bricks', { waves: '100%' });

  expect(outcome.took).toBeGreaterThan(FEW.count / 2);
  expect(missed).toEqual(['at most 1 % ever took it']);
});

it('forces a fix that bricks onto everybody where its order has no waves', TIMEOUT, async () => {
  const { outcome, missed } = await play('bricking fix', { orderWaves: '100%' });

  expect(outcome.took).toBeGreaterThan(FEW.count / 2);
  expect(missed).toEqual(['at most 1 % ever took it']);
});

it('plays the same again by the same seed, and something else by another', TIMEOUT, async () => {
  const [first, again, other] = [
    await play('crashes'),
    await play('crashes'),
    await play('crashes', { seed: 7 }),
  ];

  expect(again).toEqual(first);
  expect(other.outcome).not.toEqual(first.outcome);
});
