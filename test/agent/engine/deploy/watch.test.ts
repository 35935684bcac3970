// Watching what is committed: when it is looked at, after how many failures it counts as degraded, and what is then undone.
import { describe, expect, it } from 'vitest';
import { createWatch } from '../../../../agent/engine/deploy/watch.ts';
import { formatInstantMs, instantMs } from '../../../../shared/encoding/instant.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { DeploymentRecord } from '../../../../shared/schema/deployment.ts';
import { PLANNED } from '../../../support/answers.ts';
import { API, AUTH, deployableOf, type Extras, releaseOf } from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const LOOK_MS = 30_000;
const START = instantMs('2026-03-01T11:00:00Z');

function watching(versions: Readonly<Record<string, Extras>>) {
  const clock = createFakeClock(START);
  const sick = new Map<string, string>();
  const asked: string[] = [];
  const world = { records: [] as DeploymentRecord[], asked: 0, probationMs: 3_600_000, refuses: false };
  const options = {
    // From an arbitrary start, as every monotonic clock.
    clock: { ...clock, monotonic: () => clock.monotonic() + 5_000_000 },
    onWarning: () => undefined,
    secrets: { learn: () => undefined },
    trees: { directoryOf: () => '/tree' },
    store: {
      dataDirectoryOf: () => '/data',
      records: async () => {
        world.asked += 1;
        return world.records;
      },
    },
    probationMs: async () => world.probationMs,
    async readReference() {
      if (world.refuses) throw new Error('it is gone');
      return 'value';
    },
    driver: { status: async () => ({ kind: 'running', pid: 1 }) },
    prober: {
      async probe({ url }: { readonly url: string }) {
        asked.push(url);
        const detail = sick.get(url);
        return detail === undefined ? { healthy: true, detail: '' } : { healthy: false, detail };
      },
    },
  };
  const releases = Object.entries(versions).map(
    ([key, extras]) => [key, releaseOf(key as ComponentKey, '1.0.0', extras)] as const,
  );
  const token = { token: '${env:TOKEN}' };
  const settings = { [AUTH]: token, [API]: token };
  const deployable = deployableOf(Object.fromEntries(releases), settings);
  const generation = (number = 2) =>
    ({ ...deployable, number, healthy: true, plan: PLANNED, committedBy: number }) as never;
  const watch = createWatch(options as never);
  const look = async (number = 2) => {
    await clock.advance(LOOK_MS);
    return watch.look(generation(number));
  };
  return { clock, sick, asked, world, watch, look, generation };
}
const probes = (url: string, failures: number) => ({
  ...{ settings: { token: { type: 'string' } }, health: [{ http: url, interval: 'PT1S', failures }] },
});
const AT = (ms: number) => formatInstantMs(START + ms);

