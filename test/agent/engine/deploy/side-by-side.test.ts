// Two versions side by side: where each stands, what its neighbour is, where its traffic goes, and who keeps the port open.
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { placementOf } from '../../../../agent/engine/deploy/placement.ts';
import { prepare } from '../../../../agent/engine/deploy/prepare.ts';
import type { Route, ServiceStatus } from '../../../../agent/ports/deploy.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { AUTH, deployableOf, releaseOf } from '../../../support/deploy-releases.ts';
import { besides } from '../../../support/deploy-scenarios.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { createFakeClock, settle } from '../../../support/fake-clock.ts';

const GREEN = 'core/auth.green' as ComponentKey;
const ALONE = deployableOf({ [AUTH]: '1.0.0' });
const RUNS: ServiceStatus = { kind: 'running', pid: 1 };
const EXITED: ServiceStatus = { kind: 'exited', detail: 'status 1' };

/** A component on the public port 8000, with slots on 8001 and 8002. */
function machine(service: object = { driver: 'process' }) {
  const clock = createFakeClock();
  const statuses = new Map<ComponentKey, ServiceStatus>();
  /** Where exactly this unit runs. */
  const own = new Set<ComponentKey>();
  const connections = new Map<number, number>();
  const done: unknown[] = [];
  const warnings: unknown[] = [];
  const world = { directed: null as string | null, outcome: 'stopped', fails: null as unknown };
  const sources = {
    clock,
    secrets: { learn: () => undefined },
    onWarning: (error: unknown) => void warnings.push(error),
    trees: { directoryOf: () => '/tree' },
    store: { dataDirectoryOf: () => '/data' },
    readReference: () => Promise.reject(new Error('nothing refers to anything')),
    driver: {
      status: async (key: ComponentKey) => statuses.get(key) ?? { kind: 'absent' },
      runs: async (unit: { readonly component: ComponentKey }) => own.has(unit.component),
      async stop(key: ComponentKey, timeoutMs: number) {
        await later();
        done.push(['stop', key, timeoutMs]);
        return world.outcome;
      },
      keepOnly: async (key: ComponentKey, unit: unknown) => void done.push(['keep', key, unit]),
    },
    traffic: {
      slotOf: async () => world.directed,
      async direct(route: Route) {
        // An effect takes its time: one that nobody waits for is missed.
        await later();
        done.push(['direct', route]);
        if (world.fails !== null) throw world.fails;
      },
      connectionsTo: async (port: number) => connections.get(port) ?? 0,
      close: async (key: ComponentKey) => void done.push(['close', key]),
    },
  };
  const release = releaseOf(AUTH, '1.0.0', {
    service: {
      ...('file' in service ? {} : { exec: ['serve'], user: 'www' }),
      ...{ env: { PORT: '${settings.port}' }, stopTimeout: 'PT7S' },
      blueGreen: { public: 'port', slots: ['blue', 'green'], drain: 'PT12S', address: '0.0.0.0' },
      ...service,
    },
    settings: Object.fromEntries(
      ['port', 'blue', 'green'].map((name, index) => [name, { type: 'integer', default: 8000 + index }]),
    ),
  });
  const generation = { ...deployableOf({ [AUTH]: release }), number: 1, healthy: true };
  const placed = async (leaving?: ReadonlySet<ComponentKey>) => {
    const one = await prepare(sources as never, generation, AUTH, leaving);
    if (one === null) throw new Error('it was not placed');
    return one;
  };
  return { clock, statuses, own, connections, done, warnings, world, placed, sources: sources as never };
}
const routeTo = (slot: string, port: number) => ({
  ...{ component: AUTH, driver: 'process', slot, address: '0.0.0.0', publicPort: 8000, port, user: 'www' },
});

