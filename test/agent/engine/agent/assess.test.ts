// Decisions that take long: others have turns meanwhile, and nobody makes the same one twice.
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Assessing, assess, assessSoon } from '../../../../agent/engine/agent/assess.ts';
import { createLatest } from '../../../../agent/engine/agent/latest.ts';
import { compileAnew, createCompileCache } from '../../../../shared/compile/compile.ts';
import { createTurns } from '../../../../shared/node/turns.ts';
import { factsOf } from '../../../support/facts.ts';

/** An install whose catalog takes a hundred rests to compile, on a machine where each of them is due. */
function slowly() {
  let now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 1_000));
  onTestFinished(() => clock.mockRestore());
  const facts = factsOf({ releases: { 'core/auth@1.0.0': {} } });
  let compiled = 0;
  const compile = createCompileCache(function* (input) {
    for (let looks = 0; looks < 100; looks++) yield 1_000;
    compiled++;
    return yield* compileAnew(input);
  });
  const state = {
    self: { instance: { id: facts.instance } },
    clock: { now: () => facts.now },
    offers: {
      ...{ compile, inTurn: createTurns() },
      contact: { catalog: () => facts.catalog },
      freshness: () => facts.freshness,
      weights: { known: () => facts.means.weights },
    },
    trees: { stored: async () => facts.means.stored },
    choice: {
      settings: {
        policy: async () => facts.policy,
        config: async () => (facts.config.kind === 'readable' ? facts.config.config : null),
      },
      approvals: { read: async () => null },
      facts: { read: async () => null },
    },
    deployer: {
      soakMs: async () => 0,
      current: async () => null,
      inProgress: () => null,
      quarantine: async () => [],
      quarantineDamage: async () => null,
      records: async () => [],
    },
  } as unknown as Assessing;
  return { state, compiled: () => compiled };
}

it('lets others have turns while a decision is made', async () => {
  const { state } = slowly();
  let [turns, isDone] = [0, false];
  const beside = () => {
    turns++;
    if (!isDone) setImmediate(beside);
  };
  setImmediate(beside);

  await assess(state);
  isDone = true;

  expect(turns).toBeGreaterThanOrEqual(50);
});

it('makes a decision once for all who ask for it meanwhile', async () => {
  const { state, compiled } = slowly();

  const [first, second] = await Promise.all([assess(state), assess(state)]);

  expect(compiled()).toBe(1);
  expect(second.decision).toEqual(first.decision);
  expect(first.decision.target).not.toBeNull();
});

describe('who asks while a decision is made', () => {
  const BEFORE = { verdict: 'current', target: null, blockers: [], exposed: [] } as const;

  /** Nobody waits longer than for a turn. */
  function hurried(recorded: object | null) {
    const { state, compiled } = slowly();
    const latest = createLatest({ sleep: async () => void (await later()) });
    const asked = {
      ...state,
      offers: { ...state.offers, latest },
      records: { decisions: { read: async () => recorded } },
    } as unknown as Parameters<typeof assessSoon>[0];
    return { asked, compiled, latest };
  }

  it('is told the one on the record at once, as the one before, and costs one however often they ask', async () => {
    const { asked, compiled, latest } = hurried({ decision: BEFORE });

    const answers = [await assessSoon(asked), await assessSoon(asked), await assessSoon(asked)];

    expect(answers.map(({ decision, isOlder }) => ({ decision, isOlder }))).toEqual(
      Array(3).fill({ decision: BEFORE, isOlder: true }),
    );
    expect(compiled()).toBe(0);
    latest.note(await assess(asked));
    expect(compiled()).toBe(1);
    expect((await assessSoon(asked)).decision.target).not.toBeNull();
  });

  it('waits where nothing was ever decided', async () => {
    const { asked } = hurried(null);

    const { decision, isOlder } = await assessSoon(asked);

    expect([decision.target === null, isOlder]).toEqual([false, false]);
  });
});
