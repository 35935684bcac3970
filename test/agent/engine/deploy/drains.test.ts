// Connections to what was replaced: how long each may last, which record tells of those that were cut, and who keeps a port open meanwhile.
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  createDrains,
  drainAndStop,
  noteCut,
  withOpenPorts,
} from '../../../../agent/engine/deploy/drains.ts';
import type { PlacedComponent } from '../../../../agent/ports/deploy.ts';
import type { DeploymentRecord } from '../../../../shared/schema/deployment.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';
import { createFakeClock, settle } from '../../../support/fake-clock.ts';

function standing(drainMs: number, connections: number) {
  const clock = createFakeClock();
  const records: DeploymentRecord[] = [recordOf(2, ['committed'])];
  const written: DeploymentRecord[] = [];
  const stops: number[] = [];
  const world = { isThere: true, connections, cut: 0, asked: 0 };
  const store = {
    records: async () => records,
    // An effect takes its time: one that nobody waits for is missed.
    async writeRecord(record: DeploymentRecord) {
      await later();
      written.push(record);
    },
  };
  const neighbour = {
    service: AUTH,
    drainMs,
    isThere: async () => world.isThere,
    async connections() {
      world.asked += 1;
      return world.connections;
    },
    async stop() {
      await later();
      stops.push(clock.monotonic());
      return world.cut;
    },
  };
  const one = { place: { neighbour } } as unknown as PlacedComponent;
  // From an arbitrary start, as every monotonic clock.
  const options = { clock: { ...clock, monotonic: () => clock.monotonic() + 5_000_000 }, store } as never;
  const drains = createDrains(options);
  const attend = (number = 2) => drains.attend({ number } as never, one);
  return { clock, options, one, attend, world, stops, written, records };
}

describe('what stands beside a component', () => {
  it('may serve those who are connected until its time is over, and is then stopped', async () => {
    const { clock, attend, world, stops, written } = standing(5_000, 1);
    world.cut = 4;
    await attend();
    await clock.advance(4_999);
    await attend();
    expect([stops, written]).toEqual([[], []]);

    await clock.advance(1);
    await attend();

    expect(stops).toEqual([5_000]);
    expect(written).toEqual([{ ...recordOf(2, ['committed']), cutConnections: 4 }]);
  });

  it('goes at once where nobody is connected, and no record tells of it', async () => {
    const { attend, stops, written } = standing(5_000, 0);

    await attend();

    expect([stops, written]).toEqual([[0], []]);
  });

  it('is nobody’s business where it is not there', async () => {
    const { attend, world, stops } = standing(5_000, 1);
    world.isThere = false;

    await attend();

    expect([world.asked, stops]).toEqual([0, []]);
  });

  it.each<[string, (made: ReturnType<typeof standing>) => Promise<void>, number]>([
    ['has its time anew under another generation', ({ attend }) => attend(3), 3],
    [
      'has its time anew once it was gone',
      async ({ attend, world }) => {
        world.isThere = false;
        await attend();
        world.isThere = true;
        await attend();
      },
      2,
    ],
  ])('%s', async (_what, meanwhile, number) => {
    const made = standing(5_000, 1);
    await made.attend();
    await made.clock.advance(4_000);
    await meanwhile(made);

    await made.clock.advance(1_000);
    await made.attend(number);
    expect(made.stops).toEqual([]);
    await made.clock.advance(4_000);
    await made.attend(number);

    expect(made.stops).toEqual([9_000]);
  });
});

describe('what a rollback leaves', () => {
  it.each([
    [4_000, 1, 4_000],
    [30_000, 1, 10_000],
    [30_000, 0, 0],
  ])('of %i ms and %i connections is stopped after %i ms', async (drainMs, connections, after) => {
    const { clock, options, one, stops } = standing(drainMs, connections);

    const draining = drainAndStop(options, one);
    await clock.advance(20_000);
    await draining;

    expect(stops).toEqual([after]);
  });

  it('is stopped a fifth of a second after the last connection ended, at most', async () => {
    const { clock, options, one, world, stops } = standing(30_000, 1);
    const draining = drainAndStop(options, one);
    await clock.advance(700);
    world.connections = 0;

    await clock.advance(200);
    await draining;

    expect(stops).toEqual([800]);
  });
});

describe('connections that were cut', () => {
  it.each<[string, readonly DeploymentRecord[], number, number | null, number | undefined]>([
    [
      'stand in the record that made the generation',
      [recordOf(1, ['committed']), recordOf(2, ['committed'])],
      3,
      2,
      3,
    ],
    ['are added to those before them', [recordOf(2, ['committed'], { cutConnections: 4 })], 3, 2, 7],
    [
      'stand in the last of several records that made it',
      [recordOf(2, ['committed']), recordOf(3, ['committed'], { generation: 2 })],
      3,
      3,
      3,
    ],
    [
      'stand in no record that did not come to its end',
      [recordOf(2, ['committed']), recordOf(3, ['rolled-back'], { generation: 2 })],
      3,
      2,
      3,
    ],
    ['stand nowhere where no record made it', [recordOf(1, ['committed'])], 3, null, undefined],
    ['are none where there were none', [recordOf(2, ['committed'])], 0, null, undefined],
  ])('%s', async (_what, records, connections, id, cutConnections) => {
    const made = standing(0, 0);
    made.records.splice(0, 1, ...records);

    await noteCut(made.options, 2, connections);

    expect(made.written.map((one) => [one.id, one.cutConnections])).toEqual(
      id === null ? [] : [[id, cutConnections]],
    );
  });
});

describe('ports that are kept open', () => {
  function keeping(fails = false) {
    const left = new AbortController();
    const warnings: unknown[] = [];
    const kept: string[] = [];
    const error = new Error('EADDRINUSE');
    const serving = [1, 2].map((n) => ({
      place: {
        keepOpen: (signal: AbortSignal) =>
          new Promise<void>((resolve, reject) => {
            if (fails) return reject(error);
            kept.push(`opened ${n}`);
            signal.addEventListener('abort', async () => {
              await later();
              kept.push(`closed ${n}`);
              resolve();
            });
          }),
      },
    }));
    const run = { options: { onWarning: (one: unknown) => void warnings.push(one) }, left: left.signal };
    const work = <T>(act: () => Promise<T>) => withOpenPorts(run as never, serving as never, act);
    return { left, warnings, kept, error, work };
  }
  const CLOSED = ['opened 1', 'opened 2', 'closed 1', 'closed 2'];

  it('are so while the work lasts, whose answer it is', async () => {
    const { work, kept } = keeping();

    expect(
      await work(async () => {
        await later();
        expect(kept).toEqual(CLOSED.slice(0, 2));
        return 'an answer';
      }),
    ).toBe('an answer');
    expect(kept).toEqual(CLOSED);
  });

  it('are let go where the work fails, and where the agent goes', async () => {
    const failing = keeping();
    await expect(failing.work(() => Promise.reject(new Error('it failed')))).rejects.toThrow('it failed');
    expect(failing.kept).toEqual(CLOSED);

    const leaving = keeping();
    const { promise, resolve } = Promise.withResolvers<void>();
    const work = leaving.work(() => promise);
    leaving.left.abort();
    await settle();
    expect(leaving.kept).toEqual(CLOSED);
    resolve();
    await work;
  });

  it('are a warning where they cannot be, and never in the way of the work', async () => {
    const { work, warnings, error } = keeping(true);

    expect(await work(async () => 'an answer')).toBe('an answer');
    expect(warnings).toEqual([error, error]);
  });
});