describe('a placement', () => {
  it('has a service in either slot, and closes the component’s own door', async () => {
    const { sources, done } = machine();
    const besideEachOther = placementOf(sources, AUTH, besides('1.0.0').releases.get(AUTH)?.document);

    expect(besideEachOther.services).toEqual([AUTH, GREEN]);
    await besideEachOther.close();
    expect(done).toEqual([['close', AUTH]]);
  });

  it('of one that stands alone, or of one that is gone, is its own service, without a neighbour or a door', async () => {
    const { sources, done } = machine();
    for (const release of [releaseOf(AUTH, '1.0.0').document, undefined]) {
      const alone = placementOf(sources, AUTH, release);
      expect(alone.services).toEqual([AUTH]);
      await alone.close();
    }
    const one = await prepare(sources, { ...ALONE, number: 1, healthy: true }, AUTH);
    if (one === null) throw new Error('it was not placed');
    const { place, unit } = one;
    const { neighbour } = place;

    expect([unit.component, place.ports, await place.isVacant(), await place.makeRoom()]).toEqual([
      ...[AUTH, [], false, 0],
    ]);
    await place.open();
    await place.keepOpen(new AbortController().signal);
    expect([neighbour.service, neighbour.drainMs]).toEqual([AUTH, 0]);
    expect([await neighbour.isThere(), await neighbour.connections(), await neighbour.stop()]).toEqual([
      ...[false, 0, 0],
    ]);
    expect(done).toEqual([]);
  });
});

describe('a component in its slot', () => {
  it.each([
    ['blue', null, 8001, AUTH, GREEN],
    ['green', 'green', 8002, GREEN, AUTH],
  ] as const)('%s has its port, its name and its neighbour', async (slot, directed, port, key, neighbour) => {
    const { world, placed, done } = machine();
    world.directed = directed;

    const { unit, place } = await placed();

    expect([unit.component, unit.env.PORT, place.ports]).toEqual([key, `${port}`, [8000, port]]);
    expect([place.neighbour.service, place.neighbour.drainMs]).toEqual([neighbour, 12_000]);
    await place.open();
    expect(done).toEqual([['direct', routeTo(slot, port)]]);
  });

  it('is kept by the manager of its service', async () => {
    const { placed, done } = machine({ driver: 'systemd' });

    await (await placed()).place.open();

    expect(done).toMatchObject([['direct', { driver: 'systemd' }]]);
  });

  it('of containers knows whose volumes it has, and in place of which port it publishes its own', async () => {
    const images = [{ archive: 'a.tar', digest: `sha256:${'a'.repeat(64)}` }];
    const blueGreen = { public: 'port', slots: ['blue', 'green'], volumes: ['uploads'] };
    const { world, placed, done } = machine({ driver: 'compose', file: 'c.yaml', images, blueGreen });
    world.directed = 'green';

    const { unit, place } = await placed();
    await place.open();

    expect(unit).toMatchObject({
      component: GREEN,
      slot: { of: AUTH, volumes: ['uploads'], publicPort: 8000, port: 8002 },
    });
    expect(done).toMatchObject([['direct', { driver: 'compose', slot: 'green', port: 8002 }]]);
  });

  it('is directed to by whoever must note that it is', async () => {
    const { placed, done } = machine();

    await (await placed()).place.open(async (direct) => {
      done.push('before');
      await direct();
      done.push('after');
    });

    expect(done).toEqual(['before', ['direct', routeTo('blue', 8001)], 'after']);
  });

  it.each<[string, ServiceStatus | undefined, boolean, boolean, string]>([
    ['nothing of it runs', undefined, false, true, 'blue'],
    ['what stood there has ended', EXITED, false, true, 'blue'],
    ['it runs there', RUNS, true, false, 'blue'],
    ['something else runs there', RUNS, false, true, 'green'],
  ])('is vacant or not where %s', async (_what, status, isOwn, isVacant, slot) => {
    const { placed, statuses, own } = machine();
    if (status !== undefined) statuses.set(AUTH, status);
    if (isOwn) own.add(AUTH);

    const { place } = await placed();

    expect(await place.isVacant()).toBe(isVacant);
    expect(place.ports[1]).toBe(slot === 'blue' ? 8001 : 8002);
  });
});

describe('where it will run', () => {
  it('is the place of what leaves before it starts, as after the stop', async () => {
    const { placed, statuses, own, world } = machine();
    world.directed = 'blue';
    statuses.set(AUTH, RUNS);
    const leaving = await placed(new Set([AUTH]));
    const isVacant = await leaving.place.isVacant();
    statuses.set(GREEN, RUNS);
    own.add(GREEN);
    const both = await placed(new Set([AUTH, GREEN]));
    statuses.clear();
    own.clear();

    const started = await placed();

    expect([leaving, both, started].map(({ unit }) => unit.component)).toEqual([AUTH, AUTH, AUTH]);
    expect(isVacant).toBe(true);
  });
});

