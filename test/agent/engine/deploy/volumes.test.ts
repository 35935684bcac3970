// Volumes in a deployment: copied after the stop, put back on every way back, refused where that cannot be, and kept no longer than needed.
import { describe, expect, it } from 'vitest';
import { auth } from '../../../support/deploy-instance.ts';
import { API, AUTH, type Deployable, deployableOf, releaseOf } from '../../../support/deploy-releases.ts';
import { createWorld, deploy } from '../../../support/deploy-world.ts';
import { nameOf } from '../../../support/fake-machine.ts';
import type { Faults } from '../../../support/fault-gate.ts';
import type { MemoryDisk } from '../../../support/memory-deployments.ts';

const images = [{ archive: 'a.tar', digest: `sha256:${'a'.repeat(64)}` }];
/** Each start of a version leaves a mark in its volume. */
const containers = (version: string, reversible = 'snapshot'): Deployable =>
  auth(version, copied(reversible));
const copied = (reversible: string) => ({
  service: { driver: 'compose', file: 'compose.yaml', images, snapshot: ['data'] },
  reversible,
  hooks: {},
});

async function installed(...versions: readonly string[]) {
  const begun: string[] = [];
  const faults = { of: (_call: string): ReturnType<Faults> => 'none' };
  const world = createWorld({
    driverOver: (machine) => ({
      ...machine,
      async start(unit) {
        const version = nameOf(unit).replace(/.*@/, '');
        begun.push(`start ${version}`);
        // What the service writes as it starts.
        world.volumes.data.set(AUTH, `${world.volumes.data.get(AUTH) ?? ''} ${version}`.trim());
        await machine.start(unit);
      },
    }),
  });
  const boot = () =>
    world.boot(({ port }) => {
      begun.push(port);
      return faults.of(port);
    }).deployer;
  let deployer = boot();
  await deployer.recover();
  for (const version of versions) await deploy(deployer, containers(version));
  begun.length = 0;
  return {
    world,
    begun,
    faults,
    data: () => world.volumes.data.get(AUTH),
    copies: () => [...world.volumes.copies.keys()],
    deploy: (version: string, reversible?: string) => deploy(deployer, containers(version, reversible)),
    rollback: () => deployer.rollback({ reason: 'slow', actor: 'sam' }),
    rehearse: () => deployer.rehearse(undefined),
    async reboot() {
      deployer = boot();
      await deployer.recover();
      return (await deployer.records()).at(-1);
    },
  };
}

