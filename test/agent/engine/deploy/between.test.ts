// Between deployments: supervision, retention, and what a damaged disk asks for.
import { describe, expect, it } from 'vitest';
import { auth, instanceWith } from '../../../support/deploy-instance.ts';
import { AUTH, deployableOf, WEB } from '../../../support/deploy-releases.ts';
import { deploy } from '../../../support/deploy-world.ts';

describe('between deployments', () => {
  it('starts what exits again, with growing pauses', async () => {
    const { world, deployer, calls } = await instanceWith(auth('1.0.0'));
    world.behaviours.set('core/auth@1.0.0', 'exits');
    const end = new AbortController();
    world.crashService(AUTH);

    const supervision = deployer.supervise(end.signal);
    await world.clock.sleep(120_000);
    end.abort();
    await supervision;

    const starts = calls.filter((call) => call.port === 'driver.start').length;
    expect(starts).toBeGreaterThanOrEqual(6);
    expect(starts).toBeLessThanOrEqual(10);
  });

  it('starts everything after a power cut', async () => {
    const { world } = await instanceWith(deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' }));
    world.powerCut();

    await world.boot().deployer.recover();

    expect(world.running()).toEqual(['core/auth@1.0.0', 'core/web@1.0.0']);
  });

  it('leaves alone what a killed agent left running', async () => {
    const { world } = await instanceWith(auth('1.0.0'));
    const pid = world.pidOf(AUTH);

    await world.boot().deployer.recover();

    expect(world.pidOf(AUTH)).toBe(pid);
  });

  it('keeps so many generations and the trees they need', async () => {
    const { world, deployer } = await instanceWith(
      auth('1.0.0'),
      auth('1.1.0'),
      auth('1.2.0'),
      auth('1.3.0'),
    );

    const numbers = (await deployer.generations()).map((generation) => generation.number);

    expect(numbers).toEqual([2, 3, 4]);
    expect(world.disk.trees.size).toBe(3);
    expect((await deployer.records()).map((record) => record.id)).toEqual([1, 2, 3, 4]);
  });

  it('rolls back when the journal was damaged in the middle of a deployment', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    const interrupted = deploy(
      world.boot(({ detail }) => (detail === 'entered soaking' ? 'crash-after' : 'none')).deployer,
      auth('1.1.0'),
    );
    await expect(interrupted).rejects.toThrow();
    if (world.disk.journal !== null) {
      world.disk.journal.entries.splice(3);
      world.disk.journal.damaged = true;
    }

    await world.boot().deployer.recover();

    expect((await deployer.records()).at(-1)).toMatchObject({
      state: 'rolled-back',
      failure: { code: 'deploy/journal-damaged' },
    });
    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });

  it.each([
    ['is gone', null],
    ['is empty', { deployment: 2, entries: [], damaged: false }],
  ])('rolls back when the journal %s in the middle of a deployment', async (_, journal) => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    const interrupted = deploy(
      world.boot(({ detail }) => (detail === 'entered soaking' ? 'crash-after' : 'none')).deployer,
      auth('1.1.0'),
    );
    await expect(interrupted).rejects.toThrow();
    world.disk.journal = journal;

    await world.boot().deployer.recover();

    expect((await deployer.records()).at(-1)).toMatchObject({
      state: 'rolled-back',
      failure: { code: 'deploy/journal-damaged' },
    });
    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });

  it('finds in the records what `current` named when the link is lost', async () => {
    const { world } = await instanceWith(auth('1.0.0'), auth('1.1.0'));
    world.disk.current = null;
    world.powerCut();

    await world.boot().deployer.recover();

    expect(world.disk.current).toBe(2);
    expect(world.running()).toEqual(['core/auth@1.1.0']);
  });

  it('calls a person when the disk lost the generation that was being deployed', async () => {
    const { world, deployer } = await instanceWith(auth('1.0.0'));
    const interrupted = deploy(
      world.boot(({ detail }) => (detail === 'entered soaking' ? 'crash-after' : 'none')).deployer,
      auth('1.1.0'),
    );
    await expect(interrupted).rejects.toThrow();
    world.disk.generations.delete(2);

    await world.boot().deployer.recover();

    expect((await deployer.records()).at(-1)).toMatchObject({
      state: 'inconsistent',
      failure: { code: 'deploy/generation-lost' },
    });
    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });
});
