// Recovery, case by case: what a process left on disk, what becomes of it, and what is told of it.
import { describe, expect, it } from 'vitest';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { DeploymentRecord } from '../../../../shared/schema/deployment.ts';
import { auth, instanceWith } from '../../../support/deploy-instance.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { deploy, type World } from '../../../support/deploy-world.ts';
import { recordOf } from '../../../support/deployments.ts';

const OLD = auth('1.0.0');
const NEW = auth('1.1.0');

/** 1.0.0 runs; an update to 1.1.0 died when it had entered this state. */
async function diedIn(state: string, history = [OLD]) {
  const { world } = await instanceWith(...history);
  const dying = world.boot(({ detail }) => (detail === `entered ${state}` ? 'crash-after' : 'none'));
  await deploy(dying.deployer, NEW).catch(() => undefined);
  return world;
}

/** A new process: what it tells, and what the disk holds afterwards. */
async function recovered(world: World, faults?: Parameters<World['boot']>[0]) {
  const told: DeploymentRecord[] = [];
  const { deployer, calls } = world.boot(faults);
  deployer.onRecord((record) => void told.push(record));
  await deployer.recover();
  const record = [...world.disk.records.values()].at(-1);
  return { deployer, calls, told, record };
}
const REBOOTED = '2026-01-31T';

describe('an update that died before it touched anything', () => {
  it.each(['planned', 'fetching', 'staged', 'preflight'])('is abandoned where it was %s', async (state) => {
    const world = await diedIn(state);

    const { record, told } = await recovered(world);

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/interrupted' } });
    expect(record?.failure?.message).toContain(state);
    expect(told.at(-1)).toEqual(record);
    expect([world.disk.journal, world.running()]).toEqual([null, ['core/auth@1.0.0']]);
  });

  it('whose journal was never begun is abandoned by its record, told, and its generation goes', async () => {
    const { world } = await instanceWith(OLD);
    const dying = world.boot(({ port }) => (port === 'journal.begin' ? 'crash-before' : 'none'));
    await deploy(dying.deployer, NEW).catch(() => undefined);
    expect([...world.disk.generations.keys()]).toEqual([1, 2]);

    const { record, told } = await recovered(world);

    expect(record).toMatchObject({
      ...{ id: 2, state: 'abandoned', failure: { code: 'deploy/interrupted' } },
      stages: [{ state: 'planned' }, { state: 'abandoned', at: expect.stringContaining(REBOOTED) }],
    });
    expect(told).toEqual([record]);
    expect([...world.disk.generations.keys()]).toEqual([1]);
  });

  it('whose journal is empty is abandoned likewise, and the journal goes', async () => {
    const { world } = await instanceWith(OLD);
    const dying = world.boot(({ port }) => (port === 'journal.append' ? 'crash-before' : 'none'));
    await deploy(dying.deployer, NEW).catch(() => undefined);
    expect(world.disk.journal?.entries).toEqual([]);

    const { record } = await recovered(world);

    expect(record).toMatchObject({ id: 2, state: 'abandoned' });
    expect([world.disk.journal, [...world.disk.generations.keys()]]).toEqual([null, [1]]);
  });

  it('on the way back keeps the generation it was to return to', async () => {
    const { world } = await instanceWith(OLD, NEW);
    const dying = world.boot(({ port }) => (port === 'journal.begin' ? 'crash-before' : 'none'));
    await dying.deployer.rollback({ reason: 'slow', actor: 'ada' }).catch(() => undefined);

    const { record } = await recovered(world);

    expect(record).toMatchObject({ id: 3, state: 'abandoned', reason: { kind: 'rollback' } });
    expect([...world.disk.generations.keys()]).toEqual([1, 2]);
  });

  it('never loses what runs, though its record says that it had not begun', async () => {
    const { world } = await instanceWith(OLD);
    const record = world.disk.records.get(1);
    world.disk.records.set(1, {
      ...recordOf(1, ['planned']),
      ...{ reason: record?.reason ?? { kind: 'channel' } },
    });

    await recovered(world);

    expect([...world.disk.generations.keys()]).toEqual([1]);
    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });
});

