// Degradation after the commit: what was changed lately is undone by itself, all else calls a person.
import { describe, expect, it } from 'vitest';
import { auth, instanceWith, quarantined } from '../../../support/deploy-instance.ts';
import { API, AUTH, deployableOf, releaseOf } from '../../../support/deploy-releases.ts';
import { createWorld, deploy, type World } from '../../../support/deploy-world.ts';

const MINUTE_MS = 60_000;
const both = (authVersion: string, apiVersion: string) =>
  deployableOf({ [AUTH]: releaseOf(AUTH, authVersion), [API]: releaseOf(API, apiVersion) });

/** Supervision for so long; what it left to see. */
async function supervised(world: World, ms: number) {
  const { deployer } = world.boot();
  await deployer.recover();
  const end = new AbortController();
  const supervision = deployer.supervise(end.signal);
  await world.clock.sleep(ms);
  end.abort();
  await supervision;
  const [last] = (await deployer.records()).slice(-1);
  return { deployer, last, degraded: deployer.degradations().map(({ component }) => component) };
}

describe('a component that degrades after its commit', () => {
  it('is rolled back by itself while it is on probation, and quarantined alone', async () => {
    const { world } = await instanceWith(both('1.0.0', '1.0.0'), both('1.1.0', '1.1.0'));
    world.behaviours.set('core/auth@1.1.0', 'red');

    const { deployer, last } = await supervised(world, 10 * MINUTE_MS);

    expect(last).toMatchObject({
      state: 'committed',
      actor: 'agent',
      reason: { kind: 'rollback', generation: 1 },
      note: expect.stringContaining('core/auth degraded after change 2'),
    });
    expect(world.running()).toEqual(['core/api@1.0.0', 'core/auth@1.0.0']);
    expect(await quarantined(deployer)).toEqual(['core/auth@1.1.0']);
  });

  it('that exits again and again counts as degraded', async () => {
    const { world } = await instanceWith(auth('1.0.0'), auth('1.1.0'));
    world.behaviours.set('core/auth@1.1.0', 'exits');
    world.crashService(AUTH);

    await supervised(world, 10 * MINUTE_MS);

    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });

  it('is not judged by one or two bad answers', async () => {
    const { world } = await instanceWith(auth('1.0.0'), auth('1.1.0'));
    world.behaviours.set('core/auth@1.1.0', 'red');

    const { last, degraded } = await supervised(world, MINUTE_MS + 10_000);

    expect(last).toMatchObject({ id: 2, state: 'committed' });
    expect(degraded).toEqual([]);
  });

  it.each<[string, (world: World) => void]>([
    ['once its probation is over', (world) => world.clock.advance(61 * MINUTE_MS)],
    ['after the clock was set ten years ahead', (world) => world.clock.setWall(10)],
    ['after the clock was set ten years back', (world) => world.clock.setWall(-10)],
  ])('is only an alarm %s', async (_, meanwhile) => {
    const { world } = await instanceWith(auth('1.0.0'), auth('1.1.0'));
    meanwhile(world);
    world.behaviours.set('core/auth@1.1.0', 'red');

    const { last, degraded } = await supervised(world, 10 * MINUTE_MS);

    expect(last).toMatchObject({ id: 2, state: 'committed' });
    expect(degraded).toEqual([AUTH]);
  });

  it.each([
    ['would cost data', 'snapshot'],
    ['is something nobody has spoken about', undefined],
  ])('is only an alarm where going back %s', async (_, reversible) => {
    const { world } = await instanceWith(auth('1.0.0'), auth('1.1.0', { reversible }));
    world.behaviours.set('core/auth@1.1.0', 'red');

    const { last, degraded } = await supervised(world, 10 * MINUTE_MS);

    expect(last).toMatchObject({ id: 2 });
    expect(degraded).toEqual([AUTH]);
    expect(world.commands).not.toContain('restore core/auth@1.1.0');
  });

  it('is only an alarm where the deployment did not change it', async () => {
    const { world } = await instanceWith(both('1.0.0', '1.0.0'), both('1.0.0', '1.1.0'));
    world.behaviours.set('core/auth@1.0.0', 'red');

    const { last, degraded } = await supervised(world, 10 * MINUTE_MS);

    expect(last).toMatchObject({ id: 2 });
    expect(degraded).toEqual([AUTH]);
  });

  it('is only an alarm where it was unhealthy before, and a person accepted that', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.0.0', 'red');
    world.behaviours.set('core/auth@1.1.0', 'red');
    await deploy(deployer, auth('1.1.0'), { acceptUnhealthy: true });

    const { last } = await supervised(world, 10 * MINUTE_MS);

    expect(last).toMatchObject({ id: 2, state: 'committed', unhealthyBefore: [AUTH] });
  });

  it('is tried to be undone twice, not for ever', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'), auth('1.1.0'));
    world.behaviours.set('core/auth@1.1.0', 'red');
    world.behaviours.set('core/auth@1.0.0', 'unstartable');

    await supervised(world, 50 * MINUTE_MS);

    expect((await deployer.records()).map((record) => record.reason.kind)).toEqual([
      'channel',
      'channel',
      'rollback',
      'rollback',
    ]);
  });

  it('is undone again by the next agent when the first one died over it', async () => {
    const { world } = await instanceWith(auth('1.0.0'), auth('1.1.0'));
    world.behaviours.set('core/auth@1.1.0', 'red');
    const dying = world.boot(({ detail }) => (detail === 'entered starting' ? 'crash-after' : 'none'));
    const end = new AbortController();
    await dying.deployer.recover();
    const supervision = dying.deployer.supervise(end.signal).catch(() => undefined);
    await world.clock.sleep(3 * MINUTE_MS);
    end.abort();
    await supervision;

    const { deployer, last } = await supervised(world, MINUTE_MS);

    expect(last).toMatchObject({ id: 3, state: 'committed' });
    expect(await quarantined(deployer)).toEqual(['core/auth@1.1.0']);
  });

  it('is left alone where the operator gives no probation', async () => {
    const world = createWorld({ probationMs: async () => 0 });
    const { deployer } = world.boot();
    for (const version of ['1.0.0', '1.1.0']) await deploy(deployer, auth(version));
    world.behaviours.set('core/auth@1.1.0', 'red');

    const { last, degraded } = await supervised(world, 10 * MINUTE_MS);

    expect(last).toMatchObject({ id: 2 });
    expect(degraded).toEqual([AUTH]);
  });
});
