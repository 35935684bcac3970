// The version before stays for as long as its connections last, within the time its successor declares.
import { describe, expect, it } from 'vitest';
import { AUTH } from '../../../support/deploy-releases.ts';
import { besides } from '../../../support/deploy-scenarios.ts';
import { createWorld, deploy } from '../../../support/deploy-world.ts';
import type { Faults } from '../../../support/fault-gate.ts';

const BLUE = 8001;
const GREEN = 8002;
const OLD = 'core/auth@1.0.0';
const NEW = 'core/auth@1.1.0';

/** 1.1.0 is committed in the green slot, and three clients are still connected to 1.0.0 in the blue one. */
async function updatedWith(connections: number) {
  const world = createWorld({ soakMs: 4_000 });
  const { deployer } = world.boot();
  await deployer.recover();
  await deploy(deployer, besides('1.0.0'));
  world.connections.set(BLUE, connections);
  const record = await deploy(deployer, besides('1.1.0'));
  await deployer.recover();
  const recordNow = () => world.disk.records.get(record.id);
  return { world, deployer, record, recordNow };
}

describe('the version before', () => {
  it('goes as soon as nobody is connected to it', async () => {
    const { world, deployer, recordNow } = await updatedWith(3);
    const whileConnected = world.running();
    world.connections.delete(BLUE);

    await deployer.recover();

    expect(whileConnected).toEqual([OLD, NEW]);
    expect(world.running()).toEqual([NEW]);
    expect(recordNow()?.cutConnections).toBeUndefined();
    expect(world.warnings).toEqual([]);
  });

  it('goes when the time of its connections is over, and the record counts them', async () => {
    const { world, deployer, recordNow } = await updatedWith(3);
    world.clock.advance(29_000);
    await deployer.recover();
    const within = world.running();
    world.clock.advance(1_000);

    await deployer.recover();

    expect(within).toEqual([OLD, NEW]);
    expect(world.running()).toEqual([NEW]);
    expect(recordNow()?.cutConnections).toBe(3);
    expect(world.warnings).toMatchObject([{ code: 'deploy/connections-cut', data: { connections: 3 } }]);
  });

  it('keeps its time whatever the clock on the wall is set to', async () => {
    const { world, deployer } = await updatedWith(3);
    world.clock.setWall(10);

    await deployer.recover();

    expect(world.running()).toEqual([OLD, NEW]);
  });

  it('has its time anew when the agent was restarted, and no longer', async () => {
    const { world } = await updatedWith(3);
    world.clock.advance(29_000);
    const { deployer } = world.boot();
    await deployer.recover();
    world.clock.advance(29_000);
    await deployer.recover();
    const within = world.running();
    world.clock.advance(1_000);

    await deployer.recover();

    expect(within).toEqual([OLD, NEW]);
    expect(world.running()).toEqual([NEW]);
  });

  it('gives way to the next deployment at once: a fix must not wait for a client', async () => {
    const { world, deployer, recordNow } = await updatedWith(3);

    const next = await deploy(deployer, besides('1.2.0'));

    expect(next.state).toBe('committed');
    expect(recordNow()?.cutConnections).toBe(3);
    expect(world.running()).toEqual([NEW, 'core/auth@1.2.0']);
  });
});

describe('a version that is rolled back', () => {
  it.each([
    ['goes at once when nobody is connected', 0, false],
    ['waits for a single connection', 1, true],
  ])('%s', async (_what, connections, waits) => {
    const took = async (open: number) => {
      const world = createWorld({ soakMs: 4_000 });
      const { deployer } = world.boot();
      await deployer.recover();
      await deploy(deployer, besides('1.0.0'));
      world.behaviours.set(NEW, 'late');
      world.connections.set(GREEN, open);
      const before = world.clock.monotonic();
      expect((await deploy(deployer, besides('1.1.0'))).state).toBe('rolled-back');
      return world.clock.monotonic() - before;
    };

    expect((await took(connections)) >= (await took(2))).toBe(waits);
  });

  it('has ten seconds for its connections, and no more', async () => {
    const world = createWorld({ soakMs: 4_000 });
    const { deployer } = world.boot();
    await deployer.recover();
    await deploy(deployer, besides('1.0.0'));
    world.behaviours.set(NEW, 'late');
    world.connections.set(GREEN, 2);
    const before = world.clock.monotonic();

    const record = await deploy(deployer, besides('1.1.0'));

    expect(record.state).toBe('rolled-back');
    expect(world.running()).toEqual([OLD]);
    expect(world.clock.monotonic() - before).toBeGreaterThan(10_000);
    expect(world.clock.monotonic() - before).toBeLessThan(60_000);
    expect(world.warnings).toMatchObject([{ code: 'deploy/connections-cut', data: { connections: 2 } }]);
  });
});

describe('the public port', () => {
  it('is opened again while a deployment is judged, should its keeper die', async () => {
    const world = createWorld({ soakMs: 4_000 });
    const closed: string[] = [];
    const faults: Faults = ({ port, detail }) => {
      if (port === 'journal.append' && detail === 'entered soaking') world.routes.delete(AUTH);
      if (port === 'journal.append' && detail === 'entered committed' && !world.routes.has(AUTH))
        closed.push(detail);
      return 'none';
    };
    const { deployer } = world.boot(faults);
    await deployer.recover();

    await deploy(deployer, besides('1.0.0'));

    expect(closed).toEqual([]);
  });
});
