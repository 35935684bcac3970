// Repairing what runs: the files first, and a restart only for what may have loaded others.
import { describe, expect, it } from 'vitest';
import { auth, damage, instanceWith } from '../../../support/deploy-instance.ts';
import { AUTH, deployableOf, WEB } from '../../../support/deploy-releases.ts';

const V1 = auth('1.0.0');
const ADDED = { path: '__pycache__', problem: 'unexpected' } as const;

describe('a repair', () => {
  it.each([
    ['changed', true],
    ['missing', false],
  ] as const)('of a file that is %s restarts the service: %s', async (problem, restarted) => {
    const { world, deployer } = await instanceWith(deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' }));
    const pids = [world.pidOf(AUTH), world.pidOf(WEB)];
    damage(world, V1, { path: 'server.js', problem });

    const repairs = await deployer.repair();

    expect(repairs).toEqual([
      {
        component: AUTH,
        version: '1.0.0',
        deviations: [{ path: 'server.js', problem }],
        restarted,
        added: 0,
      },
    ]);
    expect(world.pidOf(AUTH) === pids[0]).toBe(!restarted);
    expect(world.pidOf(WEB)).toBe(pids[1]);
    expect(world.running()).toEqual(['core/auth@1.0.0', 'core/web@1.0.0']);
  });

  it('leaves what a service added, and the service: restarted, it would only add it again', async () => {
    const { world, deployer } = await instanceWith(V1);
    const pid = world.pidOf(AUTH);
    damage(world, V1, ADDED);

    const repairs = await deployer.repair();

    expect(repairs).toMatchObject([{ deviations: [], restarted: false, added: 1 }]);
    expect(world.pidOf(AUTH)).toBe(pid);
  });

  it('removes it when it is told to, and restarts what may have loaded it', async () => {
    const { world, deployer } = await instanceWith(V1);
    const pid = world.pidOf(AUTH);
    damage(world, V1, ADDED);

    const repairs = await deployer.repair(true);

    expect(repairs).toMatchObject([{ deviations: [ADDED], restarted: true, added: 0 }]);
    expect(world.pidOf(AUTH)).not.toBe(pid);
    expect(await deployer.repair(true)).toEqual([]);
  });

  it('finds nothing to do where everything is whole', async () => {
    const { deployer } = await instanceWith(auth('1.0.0'));

    expect(await deployer.repair()).toEqual([]);
  });

  it('that dies between stop and start leaves a service that the next agent starts', async () => {
    const { world } = await instanceWith(auth('1.0.0'));
    damage(world, V1, { path: 'server.js', problem: 'changed' });
    const dying = world.boot(({ port }) => (port === 'driver.stop' ? 'crash-after' : 'none'));
    await expect(dying.deployer.repair()).rejects.toThrow();

    await world.boot().deployer.recover();

    expect(world.running()).toEqual(['core/auth@1.0.0']);
    expect([...world.disk.deviations.values()].flat()).toEqual([]);
  });
});
