// Files that are not what was signed: the way forward is made whole, and the version that is left blocks nothing.
import { describe, expect, it } from 'vitest';
import { auth, damage, FORCED, instanceWith, lose } from '../../../support/deploy-instance.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { chainOf, deploy } from '../../../support/deploy-world.ts';

const ADDED = { path: '__pycache__', problem: 'unexpected' } as const;
const CHANGED = { path: 'server.js', problem: 'changed' } as const;
const MISSING = { path: 'server.js', problem: 'missing' } as const;

const V1 = auth('1.0.0');
const V2 = auth('1.1.0');

describe('an update away from files that', () => {
  it.each([
    ['have company', [ADDED], { added: 1, damaged: 0, mended: true, example: '__pycache__' }],
    ['changed', [CHANGED], { added: 0, damaged: 1, mended: true, example: 'server.js' }],
    ['are gone', [MISSING, ADDED], { added: 1, damaged: 1, mended: true, example: 'server.js' }],
  ])('%s goes on, and the record says how they were', async (_, deviations, drift) => {
    const { world, deployer } = await instanceWith(V1);
    damage(world, V1, ...deviations);

    const record = await deploy(deployer, V2);

    expect(record).toMatchObject({ state: 'committed', drift: [{ component: AUTH, ...drift }] });
    expect(world.running()).toEqual(['core/auth@1.1.0']);
  });

  it('cannot be mended asks a person, with nothing touched and nobody to blame', async () => {
    const { world, deployer } = await instanceWith(V1);
    damage(world, V1, CHANGED);
    lose(world, V1);
    const pid = world.pidOf(AUTH);

    const record = await deploy(deployer, V2);

    expect(chainOf(record)).toBe('planned → fetching → staged → abandoned');
    expect(record.failure?.code).toBe('deploy/way-back-damaged');
    expect(world.pidOf(AUTH)).toBe(pid);
    expect(await deployer.quarantine()).toEqual([]);
  });

  it.each([
    ['a person accepted', { acceptDrift: true }],
    ['an advisory forces', { reason: FORCED }],
  ])('cannot be mended goes on where %s it, and says so', async (_, more) => {
    const { world, deployer } = await instanceWith(V1);
    damage(world, V1, CHANGED);
    lose(world, V1);

    const record = await deploy(deployer, V2, more);

    expect(record).toMatchObject({ state: 'committed', drift: [{ damaged: 1, mended: false }] });
  });
});

describe('a staged tree that is not whole', () => {
  it.each([ADDED, CHANGED, MISSING])('is made so before it starts: $path $problem', async (deviation) => {
    const { world, deployer } = await instanceWith(V1);
    world.behaviours.set('core/auth@1.1.0', 'fails smoke');
    await deploy(deployer, V2);
    world.behaviours.clear();
    damage(world, V2, deviation);

    const record = await deploy(deployer, V2);

    expect(record.state).toBe('committed');
    expect(record.drift).toBeUndefined();
    expect(world.disk.deviations.get(treeOf(V2))).toEqual([]);
  });

  it('and cannot be made so is never started', async () => {
    const { world, deployer } = await instanceWith(V1);
    world.behaviours.set('core/auth@1.1.0', 'fails smoke');
    await deploy(deployer, V2);
    world.behaviours.clear();
    damage(world, V2, CHANGED);
    lose(world, V2);

    const record = await deploy(deployer, V2, { reason: FORCED });

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'transport/unreachable' } });
    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });

  it('is never started where the disk does not keep what mended it', async () => {
    const { world, deployer } = await instanceWith(V1);
    damage(world, V2, CHANGED);
    for (const { document } of V2.releases.values()) world.disk.stubborn.add(document.tree.digest);

    const record = await deploy(deployer, V2);

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/tree-damaged' } });
    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });

  it('is left alone where another component runs from it', async () => {
    const settings = { tone: { type: 'string' } };
    const before = auth('1.0.0', { settings }, { tone: 'low' });
    const { world, deployer } = await instanceWith(before);
    damage(world, before, ADDED);

    const record = await deploy(deployer, auth('1.0.0', { settings }, { tone: 'high' }));

    expect(record).toMatchObject({ state: 'committed', drift: [{ added: 1 }] });
    expect(world.disk.deviations.get(treeOf(before))).toEqual([ADDED]);
  });
});

describe('a rollback', () => {
  it('mends what it returns to from this machine alone, and keeps what the service added', async () => {
    const { world } = await instanceWith(V1);
    world.behaviours.set('core/auth@1.1.0', 'fails smoke');
    // What was whole before the stop is damaged by the time of the way back.
    const { deployer } = world.boot(({ port }) => {
      if (port === 'driver.stop') damage(world, V1, CHANGED, ADDED);
      return 'none';
    });

    const record = await deploy(deployer, V2);

    expect(record.state).toBe('rolled-back');
    expect(world.disk.deviations.get(treeOf(V1))).toEqual([ADDED]);
  });

  it('starts what it cannot mend: damaged files that ran a moment ago are better than none', async () => {
    const { world, deployer } = await instanceWith(V1);
    damage(world, V1, CHANGED);
    lose(world, V1);
    world.behaviours.set('core/auth@1.1.0', 'fails smoke');

    const record = await deploy(deployer, V2, { reason: FORCED });

    expect(record.state).toBe('rolled-back');
    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });

  it('by hand is stopped by nothing that the version it leaves did to its own files', async () => {
    const { world, deployer } = await instanceWith(V1, V2);
    damage(world, V2, CHANGED);
    lose(world, V2);
    damage(world, V1, ADDED);

    const record = await deployer.rollback({ reason: 'customers complain', actor: 'ada' });

    expect(record).toMatchObject({ state: 'committed', drift: [{ mended: false }] });
    expect(world.disk.deviations.get(treeOf(V1))).toEqual([]);
  });
});

function treeOf({ manifest }: typeof V1) {
  const [component] = manifest.components;
  if (component === undefined) throw new Error('no component');
  return component.tree;
}
