// Watching health, look by look: who is asked, how often, until when, and what exactly is said of the first that fails.
import { describe, expect, it } from 'vitest';
import { look, watchFor, watchUntilHealthy } from '../../../../agent/engine/deploy/health.ts';
import type { PlacedComponent, ServiceStatus } from '../../../../agent/ports/deploy.ts';
import type { ProbeResult } from '../../../../agent/ports/machine.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { API, AUTH } from '../../../support/deploy-releases.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { createFakeClock, settle } from '../../../support/fake-clock.ts';

const RULE = { startPeriodMs: 5_000, intervalMs: 1_000, timeoutMs: 500, successes: 2, failures: 3 };
const GOOD: ProbeResult = { healthy: true, detail: 'HTTP 200' };
const BAD: ProbeResult = { healthy: false, detail: 'HTTP 503' };

/** Probes that answer by script; the last answer stays. */
function watched() {
  const clock = createFakeClock();
  const asked: { readonly url: string; readonly at: number }[] = [];
  const statuses = new Map<ComponentKey, ServiceStatus>();
  const exits = new Map<ComponentKey, () => void>();
  const scripts = new Map<string, ProbeResult[]>();
  const looked: ComponentKey[] = [];
  const watching = {
    // From an arbitrary start, as every monotonic clock.
    clock: { ...clock, monotonic: () => clock.monotonic() + 5_000_000 },
    driver: {
      async status(key: ComponentKey) {
        looked.push(key);
        return statuses.get(key) ?? { kind: 'running', pid: 1 };
      },
      exited: (key: ComponentKey, signal: AbortSignal) =>
        new Promise<void>((resolve) => {
          exits.set(key, resolve);
          signal.addEventListener('abort', () => resolve(), { once: true });
        }),
    },
    prober: {
      async probe({ url }: { readonly url: string }) {
        asked.push({ url, at: clock.monotonic() });
        const script = scripts.get(url) ?? [GOOD];
        return (script.length > 1 ? script.shift() : script[0]) ?? GOOD;
      },
    },
  } as never;
  const component = (key: ComponentKey, urls: readonly string[], rule = RULE) =>
    ({
      component: key,
      // In a slot of its own: it is asked after by that name, and told of by its component's.
      unit: { component: `${key}.green` },
      health: urls.map((url) => ({ probe: { kind: 'http', url }, rule })),
    }) as unknown as PlacedComponent;
  const slot = (key: ComponentKey) => `${key}.green` as ComponentKey;
  const end = (key: ComponentKey, status: ServiceStatus) => {
    statuses.set(slot(key), status);
    exits.get(slot(key))?.();
  };
  const say = (url: string, ...answers: readonly ProbeResult[]) => void scripts.set(url, [...answers]);
  return { clock, watching, asked, looked, component, end, say, statuses, slot };
}
type Watched = ReturnType<typeof watched>;

async function outcome({ clock }: Watched, work: Promise<void>, ms: number) {
  const ended: { at: number; error: unknown }[] = [];
  work.then(
    () => ended.push({ at: clock.monotonic(), error: null }),
    (error) => ended.push({ at: clock.monotonic(), error }),
  );
  await clock.advance(ms);
  return ended[0] ?? null;
}