describe('an update that died over what runs', () => {
  it.each(['stopping', 'switching', 'starting', 'verifying', 'soaking'])(
    'goes on from where it was %s, and says that it was taken up',
    async (state) => {
      const world = await diedIn(state);

      const { record, calls } = await recovered(world);

      expect(record).toMatchObject({ state: 'committed', failure: null });
      const entered = calls.flatMap(({ port, detail }) => (port === 'journal.append' ? [detail] : []));
      expect(entered[0]).toBe('resumed');
      expect(entered.includes('entered starting')).toBe(state !== 'starting');
    },
  );

  it('while it was judged is started and judged anew', async () => {
    const world = await diedIn('soaking');
    world.powerCut();

    const { record } = await recovered(world);

    expect(record?.stages.map((stage) => stage.state).slice(-4)).toEqual([
      'starting',
      'verifying',
      'soaking',
      'committed',
    ]);
    expect(world.running()).toEqual(['core/auth@1.1.0']);
  });

  it('and is not asked again whether it may', async () => {
    const world = await diedIn('stopping');

    expect((await recovered(world)).record?.state).toBe('committed');
  });

  it('twice is rolled back, and once more only finishes that', async () => {
    const world = await diedIn('starting');
    const crash = ({ detail }: { readonly detail: string }) =>
      (detail === 'resumed' ? 'crash-after' : 'none') as never;
    await recovered(world, crash).catch(() => undefined);

    const { record } = await recovered(world);

    expect(record).toMatchObject({ state: 'rolled-back', failure: { code: 'deploy/went-down' } });
    expect(world.running()).toEqual(['core/auth@1.0.0']);
  });

  it('is told as committed where the disk proves it, though its journal is damaged', async () => {
    const world = await diedIn('committed');
    const generation = world.disk.generations.get(2);
    if (generation !== undefined)
      world.disk.generations.set(2, { ...generation, healthy: true, committedBy: 2 });
    if (world.disk.journal !== null) {
      world.disk.journal.entries.splice(4);
      world.disk.journal.damaged = true;
    }

    const { record } = await recovered(world);

    expect(record?.state).toBe('committed');
    expect(world.disk.journal).toBeNull();
  });

  it('is given up where neither its journal nor the generation before can be read, and nothing is named as running', async () => {
    const world = await diedIn('switching');
    world.disk.generations.delete(1);
    if (world.disk.journal !== null) world.disk.journal.damaged = true;

    const { record } = await recovered(world);

    expect(record).toMatchObject({ state: 'inconsistent', failure: { code: 'deploy/journal-damaged' } });
    expect(world.disk.current).toBeNull();
  });

  it('whose generation is lost is told so, and what was before it runs', async () => {
    const world = await diedIn('starting');
    world.disk.generations.delete(2);

    const { record, told } = await recovered(world);

    expect(record).toMatchObject({
      ...{ state: 'inconsistent', failure: { code: 'deploy/generation-lost' } },
      stages: expect.arrayContaining([{ state: 'starting', at: expect.any(String) }]),
    });
    expect(record?.stages.at(-1)?.state).toBe('inconsistent');
    expect(told).toEqual([record]);
    expect([world.disk.current, world.disk.journal]).toEqual([1, null]);
  });

  it('and had ended, though its generation is lost, is told as its journal tells it', async () => {
    const world = await diedIn('rolled-back', [OLD]);
    // It never came to that: it committed. Now its journal says that it went back.
    const at = `${REBOOTED}10:00:00.000Z`;
    world.disk.journal = {
      ...{ deployment: 2, damaged: false },
      entries: [{ kind: 'entered', sequence: 1, at, state: 'rolled-back' }],
    };
    world.disk.generations.delete(2);
    world.disk.current = 1;

    const { record, told } = await recovered(world);

    expect(record).toMatchObject({ id: 2, state: 'rolled-back', stages: [{ state: 'rolled-back', at }] });
    expect([told, world.disk.journal]).toEqual([[], null]);
  });

  it('whose record is lost leaves no journal behind, and `current` says what runs', async () => {
    const world = await diedIn('soaking');
    world.disk.records.delete(2);

    await recovered(world);

    expect(world.disk.journal).toBeNull();
    expect(world.running()).toEqual(['core/auth@1.1.0']);
  });

  it('in the process that asks again blames nobody', async () => {
    const { world } = await instanceWith(OLD);
    let broken = true;
    const { deployer } = world.boot(({ port, detail }) =>
      broken && `${port} ${detail}` === 'journal.append entered switching' ? 'fail' : 'none',
    );
    await expect(deploy(deployer, NEW)).rejects.toThrow();
    broken = false;

    await deployer.recover();

    expect([...world.disk.records.values()].at(-1)).toMatchObject({ state: 'committed' });
    expect(world.running()).toEqual(['core/auth@1.1.0']);
  });
});

describe('a link that is lost', () => {
  const warned = (world: World) => world.warnings.filter((one) => one instanceof FairleadError);

  it('is returned to what the records name, with a warning', async () => {
    const { world } = await instanceWith(OLD, NEW);
    world.disk.current = null;

    await recovered(world);

    expect(world.disk.current).toBe(2);
    expect(warned(world)).toMatchObject([{ code: 'deploy/current-lost', data: { generation: 2 } }]);
    expect(world.pidOf(AUTH)).not.toBeNull();
  });

  it('stays so where nobody can tell, or what the records name is gone', async () => {
    const unsettled = (await instanceWith(OLD)).world;
    unsettled.disk.current = null;
    unsettled.disk.records.set(2, recordOf(2, ['inconsistent']));
    await recovered(unsettled);

    const gone = (await instanceWith(OLD, NEW)).world;
    gone.disk.current = null;
    gone.disk.generations.delete(2);
    await recovered(gone);

    expect([unsettled.disk.current, gone.disk.current]).toEqual([null, null]);
    expect([...warned(unsettled), ...warned(gone)]).toEqual([]);
  });

  it('that is there is left alone', async () => {
    const { world } = await instanceWith(OLD, NEW);
    world.disk.current = 1;

    const { calls } = await recovered(world);

    expect(world.disk.current).toBe(1);
    expect(calls.map(({ port }) => port)).not.toContain('store.setCurrent');
    expect(warned(world)).toEqual([]);
  });
});
