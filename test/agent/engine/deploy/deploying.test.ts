// What a deployment does on its way to the commit.
import { describe, expect, it } from 'vitest';
import { auth, instanceWith, quarantined } from '../../../support/deploy-instance.ts';
import { API, AUTH, deployableOf, planOf, releaseOf, WEB } from '../../../support/deploy-releases.ts';
import { chainOf, createWorld, deploy } from '../../../support/deploy-world.ts';

describe('deploying', () => {
  it('passes through every state in order and runs the hooks and smoke tests of what changed', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));

    const record = await deploy(deployer, auth('1.1.0'));

    expect(chainOf(record)).toBe(
      'planned → fetching → staged → preflight → stopping → switching → starting → verifying → soaking → committed',
    );
    expect(record).toMatchObject({
      id: 2,
      generation: 2,
      previousGeneration: 1,
      failure: null,
      actor: 'agent',
    });
    expect(record.steps).toEqual([{ component: AUTH, from: '1.0.0', to: '1.1.0', change: 'CHG-42' }]);
    expect(world.commands).toEqual([
      'preflight core/auth@1.1.0',
      'snapshot core/auth@1.1.0',
      'smoke core/auth@1.1.0',
    ]);
    expect(world.running()).toEqual(['core/auth@1.1.0']);
    expect((await deployer.current())?.number).toBe(2);
  });

  it('stops dependents before what they need, starts them after it, and leaves the rest alone', async () => {
    const needs = { requires: { [AUTH]: '^1.0.0' } };
    const before = deployableOf({ [AUTH]: '1.0.0', [API]: releaseOf(API, '1.0.0', needs), [WEB]: '1.0.0' });
    const after = deployableOf({ [AUTH]: '1.1.0', [API]: releaseOf(API, '1.1.0', needs), [WEB]: '1.0.0' });
    const { world, deployer, calls } = await instanceWith(before);
    const webPid = world.pidOf(WEB);

    await deploy(deployer, after);

    const moves = calls
      .filter((call) => /^driver\.(stop|start)$/.test(call.port) && !call.detail.includes('web'))
      .map((call) => `${call.port} ${call.detail}`);
    expect(moves).toEqual([
      'driver.stop core/api',
      'driver.stop core/auth',
      'driver.start core/auth@1.1.0',
      'driver.start core/api@1.1.0',
    ]);
    expect(world.pidOf(WEB)).toBe(webPid);
  });

  it('tells whoever asked as soon as the deployment can be followed', async () => {
    const { deployer } = await instanceWith(auth('1.0.0'));
    const to = auth('1.1.0');
    const plan = planOf(await deployer.current(), to);
    const started: (number | undefined)[] = [];

    await deployer.deploy({
      ...to,
      plan,
      actor: 'ada',
      note: 'ticket 7',
      stillAllowed: async () => true,
      onStarted: (record) => started.push(record.id, deployer.inProgress()?.id),
    });

    expect(started).toEqual([2, 2]);
    expect(deployer.inProgress()).toBeNull();
    expect((await deployer.records()).at(-1)).toMatchObject({ actor: 'ada', note: 'ticket 7' });
  });

  it.each([10, -10])('takes no notice of a clock that is set by %i years on the way', async (years) => {
    const { world } = await instanceWith(auth('1.0.0'));
    const { deployer } = world.boot(({ detail }) => {
      if (detail === 'entered starting') world.clock.setWall(years);
      if (detail === 'entered soaking') world.clock.setWall(0);
      return 'none';
    });
    const start = world.clock.monotonic();

    const record = await deploy(deployer, auth('1.1.0'));

    expect(record.state).toBe('committed');
    expect(world.clock.monotonic() - start).toBeLessThan(60_000);
    expect(record.stages).toHaveLength(10);
  });

  it.each([
    ['longer, for the next one only', 60, [30, 60]],
    ['shorter, at once', 10, [10, 10]],
  ])('is watched for as long as its window was held against: %s', async (_, laterS, watched) => {
    let soakMs = 30_000;
    const world = createWorld({ soakMs: () => soakMs });
    const { deployer } = world.boot(({ detail }) => {
      if (detail === 'entered starting') soakMs = laterS * 1000;
      return 'none';
    });
    await deployer.recover();
    for (const version of ['1.0.0', '1.1.0']) await deploy(deployer, auth(version));

    const stages = (await deployer.records()).map((record) => record.stages);
    const at = (all: (typeof stages)[number], state: string) =>
      Date.parse(all.find((one) => one.state === state)?.at ?? '');
    const soaks = stages.map((all) => (at(all, 'committed') - at(all, 'soaking')) / 1000);
    expect(soaks.map(Math.floor)).toEqual(watched);
  });

  it.each([
    ['longer', 60, 30],
    ['shorter', 10, 10],
  ])(
    'asks at its last safe point by its own soak, where that of the next is made %s',
    async (_, nextS, ownS) => {
      let soakMs = 30_000;
      const world = createWorld({ soakMs: () => soakMs });
      const { deployer } = world.boot(({ detail }) => {
        if (detail === 'entered fetching') soakMs = nextS * 1000;
        return 'none';
      });
      await deployer.recover();
      const asked: unknown[] = [];
      const stillAllowed = async (ownMs: number) => {
        asked.push([ownMs, await deployer.soakInProgressMs(), await deployer.soakMs()]);
        return true;
      };
      const to = auth('1.0.0');
      await deployer.deploy({ ...to, plan: planOf(null, to), actor: 'agent', stillAllowed });

      // Before its snapshot, and before the first stop.
      const one = [ownS * 1000, ownS * 1000, nextS * 1000];
      expect(asked).toEqual([one, one]);
      expect(await deployer.soakInProgressMs()).toBeNull();
    },
  );

  it('refuses a second deployment while one is under way', async () => {
    const { deployer } = await instanceWith(auth('1.0.0'));

    const [first, second] = await Promise.allSettled([
      deploy(deployer, auth('1.1.0')),
      deploy(deployer, auth('1.2.0')),
    ]);

    expect(first).toMatchObject({ status: 'fulfilled', value: { state: 'committed' } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'deploy/busy' } });
  });

  it('refuses a plan that starts from something else than what runs', async () => {
    const { deployer } = await instanceWith(auth('1.0.0'));
    const request = {
      ...auth('1.2.0'),
      plan: planOf(auth('1.1.0'), auth('1.2.0')),
      actor: 'agent',
      stillAllowed: async () => true,
    };

    await expect(deployer.deploy(request)).rejects.toMatchObject({ code: 'deploy/outdated' });
  });

  it('abandons when it is no longer allowed at the last safe point, with nothing stopped', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    const pid = world.pidOf(AUTH);

    const record = await deploy(deployer, auth('1.1.0'), { allowed: false });

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/no-longer-allowed' } });
    expect(world.pidOf(AUTH)).toBe(pid);
    expect(await quarantined(deployer)).toEqual([]);
  });
});
