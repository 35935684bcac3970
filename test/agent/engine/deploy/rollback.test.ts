// Rolling back by hand: where it leads, what it undoes, what it refuses.
import { describe, expect, it } from 'vitest';
import { auth, instanceWith, quarantined } from '../../../support/deploy-instance.ts';
import { AUTH } from '../../../support/deploy-releases.ts';

describe('rolling back by hand', () => {
  it('returns to the generation before and quarantines what it left', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'), auth('1.1.0'));

    const record = await deployer.rollback({ reason: 'slow', actor: 'ada' });

    expect(record).toMatchObject({
      state: 'committed',
      generation: 1,
      previousGeneration: 2,
      reason: { kind: 'rollback', generation: 1 },
      note: 'slow',
    });
    expect(world.running()).toEqual(['core/auth@1.0.0']);
    expect(await quarantined(deployer)).toEqual(['core/auth@1.1.0']);
  });

  it('undoes the data changes of every version it leaves, the newest first', async () => {
    const snapshot = { reversible: 'snapshot' };
    const { world, deployer } = await instanceWith(
      auth('1.0.0'),
      auth('1.1.0', snapshot),
      auth('1.2.0', snapshot),
    );

    await deployer.rollback({ to: 1, reason: 'slow', actor: 'ada' });

    expect(world.commands.filter((command) => command.startsWith('restore'))).toEqual([
      'restore core/auth@1.2.0',
      'restore core/auth@1.1.0',
    ]);
  });

  it('refuses when a version on the way may not be left', async () => {
    const { deployer } = await instanceWith(
      auth('1.0.0'),
      auth('1.1.0', { reversible: 'no' }),
      auth('1.2.0'),
    );

    await expect(deployer.rollback({ to: 1, reason: 'slow', actor: 'ada' })).rejects.toMatchObject({
      code: 'rollback/not-reversible',
      data: { component: AUTH, version: '1.1.0' },
    });
    expect((await deployer.rollback({ reason: 'slow', actor: 'ada' })).state).toBe('committed');
  });

  it('never returns to what was not healthy here', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'), auth('1.1.0'), auth('1.2.0'));
    const second = world.disk.generations.get(2);
    if (second !== undefined) world.disk.generations.set(2, { ...second, healthy: false });

    await expect(deployer.rollback({ to: 2, reason: 'slow', actor: 'ada' })).rejects.toMatchObject({
      code: 'rollback/no-target',
    });
    const record = await deployer.rollback({ reason: 'slow', actor: 'ada' });

    expect(record).toMatchObject({ state: 'committed', generation: 1 });
  });

  it.each([[undefined], [1], [7]])('refuses a target that is not there: %s', async (to) => {
    const { deployer } = await instanceWith(auth('1.0.0'));

    await expect(
      deployer.rollback({ ...(to === undefined ? {} : { to }), reason: 'slow', actor: 'ada' }),
    ).rejects.toMatchObject({
      code: 'rollback/no-target',
      // There is no number to choose, so none is asked for.
      hint: expect.not.stringContaining('--to'),
    });
  });

  it('mends what was unhealthy before it', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'), auth('1.1.0'));
    world.behaviours.set('core/auth@1.1.0', 'red');

    const record = await deployer.rollback({ reason: 'it is down', actor: 'ada' });

    expect(record.state).toBe('committed');
    expect(await deployer.health()).toMatchObject([{ component: AUTH, health: 'healthy' }]);
  });
});
