// One component of a plan that fails before anything stops: it is tried again by itself, and the others need not wait.
import { describe, expect, it } from 'vitest';
import { auth, heldBack, instanceWith, quarantined } from '../../../support/deploy-instance.ts';
import { AUTH, deployableOf, releaseOf, WEB } from '../../../support/deploy-releases.ts';
import { deploy } from '../../../support/deploy-world.ts';

const TOKEN = { settings: { token: { type: 'string' } } };
const OLD = deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' });

/** `core/auth` 1.1.0 wants a secret; `core/web` is only beside it. */
const both = (web: string) =>
  deployableOf(
    { [AUTH]: releaseOf(AUTH, '1.1.0', TOKEN), [WEB]: web },
    { [AUTH]: { token: '${env:TOKEN}' } },
  );

describe('a component that cannot be prepared', () => {
  it('is held back alone, so that the next plan goes around it', async () => {
    const { deployer } = await instanceWith(OLD);

    const record = await deploy(deployer, both('1.1.0'));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'setting/unreadable' } });
    expect(await heldBack(deployer)).toEqual(['core/auth@1.1.0']);
    expect(await quarantined(deployer)).toEqual([]);
  });

  it('is counted however its neighbours change, and waits longer each time', async () => {
    const { world, deployer } = await instanceWith(OLD);
    const waits: number[] = [];

    for (const web of ['1.1.0', '1.2.0', '1.3.0']) {
      await deploy(deployer, both(web));
      const [entry] = await deployer.quarantine();
      waits.push(Date.parse(entry?.until ?? '') - Date.parse(entry?.since ?? ''));
      world.clock.advance(10 * 60_000);
    }

    expect(waits).toEqual([60_000, 120_000, 240_000]);
    expect(await heldBack(deployer)).toEqual([]);
  });

  it('is no longer counted once it runs', async () => {
    const { world, deployer } = await instanceWith(OLD);
    await deploy(deployer, both('1.1.0'));
    world.secrets.set('TOKEN', 'hunter2');

    const record = await deploy(deployer, both('1.1.0'));

    expect(record.state).toBe('committed');
    expect(world.disk.quarantine).toEqual([]);
  });

  it('and is to blame itself goes into quarantine the second time, whatever its neighbours are by then', async () => {
    const { deployer } = await instanceWith(OLD);
    const service = { driver: 'process', exec: ['serve', '${settings.nope}'] };
    const bad = (web: string) => deployableOf({ [AUTH]: releaseOf(AUTH, '1.1.0', { service }), [WEB]: web });

    await deploy(deployer, bad('1.1.0'));
    expect(await heldBack(deployer)).toEqual(['core/auth@1.1.0']);
    await deploy(deployer, bad('1.2.0'));

    expect(await quarantined(deployer)).toEqual(['core/auth@1.1.0']);
  });

  it('is not held for years by a clock that was set back', async () => {
    const { world, deployer } = await instanceWith(OLD);
    await deploy(deployer, both('1.1.0'));
    world.clock.setWall(-1);

    expect(await heldBack(deployer)).toEqual([]);
  });

  it('holds nothing back where a person is asked to decide about it', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.0.0', 'red');

    await deploy(deployer, auth('1.1.0'));

    expect(await deployer.quarantine()).toEqual([]);
  });

  it.each(['disk full', 'server away'])(
    'for a reason of the whole machine holds nothing back: %s',
    async (why) => {
      const { world, deployer } = await instanceWith(OLD);
      const target = deployableOf({ [AUTH]: '1.1.0', [WEB]: '1.1.0' });
      if (why === 'disk full') world.disk.freeBytes = 0;
      const { deployer: next } = world.boot(({ port }) =>
        why === 'server away' && port === 'trees.add' ? 'disk-full' : 'none',
      );

      await deploy(why === 'disk full' ? deployer : next, target);

      expect(await deployer.quarantine()).toEqual([]);
    },
  );
});
