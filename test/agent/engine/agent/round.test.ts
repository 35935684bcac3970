// When the next round comes, and what one does with what it decided: nothing earlier, nothing later, nothing besides.
import { describe, expect, it } from 'vitest';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { DEFAULT_POLICY, type Policy, policy as policySchema } from '../../../../shared/schema/policy.ts';
import { createAgentNetwork, POLL_MS, releaseOf } from '../../../support/agent-network.ts';

async function offering(
  policy: Partial<Record<keyof Policy, unknown>>,
  prepare = (_: ReturnType<typeof createAgentNetwork>): void => undefined,
) {
  const network = createAgentNetwork();
  network.world.policy = { kind: 'readable', policy: policySchema.parse({ ...DEFAULT_POLICY, ...policy }) };
  network.publish(releaseOf('1.0.0'));
  prepare(network);
  await network.start();
  return network;
}
const holdUntil = (until: string): Partial<Policy> => ({
  hold: { since: '2026-03-01T09:00:00Z', until, reason: 'sale', by: 'ada' },
});

describe('the next round', () => {
  it('comes when the first thing in the way clears by itself', async () => {
    const { world } = await offering(holdUntil('2026-03-01T10:00:30Z'));

    await world.clock.advance(29_999);
    expect(world.deployer.requests).toEqual([]);
    await world.clock.advance(1);

    expect(world.deployer.requests).toHaveLength(1);
    expect(world.refreshes).toHaveLength(1);
  });

  it('comes no later than the next question is due', async () => {
    const { world } = await offering(holdUntil('2026-03-09T10:00:00Z'));

    await world.clock.advance(POLL_MS - 1);
    expect(world.refreshes).toEqual([0]);
    await world.clock.advance(1);

    expect(world.refreshes).toEqual([0, POLL_MS]);
  });

  it('does not come in less than a second, whatever clears within it', async () => {
    const { world } = await offering({}, ({ world: { clock } }) => clock.setWallClock(clock.now() + 900));
    world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, ...holdUntil('2026-03-01T10:00:01Z') } };
    const other = await offering(holdUntil('2026-03-01T10:00:01Z'), ({ world: { clock } }) =>
      clock.setWallClock(clock.now() + 900),
    );

    await other.world.clock.advance(999);
    expect(other.world.deployer.requests).toEqual([]);
    await other.world.clock.advance(1);

    expect(other.world.deployer.requests).toHaveLength(1);
  });
});

describe('a round', () => {
  it.each<[string, Partial<Record<keyof Policy, unknown>>, number, number]>([
    ['waits for an answer', { channel: 'manual' }, 1, 1],
    [
      'waits for a time',
      { windows: { allow: [{ name: 'n', cron: '0 2 * * sat', duration: 'PT1H', zone: 'UTC' }], deny: [] } },
      1,
      0,
    ],
    ['is held', holdUntil('2026-03-09T10:00:00Z'), 0, 0],
    ['is frozen', { channel: 'frozen' }, 0, 0],
  ])('whose decision %s fetches and asks accordingly', async (_what, policy, fetched, asked) => {
    const { world } = await offering(policy);

    expect(world.fetched).toHaveLength(fetched);
    expect(world.approvals.value?.plans ?? []).toHaveLength(asked);
    expect(world.deployer.requests).toEqual([]);
  });

  it('remembers what it asks about once', async () => {
    const { world } = await offering({ channel: 'manual' });
    await world.clock.advance(3 * POLL_MS);

    expect(world.approvals.writes).toBe(1);
  });

  it('that applies fetches nothing ahead, and nobody gives way to it', async () => {
    const { world } = await offering({});

    expect(world.deployer.requests).toHaveLength(1);
    expect([world.fetched, world.deployer.askedToGiveWay, world.approvals.value]).toEqual([[], [], null]);
  });

  it('writes its decision down with its moment, and says it once with what stands in the way', async () => {
    const { world } = await offering({ channel: 'manual' });
    await world.clock.advance(2 * POLL_MS);

    expect(world.decisions.value).toMatchObject({
      ...{ schema: 'fairlead/decision-record@1', since: '2026-03-01T10:00:00Z' },
      decision: { verdict: 'ask' },
    });
    expect(world.logged.filter(({ message }) => message === 'a new decision')).toEqual([
      { level: 'info', message: 'a new decision' },
    ]);
  });

  it('that cannot write an ordinary decision down does nothing of it', async () => {
    const { world } = await offering({}, ({ world: { decisions } }) => {
      decisions.write = () =>
        Promise.reject(new FairleadError('disk/full', { path: 'decision', needed: 1, free: 0 }));
    });

    expect(world.deployer.requests).toEqual([]);
    expect(world.logged.map(({ message }) => message)).toContain('a round failed');
    expect(world.logged.map(({ message }) => message)).not.toContain(
      'the decision could not be written down',
    );
  });
});

describe('a question that hangs', () => {
  it('is waited for five seconds, and what is on disk is decided then', async () => {
    const { world } = await offering({}, ({ world: made }) => {
      made.serverAnswers = new Promise(() => undefined);
    });

    await world.clock.advance(4_999);
    expect(world.decisions.value).toBeNull();
    await world.clock.advance(1);

    expect(world.decisions.value).not.toBeNull();
  });

  it('leaves no timer behind once it is answered', async () => {
    const { world, stop } = await offering({});

    await stop();

    expect(world.clock.nextWakeIn()).toBeNull();
  });
});