describe('what runs', () => {
  it('is looked at twice a minute, the first time after half a one', async () => {
    const { clock, asked, watch, generation, world } = watching({ [AUTH]: probes('http://auth.test/', 2) });
    const looks: number[] = [];
    for (let at = 0; at <= 90; at++) {
      const before = asked.length;
      await watch.look(generation());
      if (asked.length > before) looks.push(at);
      await clock.advance(1_000);
    }

    expect(looks).toEqual([30, 60, 90]);
    // A long history is nobody's business while all is well.
    expect(world.asked).toBe(0);
  });

  it.each([
    [1, 3],
    [3, 3],
    [5, 5],
  ])('that may fail %i times has degraded after %i looks in a row', async (failures, looks) => {
    const { sick, look, watch } = watching({ [AUTH]: probes('http://auth.test/', failures) });
    sick.set('http://auth.test/', 'HTTP 503');
    const seen: number[] = [];
    for (let n = 1; n <= looks; n++) {
      await look();
      seen.push(watch.degradations().length);
    }

    expect(seen).toEqual([...Array.from({ length: looks - 1 }, () => 0), 1]);
    expect(watch.degradations()).toEqual([{ component: AUTH, since: AT(LOOK_MS), detail: 'HTTP 503' }]);
  });

  it('has until the most patient of its probes is out of patience', async () => {
    const health = [1, 4].map((failures) => ({ http: 'http://auth.test/', interval: 'PT1S', failures }));
    const { sick, look, watch } = watching({ [AUTH]: { ...probes('', 1), health } });
    sick.set('http://auth.test/', 'HTTP 503');

    for (let n = 1; n <= 3; n++) await look();
    expect(watch.degradations()).toEqual([]);
    await look();

    expect(watch.degradations()).toHaveLength(1);
  });

  it('begins anew after one good answer, and tells what was said last', async () => {
    const { sick, look, watch } = watching({ [AUTH]: probes('http://auth.test/', 1) });
    const say = async (detail: string | null) => {
      if (detail === null) sick.clear();
      else sick.set('http://auth.test/', detail);
      await look();
    };

    for (const detail of ['a', 'b', null, 'c', 'd']) await say(detail);
    expect(watch.degradations()).toEqual([]);
    await say('e');
    expect(watch.degradations()).toEqual([{ component: AUTH, since: AT(4 * LOOK_MS), detail: 'e' }]);
    await say(null);
    expect(watch.degradations()).toEqual([]);
  });

  it('of another generation begins anew', async () => {
    const { sick, look, watch, generation } = watching({ [AUTH]: probes('http://auth.test/', 1) });
    sick.set('http://auth.test/', 'HTTP 503');
    for (let n = 1; n <= 3; n++) await look(2);
    expect(watch.degradations()).toHaveLength(1);

    await watch.look(generation(3));
    expect(watch.degradations()).toEqual([]);
    for (let n = 1; n <= 3; n++) await look(3);

    expect(watch.degradations()).toEqual([{ component: AUTH, since: AT(4 * LOOK_MS), detail: 'HTTP 503' }]);
  });

  it('that nobody can read the settings of is neither sick nor well', async () => {
    const { sick, look, watch, world, asked } = watching({ [AUTH]: probes('http://auth.test/', 1) });
    sick.set('http://auth.test/', 'HTTP 503');
    world.refuses = true;

    for (let n = 1; n <= 4; n++) expect(await look()).toBeNull();

    expect([watch.degradations(), asked]).toEqual([[], []]);
  });
});

describe('what has degraded', () => {
  const SICK = { [API]: probes('http://api.test/', 1), [AUTH]: probes('http://auth.test/', 1) };
  async function degraded(...urls: readonly string[]) {
    const made = watching(SICK);
    for (const url of urls) made.sick.set(url, 'HTTP 503');
    await made.look();
    await made.look();
    return made;
  }
  const committed = (more: Partial<DeploymentRecord> = {}) =>
    recordOf(2, ['planned', 'committed'], { previousGeneration: 1, ...more });

  it('is undone where it was changed and its time is not over, with what was seen', async () => {
    const { look, world } = await degraded('http://auth.test/');
    world.records = [committed()];

    expect(await look()).toEqual({
      record: committed(),
      because: { component: AUTH, since: AT(LOOK_MS), detail: 'HTTP 503' },
    });
  });

  it('is looked at one by one: the first whose deployment may be undone counts', async () => {
    const { look, world, watch } = await degraded('http://api.test/', 'http://auth.test/');
    world.records = [committed()];

    expect((await look())?.because.component).toBe(AUTH);
    expect(watch.degradations().map(({ component }) => component)).toEqual([API, AUTH]);
  });

  it.each<[string, Partial<DeploymentRecord>, number]>([
    ['its probation is over', {}, 1],
    ['there is none', {}, 0],
    ['it was the first', { previousGeneration: null }, 3_600_000],
  ])('is only told where %s', async (_what, more, probationMs) => {
    const { look, world, watch } = await degraded('http://auth.test/');
    Object.assign(world, { records: [committed(more)], probationMs });

    expect(await look()).toBeNull();
    expect(watch.degradations()).toHaveLength(1);
  });
});