describe('a look', () => {
  it.each<[string, ServiceStatus, string]>([
    ['is absent', { kind: 'absent' }, 'not running'],
    ['has ended', { kind: 'exited', detail: 'status 7' }, 'status 7'],
  ])('at a service that %s asks no probe', async (_what, status, detail) => {
    const made = watched();
    made.statuses.set(made.slot(AUTH), status);

    expect(await look(made.watching, made.component(AUTH, ['a']), 3)).toEqual({
      ...{ component: AUTH, healthy: false, detail },
    });
    expect(made.asked).toEqual([]);
  });

  it('at one that runs and answers, or has nothing to ask', async () => {
    const made = watched();
    const well = { component: AUTH, healthy: true, detail: 'running' };

    expect(await look(made.watching, made.component(AUTH, ['a', 'b']), 1)).toEqual(well);
    expect(await look(made.watching, made.component(AUTH, []), 1)).toEqual(well);
    expect(made.asked.map(({ url }) => url)).toEqual(['a', 'b']);
  });

  it.each([
    [1, [BAD, GOOD], 1, false],
    [2, [BAD, GOOD], 2, true],
    [3, [BAD, BAD, GOOD], 3, true],
    [3, [BAD, BAD, BAD, GOOD], 3, false],
  ])(
    'asks up to %i times, an interval apart, until one answer is good',
    async (tries, answers, times, healthy) => {
      const made = watched();
      made.say('a', ...answers);

      const looking = look(made.watching, made.component(AUTH, ['a', 'b']), tries);
      await made.clock.advance(10_000);

      expect(await looking).toMatchObject({ healthy, detail: healthy ? 'running' : BAD.detail });
      const ofA = made.asked.filter(({ url }) => url === 'a').map(({ at }) => at);
      expect(ofA).toEqual(Array.from({ length: times }, (_, i) => i * RULE.intervalMs));
      expect(made.asked.some(({ url }) => url === 'b')).toBe(healthy);
    },
  );
});

describe('doubt', () => {
  const doubts = (made: Watched) => {
    const at: number[] = [];
    const onDoubt = () => void at.push(made.clock.monotonic());
    return { at, watching: { ...(made.watching as object), onDoubt } as never };
  };

  it('is every bad answer from the middle of a start period on: until then it is one of a start', async () => {
    const made = watched();
    made.say('a', ...Array.from({ length: 5 }, () => BAD), GOOD);
    const { at, watching } = doubts(made);

    await outcome(made, watchUntilHealthy(watching, [made.component(AUTH, ['a'])]), 10_000);

    expect(at).toEqual([3_000, 4_000]);
  });

  it('is the first bad answer of what was healthy', async () => {
    const made = watched();
    made.say('a', GOOD, BAD, GOOD);
    const { at, watching } = doubts(made);

    await outcome(made, watchFor(watching, [made.component(AUTH, ['a'])], 5_000), 10_000);

    expect(at).toEqual([1_000]);
  });
});

describe('a watch until all are healthy', () => {
  it('ends when the last probe of the last component is', async () => {
    const made = watched();
    made.say('b', BAD, BAD, GOOD);
    const all = [made.component(AUTH, ['a']), made.component(API, ['b'])];

    expect(await outcome(made, watchUntilHealthy(made.watching, all), 10_000)).toEqual({
      ...{ at: 3_000, error: null },
    });
    expect(made.clock.nextWakeIn()).toBeNull();
    expect(made.asked.filter(({ url }) => url === 'a')).toHaveLength(2);
    expect(made.looked).toEqual([]);
  });

  it('forgives failures in the start period, and not those after it', async () => {
    const made = watched();
    made.say('a', BAD);

    const ended = await outcome(
      made,
      watchUntilHealthy(made.watching, [made.component(AUTH, ['a'])]),
      60_000,
    );

    // The first that counts is the one at five seconds, the third that at seven.
    expect(ended?.at).toBe(7_000);
    expect(dataOf(ended?.error as never, 'deploy/unhealthy')).toEqual({
      component: AUTH,
      detail: 'HTTP 503',
    });
    expect(made.clock.nextWakeIn()).toBeNull();
  });

  it('tells a machine without room from a service that is sick', async () => {
    const made = watched();
    made.say('a', { healthy: false, detail: 'EMFILE', starved: true });

    const ended = await outcome(
      made,
      watchUntilHealthy(made.watching, [made.component(AUTH, ['a'])]),
      60_000,
    );

    expect(dataOf(ended?.error as never, 'service/no-room')).toEqual({ component: AUTH, problem: 'EMFILE' });
  });

  it.each<[ServiceStatus, string]>([
    [{ kind: 'exited', detail: 'status 1' }, 'status 1'],
    [{ kind: 'absent' }, 'it exited'],
    [{ kind: 'running', pid: 2 }, 'it exited'],
  ])('ends at once where a service exits: %j', async (status, detail) => {
    const made = watched();
    made.say('a', BAD);
    const watching = watchUntilHealthy(made.watching, [
      made.component(API, ['b']),
      made.component(AUTH, ['a']),
    ]);
    await settle();
    made.end(AUTH, status);

    const error = await rejectionOf(watching);

    expect(dataOf(error, 'deploy/exited')).toEqual({ component: AUTH, detail });
    expect(made.clock.monotonic()).toBe(0);
  });

  it('of one without probes needs it to run for a moment', async () => {
    const made = watched();
    const bare = [made.component(AUTH, [])];

    expect(await outcome(made, watchUntilHealthy(made.watching, bare), 10_000)).toEqual({
      ...{ at: 1_000, error: null },
    });
    made.statuses.set(made.slot(AUTH), { kind: 'exited', detail: 'status 1' });
    const ended = await outcome(made, watchUntilHealthy(made.watching, bare), 10_000);
    expect(dataOf(ended?.error as never, 'deploy/unhealthy')).toEqual({
      component: AUTH,
      detail: 'status 1',
    });
    expect(ended?.at).toBe(10_000 + 1_000 - 1_000);
  });

  it('of nothing ends at once', async () => {
    const made = watched();

    expect(await outcome(made, watchUntilHealthy(made.watching, []), 0)).toEqual({ at: 0, error: null });
  });
});