describe('the volumes of a release', () => {
  it('are copied after the stop and before anything starts', async () => {
    const { begun, deploy: update, copies } = await installed('1.0.0');

    await update('1.1.0');

    const wanted = ['driver.stop', 'volumes.save', 'store.setCurrent', 'start 1.1.0'];
    expect(begun.filter((call) => wanted.includes(call))).toEqual(wanted);
    expect(copies()).toEqual(['2 core/auth']);
  });

  it('are put back before the version before starts again, and their copy goes', async () => {
    const { world, deploy: update, data, copies, begun } = await installed('1.0.0');
    world.behaviours.set('core/auth@1.1.0', 'red');

    const { state } = await update('1.1.0');

    expect(state).toBe('rolled-back');
    expect(begun.filter((call) => /^start|restore/.test(call))).toEqual([
      'start 1.1.0',
      'volumes.restore',
      'start 1.0.0',
    ]);
    expect([data(), copies()]).toEqual(['1.0.0 1.0.0', []]);
  });

  it('are put back when a person goes back, over each version that is left', async () => {
    const { rollback, data } = await installed('1.0.0', '1.1.0', '1.2.0');

    await rollback();
    const once = data();
    await rollback();

    expect([once, data()]).toEqual(['1.0.0 1.1.0 1.1.0', '1.0.0 1.0.0']);
  });

  it('are copied by no release that is left without', async () => {
    const { deploy: update, copies } = await installed('1.0.0');

    await update('1.1.0', 'yes');

    expect(copies()).toEqual([]);
  });

  it('stop nothing where there is no room for the copy', async () => {
    const { world, deploy: update, begun } = await installed('1.0.0');
    world.volumes.room = 0;

    const record = await update('1.1.0');

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'disk/full' } });
    expect(begun).not.toContain('driver.stop');
  });

  it('stop nothing where there is room for each copy and not for all', async () => {
    const world = createWorld();
    const { deployer, calls } = world.boot();
    await deployer.recover();
    const both = (version: string) =>
      deployableOf({
        [AUTH]: releaseOf(AUTH, version, copied('snapshot')),
        [API]: releaseOf(API, version, copied('snapshot')),
      });
    await deploy(deployer, both('1.0.0'));
    world.volumes.room = 1;
    calls.length = 0;

    const record = await deploy(deployer, both('1.1.0'));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'disk/full' } });
    expect(calls).not.toContain('driver.stop');
  });

  it.each<[string, MemoryDisk['damages']]>([
    ['record', { records: ['records/1.json cannot be read'], generations: [] }],
    ['generation', { records: [], generations: [1] }],
  ])(
    'keep their copies while a %s cannot be read: it may tell what they are needed for',
    async (_, damages) => {
      const { world, deploy: update, copies } = await installed('1.0.0', '1.1.0');
      world.disk.damages = damages;
      // Nothing that can be read leads back from there.
      world.disk.records.clear();
      await update('1.2.0');
      const meanwhile = copies();

      world.disk.damages = { records: [], generations: [] };
      await update('1.3.0');

      expect([meanwhile, copies()]).toEqual([
        ['2 core/auth', '3 core/auth'],
        ['3 core/auth', '4 core/auth'],
      ]);
    },
  );

  it('keep no copy for a generation below one that cannot be read, which goes in its turn', async () => {
    const { world, deploy: update, copies } = await installed('1.0.0', '1.1.0', '1.2.0', '1.3.0');
    world.disk.generations.delete(3);
    world.disk.damages = { records: [], generations: [3] };

    const found: unknown[] = [];
    for (const version of ['1.4.0', '1.5.0', '1.6.0', '1.7.0']) {
      await update(version);
      const numbers = copies().map((copy) => Number.parseInt(copy, 10));
      found.push([world.disk.damages.generations, numbers]);
    }

    expect(found).toEqual([
      [[3], [2, 3, 4, 5]],
      [[3], [3, 4, 5, 6]],
      [[3], [3, 4, 5, 6, 7]],
      [[], [5, 6, 7, 8]],
    ]);
  });

  it('of which some are mounted by nothing are told once for the rest to be copied', async () => {
    const { world, deploy: update, copies } = await installed('1.0.0');
    world.volumes.unmounted = ['cache', 'old'];

    const { state } = await update('1.1.0');

    expect([state, copies()]).toEqual(['committed', ['2 core/auth']]);
    expect(world.warnings).toMatchObject([
      { code: 'service/volumes-unmounted', data: { component: AUTH, volumes: 'cache, old' } },
    ]);
  });

  it('keep a person from going back once their copy is gone, before anything stops', async () => {
    const { world, rollback, rehearse, begun } = await installed('1.0.0', '1.1.0');
    world.volumes.copies.clear();

    const { checks } = await rehearse();
    begun.length = 0;
    const record = await rollback();

    expect(checks.find(({ check }) => check === 'what data go back to is there')?.problem).toContain(
      'missing',
    );
    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/no-snapshot' } });
    expect(begun).not.toContain('driver.stop');
  });

  it.each([
    ['volumes.save', 'crash-before'],
    ['volumes.save', 'crash-after'],
    ['volumes.restore', 'crash-before'],
    ['volumes.restore', 'crash-after'],
  ] as const)('survive a crash in %s, %s', async (call, fault) => {
    const instance = await installed('1.0.0');
    instance.world.behaviours.set('core/auth@1.1.0', 'red');
    instance.faults.of = (one) => (one === call ? fault : 'none');
    await instance.deploy('1.1.0').catch(() => undefined);
    instance.faults.of = () => 'none';

    const record = await instance.reboot();

    expect(record?.state).toBe('rolled-back');
    expect(instance.data()?.split(' ')).not.toContain('1.1.0');
  });

  it('start no version while they are half put back, and their copy stays until they are', async () => {
    const { world, deploy: update, data, copies, reboot } = await installed('1.0.0');
    world.behaviours.set('core/auth@1.1.0', 'red');
    world.volumes.isInUse = true;

    const record = await update('1.1.0');
    const next = await update('1.2.0');
    world.powerCut();
    await reboot();

    expect([record.state, next.state, next.failure?.code]).toEqual([
      'inconsistent',
      'abandoned',
      'deploy/no-snapshot',
    ]);
    expect([world.running(), data(), copies()]).toEqual([[], '', ['2 core/auth']]);

    // A person has put them back.
    world.volumes.halfway.clear();
    await reboot();
    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });

  it.each([
    ['is finished first', 1, 'rolled-back', '1.0.0 1.1.0'],
    ['leaves nothing running where it cannot be', 9, 'inconsistent', ''],
  ])('that a person goes back over: a failure in the middle %s', async (_, times, state, found) => {
    const { world, faults, rollback, data } = await installed('1.0.0', '1.1.0');
    let failures = 0;
    world.volumes.isInUse = true;
    faults.of = (call) => {
      if (call === 'volumes.restore') world.volumes.isInUse = failures++ < times;
      return 'none';
    };

    const record = await rollback();

    expect([record.state, data()]).toEqual([state, found]);
  });

  it.each([
    ['whole', 'rolled-back', '1.0.0 1.0.0'],
    ['gone', 'inconsistent', ''],
  ])('are put back after a damaged journal, by the copy: it is %s', async (copy, state, found) => {
    const instance = await installed('1.0.0');
    instance.faults.of = (call) =>
      call === 'prober.probe' && instance.begun.includes('start 1.1.0') ? 'crash-before' : 'none';
    await instance.deploy('1.1.0').catch(() => undefined);
    instance.faults.of = () => 'none';
    const { journal } = instance.world.disk;
    if (journal !== null) instance.world.disk.journal = { ...journal, damaged: true, entries: [] };
    if (copy === 'gone') instance.world.volumes.copies.clear();

    const record = await instance.reboot();

    expect(record?.state).toBe(state);
    if (found !== '') expect(instance.data()).toBe(found);
    else expect(instance.world.running()).not.toContain('core/auth@1.0.0');
  });

  it.each<[string, string, string, 'crash-before' | 'crash-after', string[]]>([
    ['that was made', 'snapshot', 'volumes.save', 'crash-after', ['volumes.restore', 'start 1.0.0']],
    ['that was not made yet', 'snapshot', 'volumes.save', 'crash-before', ['start 1.0.0']],
    ['that its release has not', 'no', 'driver.stop', 'crash-after', ['start 1.0.0']],
  ])(
    'alone tell after a damaged journal, by a copy %s, whether anything started',
    async (_, reversible, call, fault, expected) => {
      const instance = await installed('1.0.0');
      instance.faults.of = (one) => (one === call ? fault : 'none');
      await instance.deploy('1.1.0', reversible).catch(() => undefined);
      instance.faults.of = () => 'none';
      const { journal } = instance.world.disk;
      if (journal !== null) instance.world.disk.journal = { ...journal, damaged: true, entries: [] };
      instance.begun.length = 0;

      const record = await instance.reboot();

      expect(record?.state).toBe('rolled-back');
      expect(instance.begun.filter((one) => /^start|restore/.test(one))).toEqual(expected);
    },
  );
});
