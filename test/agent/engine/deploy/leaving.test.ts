// An agent that is told to stop in the middle of a deployment: the next one goes on, and nobody counts it as a crash.
import { describe, expect, it } from 'vitest';
import { auth, instanceWith, quarantined } from '../../../support/deploy-instance.ts';
import { prepareWorld, SCENARIOS } from '../../../support/deploy-scenarios.ts';
import { chainOf, deploy, type World } from '../../../support/deploy-world.ts';
import type { Call } from '../../../support/fault-gate.ts';

/** An agent that is told to stop at the first call that matches. */
function leavingAt(world: World, matches: (call: Call, n: number) => boolean) {
  let left: Promise<void> | null = null;
  const { deployer, calls } = world.boot((call, n) => {
    if (left === null && matches(call, n)) left = deployer.leave();
    return 'none';
  });
  return { deployer, calls, left: async () => await left };
}

describe('an agent that is told to stop', () => {
  it('as often as its service manager likes lets the deployment commit in the end', async () => {
    const { world } = await instanceWith(auth('1.0.0'));
    const first = leavingAt(world, ({ detail }) => detail === 'entered soaking');
    expect((await deploy(first.deployer, auth('1.1.0'))).state).toBe('soaking');
    for (let life = 0; life < 4; life++) {
      const next = leavingAt(world, ({ detail }) => detail === 'entered verifying');
      await next.deployer.recover();
      await next.left();
    }

    const { deployer } = world.boot();
    await deployer.recover();

    expect((await deployer.records()).at(-1)).toMatchObject({ state: 'committed', failure: null });
    expect(world.running()).toEqual(['core/auth@1.1.0']);
  });

  it('still counts the crashes beside it', async () => {
    const { world } = await instanceWith(auth('1.0.0'));
    const crash = (detail: string) =>
      world.boot((call) => (call.detail === detail ? 'crash-after' : 'none')).deployer;
    await expect(deploy(crash('entered soaking'), auth('1.1.0'))).rejects.toThrow();
    const second = leavingAt(world, ({ detail }) => detail === 'entered verifying');
    await second.deployer.recover();
    await second.left();
    await expect(crash('entered verifying').recover()).rejects.toThrow();

    const { deployer } = world.boot();
    await deployer.recover();

    expect((await deployer.records()).at(-1)).toMatchObject({
      state: 'rolled-back',
      failure: { code: 'deploy/went-down' },
    });
  });

  it('begins nothing new', async () => {
    const { deployer } = await instanceWith(auth('1.0.0'));
    await deployer.leave();

    await expect(deploy(deployer, auth('1.1.0'))).rejects.toMatchObject({ code: 'deploy/agent-stops' });
  });

  it.each(SCENARIOS)('at any call of $name leaves it whole, and without blame', async (scenario) => {
    const counting = await prepareWorld(scenario);
    const counted = counting.boot();
    await counted.deployer.recover();
    await scenario.act(counting, counted.deployer);
    const problems: string[] = [];
    for (let n = 2; n <= counted.calls.length; n++) {
      const world = await prepareWorld(scenario);
      const held = world.disk.quarantine.length;
      for (let life = 0; life < 3; life++) {
        const agent = leavingAt(world, (_, call) => call === n);
        await agent.deployer.recover();
        if (life === 0) await scenario.act(world, agent.deployer).catch(() => undefined);
        await agent.left();
      }
      const { deployer } = world.boot();
      await deployer.recover();

      const record = [...world.disk.records.values()].slice(scenario.history.length).at(-1);
      const ends = ['abandoned', scenario.end, undefined];
      if (!ends.includes(record?.state)) problems.push(`call ${n}: ${chainOf(record)}`);
      if (record?.state === 'abandoned' && world.disk.quarantine.length > held)
        problems.push(`call ${n}: held`);
    }
    expect(problems).toEqual([]);
  });

  it('in the middle of a rollback finishes it first', async () => {
    const { world } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.1.0', 'red');
    const agent = leavingAt(world, ({ detail }) => detail === 'entered rolling-back');

    const record = await deploy(agent.deployer, auth('1.1.0'));

    expect(record.state).toBe('rolled-back');
    expect(world.running()).toEqual(['core/auth@1.0.0']);
    expect(await quarantined(agent.deployer)).toEqual(['core/auth@1.1.0']);
  });
});
