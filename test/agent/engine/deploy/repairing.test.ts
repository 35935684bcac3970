// Repairing what runs: the files first, and a restart only for what may have loaded others.
import { describe, expect, it } from 'vitest';
import { auth, instanceWith } from '../../../support/deploy-instance.ts';
import { AUTH, deployableOf, WEB } from '../../../support/deploy-releases.ts';
import type { World } from '../../../support/deploy-world.ts';

type Problem = 'missing' | 'changed' | 'unexpected';

function damage({ disk }: World, path: string, problem: Problem): void {
  const tree = disk.generations.get(disk.current ?? 0)?.releases.get(AUTH)?.document.tree.digest;
  if (tree === undefined) throw new Error('nothing runs');
  disk.deviations.set(tree, { path, problem });
}

describe('a repair', () => {
  it.each<[Problem, boolean]>([
    ['changed', true],
    ['unexpected', true],
    ['missing', false],
  ])('of a file that is %s restarts the service: %s', async (problem, restarted) => {
    const { world, deployer } = await instanceWith(deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' }));
    const pids = [world.pidOf(AUTH), world.pidOf(WEB)];
    damage(world, 'server.js', problem);

    const repairs = await deployer.repair();

    expect(repairs).toEqual([
      { component: AUTH, version: '1.0.0', deviations: [{ path: 'server.js', problem }], restarted },
    ]);
    expect(world.pidOf(AUTH) === pids[0]).toBe(!restarted);
    expect(world.pidOf(WEB)).toBe(pids[1]);
    expect(world.running()).toEqual(['core/auth@1.0.0', 'core/web@1.0.0']);
  });

  it('finds nothing to do where everything is whole', async () => {
    const { deployer } = await instanceWith(auth('1.0.0'));

    expect(await deployer.repair()).toEqual([]);
  });

  it('that dies between stop and start leaves a service that the next agent starts', async () => {
    const { world } = await instanceWith(auth('1.0.0'));
    damage(world, 'server.js', 'changed');
    const dying = world.boot(({ port }) => (port === 'driver.stop' ? 'crash-after' : 'none'));
    await expect(dying.deployer.repair()).rejects.toThrow();

    await world.boot().deployer.recover();

    expect(world.running()).toEqual(['core/auth@1.0.0']);
    expect(world.disk.deviations.size).toBe(0);
  });
});
