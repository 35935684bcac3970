// Supervision, look by look: what is stopped and started in which order, when it is tried again, and that one trouble stays one.
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createMaintenance, createSupervisor } from '../../../../agent/engine/deploy/supervise.ts';
import {
  API,
  AUTH,
  type Deployable,
  deployableOf,
  type Extras,
  releaseOf,
  WEB,
} from '../../../support/deploy-releases.ts';
import { besides } from '../../../support/deploy-scenarios.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

function supervising(deployable: Deployable) {
  const clock = createFakeClock();
  const done: string[] = [];
  const warnings: unknown[] = [];
  const running = new Set<string>();
  /** Where another version runs. */
  const others = new Set<string>();
  const world = { fails: new Set<string>(), refuses: false, current: 1 as number | null };
  // An effect takes its time: one that nobody waits for is missed.
  const gate = async (what: string, key: string) => {
    await later();
    done.push(`${what} ${key}`);
    if (world.fails.has(`${what} ${key}`)) throw new Error(`${what} ${key}`);
  };
  const options = {
    // From an arbitrary start, as every monotonic clock.
    clock: { ...clock, monotonic: () => clock.monotonic() + 5_000_000 },
    secrets: { learn: () => undefined },
    onWarning: (error: unknown) => void warnings.push(error),
    trees: { directoryOf: () => '/tree' },
    volumes: { verifyWhole: async () => undefined },
    store: {
      dataDirectoryOf: () => '/data',
      records: async () => [],
      currentNumber: async () => world.current,
      generations: async () => [{ ...deployable, number: 1 }],
    },
    async readReference() {
      if (world.refuses) throw new Error('it is gone');
      return 'value';
    },
    driver: {
      runs: async ({ component }: { readonly component: string }) => running.has(component),
      status: async (key: string) =>
        running.has(key) || others.has(key) ? { kind: 'running', pid: 1 } : { kind: 'absent' },
      async stop(key: string, timeoutMs: number) {
        running.delete(key);
        others.delete(key);
        await gate('stop', `${key} ${timeoutMs}`);
        return 'stopped';
      },
      async start({ component }: { readonly component: string }) {
        await gate('start', component);
        running.add(component);
      },
      maintain: async (key: string) => gate('maintain', key),
    },
    traffic: {
      slotOf: async () => null,
      direct: async ({ component }: { readonly component: string }) => gate('direct', component),
      connectionsTo: async () => 0,
    },
  };
  const { attend } = createSupervisor(options as never);
  const look = async () => {
    await attend({ ...deployable, number: 1, healthy: true });
    return done.splice(0);
  };
  return {
    clock,
    done,
    warnings,
    running,
    others,
    world,
    look,
    maintain: createMaintenance(options as never),
  };
}
const needing = (extras: Extras = {}) =>
  deployableOf({
    [API]: releaseOf(API, '1.0.0', { requires: { [AUTH]: '^1.0.0' } }),
    [AUTH]: releaseOf(AUTH, '1.0.0', extras),
  });

describe('what should run', () => {
  it('is started where it does not, what others need first, after what may stand in its place was stopped', async () => {
    const { look, running } = supervising(needing());
    expect(await look()).toEqual([
      'stop core/auth 5000',
      'start core/auth',
      'stop core/api 5000',
      'start core/api',
    ]);

    running.delete(API);
    expect(await look()).toEqual([]);
  });

  it('of containers is started from what is left of it, and stopped where something else runs', async () => {
    const service = {
      driver: 'compose',
      file: 'c.yaml',
      images: [{ archive: 'a', digest: `sha256:${'a'.repeat(64)}` }],
    };
    const { clock, look, running, others } = supervising(
      deployableOf({ [AUTH]: releaseOf(AUTH, '1.0.0', { service, hooks: {} }) }),
    );
    const first = await look();
    running.clear();
    others.add(AUTH);
    await clock.advance(1_000);

    expect([first, await look()]).toEqual([['start core/auth'], ['stop core/auth 30000', 'start core/auth']]);
  });

  it('is left alone where it does', async () => {
    const { look, running } = supervising(needing());
    running.add(AUTH).add(API);

    expect(await look()).toEqual([]);
  });

  it('is started again after ever longer pauses', async () => {
    const { clock, look, running } = supervising(deployableOf({ [AUTH]: '1.0.0' }));
    const starts: number[] = [];
    for (let second = 0; second <= 20; second++) {
      if ((await look()).length > 0) starts.push(second);
      running.clear();
      await clock.advance(1_000);
    }

    expect(starts).toEqual([0, 1, 3, 7, 15]);
  });

  it.each(['stop core/auth 5000', 'start core/auth'])(
    'is nobody’s but its own trouble at %s',
    async (fault) => {
      const { look, warnings, world, running, clock } = supervising(needing());
      world.fails.add(fault);

      expect((await look()).slice(-2)).toEqual(['stop core/api 5000', 'start core/api']);

      expect(warnings).toEqual([new Error(fault)]);
      expect(await look()).toEqual([]);
      world.fails.clear();
      await clock.advance(1_000);
      expect(await look()).toEqual(['stop core/auth 5000', 'start core/auth']);
      expect(running).toEqual(new Set([AUTH, API]));
    },
  );

  it('is tried less and less often where its settings cannot be read', async () => {
    const settings = { settings: { token: { type: 'string' } } };
    const secret = deployableOf(
      { [AUTH]: releaseOf(AUTH, '1.0.0', settings) },
      { [AUTH]: { token: '${env:T}' } },
    );
    const { clock, look, warnings, world } = supervising(secret);
    world.refuses = true;
    const tries: number[] = [];
    for (let second = 0; second <= 8; second++) {
      const before = warnings.length;
      await look();
      if (warnings.length > before) tries.push(second);
      await clock.advance(1_000);
    }

    expect(tries).toEqual([0, 1, 3, 7]);
  });

  it('behind a public port has it opened each time, also where it runs already', async () => {
    const { look, clock } = supervising(besides('1.0.0'));

    expect(await look()).toEqual(['stop core/auth 30000', 'start core/auth', 'direct core/auth']);
    await clock.advance(2_000);
    expect(await look()).toEqual(['direct core/auth']);
  });
});

describe('housekeeping', () => {
  it('is done once a minute, for every service of every component', async () => {
    const besideOthers = deployableOf({
      [AUTH]: besides('1.0.0').releases.get(AUTH) ?? '1.0.0',
      [WEB]: '1.0.0',
    });
    const { clock, done, maintain } = supervising(besideOthers);
    const rounds: number[] = [];
    for (let second = 0; second <= 130; second++) {
      await maintain();
      if (done.splice(0).length > 0) rounds.push(second);
      await clock.advance(1_000);
    }
    expect(rounds).toEqual([60, 120]);

    await clock.advance(60_000);
    await maintain();
    expect(done).toEqual(['core/auth', 'core/auth.green', 'core/web'].map((key) => `maintain ${key}`));
  });

  it('has nothing to do where nothing runs, and is a warning of whoever asks where the driver fails', async () => {
    const { clock, done, maintain, world } = supervising(deployableOf({ [AUTH]: '1.0.0' }));
    world.current = null;
    await clock.advance(60_000);
    await maintain();
    expect(done).toEqual([]);

    world.current = 1;
    world.fails.add('maintain core/auth');
    await clock.advance(60_000);
    await expect(maintain()).rejects.toThrow('maintain core/auth');
    await maintain();
    expect(done).toHaveLength(1);
  });
});