describe('where it runs', () => {
  it('is where it stays, wherever the traffic goes', async () => {
    const { placed, statuses, own, world } = machine();
    statuses.set(GREEN, RUNS).set(AUTH, RUNS);
    own.add(GREEN);
    world.directed = 'blue';

    expect((await placed()).unit.component).toBe(GREEN);
  });
});

describe('room is made', () => {
  it('by stopping what stands there, whose connections are counted and told', async () => {
    const { placed, statuses, connections, done, warnings } = machine();
    statuses.set(AUTH, EXITED);
    connections.set(8001, 1).set(8002, 5);

    expect(await (await placed()).place.makeRoom()).toBe(1);

    expect(done).toEqual([['stop', AUTH, 7_000]]);
    expect(warnings).toMatchObject([
      { code: 'deploy/connections-cut', data: { component: AUTH, connections: 1 } },
    ]);
  });

  it('not where it runs itself, and not where nothing stands', async () => {
    const running = machine();
    running.statuses.set(AUTH, RUNS);
    running.own.add(AUTH);
    expect(await (await running.placed()).place.makeRoom()).toBe(0);

    const empty = machine();
    empty.connections.set(8001, 3);
    expect(await (await empty.placed()).place.makeRoom()).toBe(0);
    expect([running.done, empty.done]).toEqual([[], []]);
  });

  it('without a word where nobody was connected', async () => {
    const { placed, statuses, warnings, done } = machine();
    statuses.set(AUTH, EXITED);

    expect(await (await placed()).place.makeRoom()).toBe(0);

    expect([done.length, warnings]).toEqual([1, []]);
  });
});

describe('a neighbour', () => {
  it.each<[string, ServiceStatus | undefined, boolean]>([
    ['that was never started is not there', undefined, false],
    ['that runs is there', RUNS, true],
    ['that has ended is there, and has to go', EXITED, true],
  ])('%s', async (_what, status, isThere) => {
    const { placed, statuses, connections, done } = machine();
    if (status !== undefined) statuses.set(GREEN, status);
    connections.set(8001, 3).set(8002, 5);
    const { neighbour } = (await placed()).place;

    expect(await neighbour.isThere()).toBe(isThere);
    expect(await neighbour.connections()).toBe(5);
    expect(await neighbour.stop()).toBe(isThere ? 5 : 0);
    expect(done).toEqual([...(isThere ? [['stop', GREEN, 7_000]] : []), ['keep', GREEN, null]]);
  });

  it('that does not let itself be stopped is the trouble of its component', async () => {
    const { placed, statuses, world, warnings } = machine();
    statuses.set(GREEN, RUNS);
    world.outcome = 'stuck';

    const error = await rejectionOf((await placed()).place.neighbour.stop());

    expect(dataOf(error, 'service/stuck')).toEqual({ component: AUTH });
    expect(warnings).toEqual([]);
  });
});

describe('the public port', () => {
  it('is looked after every two seconds while the unit runs, until it is enough', async () => {
    const { clock, placed, own, done } = machine();
    const ended = new AbortController();
    const keeping = (await placed()).place.keepOpen(ended.signal);
    await clock.advance(1_999);
    expect(done).toEqual([]);
    await clock.advance(2_001);
    expect(done).toEqual([]);
    own.add(AUTH);

    await clock.advance(4_000);
    expect(done).toEqual([
      ['direct', routeTo('blue', 8001)],
      ['direct', routeTo('blue', 8001)],
    ]);
    ended.abort();
    await keeping;
    await settle();

    expect(done).toHaveLength(2);
    expect(clock.nextWakeIn()).toBeNull();
  });

  it('is not let go in the middle of an opening', async () => {
    const { clock, placed, own, done } = machine();
    own.add(AUTH);
    const ended = new AbortController();
    const kept = (await placed()).place.keepOpen(ended.signal).then(() => done.push('ended'));
    const looking = clock.advance(2_000);
    ended.abort();
    await Promise.all([looking, kept]);

    expect(done.at(-1)).toBe('ended');
  });

  it('that cannot be opened is a warning, and is tried again', async () => {
    const { clock, placed, own, done, world, warnings } = machine();
    own.add(AUTH);
    world.fails = new FairleadError('service/start-failed', { component: AUTH, problem: 'EADDRINUSE' });
    const ended = new AbortController();
    const keeping = (await placed()).place.keepOpen(ended.signal);

    await clock.advance(4_000);
    ended.abort();
    await keeping;

    expect([done.length, warnings]).toEqual([2, [world.fails, world.fails]]);
  });
});
