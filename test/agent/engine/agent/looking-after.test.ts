// Looking after what runs, by the clock and at a word: when files are hashed, what is fetched, and what of each is answered.
import { describe, expect, it } from 'vitest';
import { watchFiles } from '../../../../agent/engine/agent/upkeep.ts';
import { formatInstant, instantMs } from '../../../../shared/encoding/instant.ts';
import { releaseOf, runningAlone } from '../../../support/agent-network.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const START = instantMs('2026-03-01T10:00:00Z');
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** A watch over files whose last look was this long ago; null where nobody has looked. */
function watching(lastLookMs: number | null) {
  const clock = createFakeClock(START);
  const looks: string[] = [];
  const said: string[] = [];
  const disk = { last: null as { at: string } | null, fails: false };
  if (lastLookMs !== null) disk.last = { at: formatInstant(START - lastLookMs) };
  const ended = new AbortController();
  const state = {
    clock,
    log: { warn: (_: object, message: string) => void said.push(message) },
    trees: {},
    deployer: { current: async () => null },
    records: {
      verification: {
        read: async () => disk.last,
        async write(found: { at: string }) {
          looks.push(found.at);
          if (disk.fails) throw new Error('no room');
          disk.last = found;
        },
      },
    },
  };
  const watch = watchFiles(state as never, ended.signal);
  const stop = async () => {
    ended.abort();
    await watch;
  };
  return { clock, disk, looks, said, stop };
}
const since = (ms: number) => formatInstant(START + ms);

describe('the files of what runs are looked at', () => {
  it.each<[string, number | null, readonly number[]]>([
    ['a minute after the start where nobody ever did', null, [MINUTE_MS, MINUTE_MS + DAY_MS]],
    ['a minute after the start where it is overdue', 3 * DAY_MS, [MINUTE_MS, MINUTE_MS + DAY_MS]],
    ['a day after the last look, whoever took it', DAY_MS / 2, [DAY_MS / 2, (3 * DAY_MS) / 2]],
    [
      'a minute after the start where the last look lies in the future',
      -DAY_MS,
      [MINUTE_MS, MINUTE_MS + DAY_MS],
    ],
  ])('%s', async (_when, lastLookMs, moments) => {
    const { clock, looks, stop } = watching(lastLookMs);

    await clock.advance(2 * DAY_MS - 1);
    await stop();

    expect(looks).toEqual(moments.map(since));
  });

  it('not where a person looked meanwhile', async () => {
    const { clock, disk, looks, stop } = watching(DAY_MS / 2);
    await clock.advance(DAY_MS / 4);
    disk.last = { at: formatInstant(clock.now()) };

    await clock.advance(DAY_MS - 1);
    expect(looks).toEqual([]);
    await clock.advance(1);
    await stop();

    expect(looks).toEqual([since((5 * DAY_MS) / 4)]);
  });

  it('again a minute later where the look could not be written down, which is said', async () => {
    const { clock, disk, looks, said, stop } = watching(null);
    disk.fails = true;
    await clock.advance(2 * MINUTE_MS);
    await stop();

    expect(looks).toEqual([since(MINUTE_MS), since(2 * MINUTE_MS)]);
    expect(said).toEqual(looks.map(() => 'the files of what runs could not be verified'));
  });

  it('no more once the agent ends', async () => {
    const { clock, looks, stop } = watching(null);

    await stop();
    await clock.advance(2 * DAY_MS);

    expect(looks).toEqual([]);
  });
});

describe('what an operator asks for', () => {
  it('a rehearsal is answered whole, with its moment', async () => {
    const { world, ask } = await runningAlone();
    const steps = [{ action: 'update' }] as never;
    const checks = [{ check: 'the disk has room', problem: null }];
    const restores = ['core/auth'] as never;
    world.deployer.port.rehearse = async () => ({
      ...{ generation: 3, steps, checks, restores, interruptionMs: 7 },
    });

    expect(await ask('POST', '/v1/rollback/rehearsal', {})).toEqual({
      ...{ schema: 'fairlead/rehearsal@1', at: '2026-03-01T10:00:01Z', generation: 3 },
      ...{ steps, checks, restores, interruptionMs: 7 },
    });
  });

  it.each([
    [{}, false],
    [{ removeAdded: true }, true],
  ])('a repair with %j is on the record so, and answered with what was found', async (how, removeAdded) => {
    const { world, ask } = await runningAlone();
    const told: unknown[] = [];
    const repairs = [
      {
        ...{ component: 'core/auth' as never, version: '1.0.0' as never, restarted: true, added: 2 },
        deviations: [{ path: 'server.js', problem: 'changed' as const }],
      },
    ];
    world.deployer.port.repair = async (added) => {
      told.push(added);
      return repairs;
    };

    expect(await ask('POST', '/v1/verify/repair', { reason: 'why', ...how })).toEqual({
      ...{ schema: 'fairlead/repair@1', at: '2026-03-01T10:00:01Z', repairs },
    });
    expect(told).toEqual([removeAdded]);
    expect(world.audit.at(-1)).toEqual({
      event: 'repair-requested',
      actor: 'alice',
      details: { reason: 'why', removeAdded },
    });
    expect(world.verification.value?.at).toBe('2026-03-01T10:00:01Z');
  });

  it('the log of a service comes for its time and its change', async () => {
    const { ask } = await runningAlone();
    const component = 'core/auth';

    expect(await ask('POST', '/v1/logs', { component, since: '2026-03-01T09:00:00Z' })).toEqual({
      ...{ schema: 'fairlead/logs@1', component },
      lines: ['core/auth of now since 2026-03-01T09:00:00.000Z'],
    });
    expect(await ask('POST', '/v1/logs', { component, change: 2 })).toMatchObject({
      lines: ['core/auth of 2'],
    });
  });

  it('staging fetches what is on offer, tells what was there, and of nothing does nothing', async () => {
    const { world, publish, ask } = await runningAlone();
    expect(await ask('POST', '/v1/stage')).toEqual({
      ...{ schema: 'fairlead/staged@1', plan: null, fetched: [], present: [] },
    });
    const next = releaseOf('1.1.0');
    publish(next);
    await ask('POST', '/v1/check');

    const plan = expect.stringMatching(/^sha256:/);
    expect(await ask('POST', '/v1/stage')).toMatchObject({ plan, fetched: ['core/auth'], present: [] });
    expect(world.fetched).toEqual([next.document.tree.digest]);
    expect(await ask('POST', '/v1/stage')).toMatchObject({ plan, fetched: [], present: ['core/auth'] });
    expect(world.fetched).toHaveLength(1);
  });
});