describe('a watch for a time', () => {
  it('ends when the time is over, though nothing of it was ever decided', async () => {
    const made = watched();

    expect(await outcome(made, watchFor(made.watching, [made.component(AUTH, ['a'])], 4_500), 9_000)).toEqual(
      {
        ...{ at: 4_500, error: null },
      },
    );
    expect(made.asked.map(({ at }) => at)).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
    expect(made.clock.nextWakeIn()).toBeNull();
  });

  it('is cut short by whoever says that it is enough', async () => {
    const made = watched();
    const enough = new AbortController();
    const watching = watchFor(made.watching, [made.component(AUTH, ['a'])], 60_000, enough.signal);
    await made.clock.advance(2_500);
    enough.abort();

    expect(await outcome(made, watching, 0)).toEqual({ at: 2_500, error: null });
    expect(made.clock.nextWakeIn()).toBeNull();
  });

  it('lets whoever was being asked at its end answer first: nothing of it goes on', async () => {
    const made = watched();
    const { promise, resolve } = Promise.withResolvers<ProbeResult>();
    made.say('a', promise as never);
    const watching = watchFor(made.watching, [made.component(AUTH, ['a'])], 1_000);
    expect(await outcome(made, watching, 5_000)).toBeNull();

    resolve(GOOD);
    await watching;

    expect(made.asked).toHaveLength(1);
  });

  it('fails at so many failures in a row, which no start period excuses any more', async () => {
    const made = watched();
    made.say('a', GOOD, BAD, BAD, GOOD, BAD);

    const ended = await outcome(made, watchFor(made.watching, [made.component(AUTH, ['a'])], 60_000), 60_000);

    expect(ended?.at).toBe(6_000);
    expect(dataOf(ended?.error as never, 'deploy/unhealthy').component).toBe(AUTH);
  });

  it('of one without probes fails the first time that it does not run', async () => {
    const made = watched();
    const watching = watchFor(made.watching, [made.component(AUTH, [])], 60_000);
    await made.clock.advance(5_000);
    made.statuses.set(made.slot(AUTH), { kind: 'absent' });

    const ended = await outcome(made, watching, 60_000);

    expect(dataOf(ended?.error as never, 'deploy/unhealthy').detail).toBe('absent');
    expect(ended?.at).toBe(5_500);
  });
});
