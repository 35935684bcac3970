// A deployment that would not be over when its window ends: not begun, said everywhere, and begun when it fits.
import { describe, expect, it } from 'vitest';
import { NOTHING_TOLD, noticesOf } from '../../../../agent/core/notices.ts';
import { createWeights } from '../../../../agent/engine/agent/weights.ts';
import { explanationReply, statusReply } from '../../../../shared/protocol/admin.ts';
import { wayReply } from '../../../../shared/protocol/way.ts';
import { advisory } from '../../../../shared/schema/advisory.ts';
import { DEFAULT_POLICY, type Policy, policy } from '../../../../shared/schema/policy.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';
import { createFakeClock, settle } from '../../../support/fake-clock.ts';

const MINUTE_MS = 60_000;
/** From 10:00 on, when these tests begin, and every other hour. */
const HOUR = { name: 'hour', cron: '0 */2 * * *', duration: 'PT1H', zone: 'UTC' };
const LONG = { name: 'long', cron: '30 21 * * *', duration: 'PT4H', zone: 'UTC' };

const ORDER = advisory.parse({
  schema: 'fairlead/advisory@1',
  id: 'FL-1',
  title: 'token reuse',
  cves: [],
  severity: 'critical',
  published: '2026-03-01T09:00:00Z',
  affected: [{ component: 'core/auth', versions: '<1.0.1' }],
  fixed: [{ component: 'core/auth', version: '1.0.1' }],
  order: { deadline: '2026-03-02T09:00:00Z' },
});

/** 1.0.0 runs, each deployment is watched for so long, and so many minutes of the hour are gone. */
async function running(
  soakMs: number,
  minutesGone: number,
  part: Partial<Record<keyof Policy, unknown>> = {},
) {
  const network = createAgentNetwork();
  const { world, ask } = network;
  network.publish(releaseOf('1.0.0'));
  await network.start();
  await world.clock.advance(1_000);
  world.deployer.soakMs = soakMs;
  const windows = { allow: [HOUR, LONG], deny: [] };
  world.policy = { kind: 'readable', policy: policy.parse({ ...DEFAULT_POLICY, windows, ...part }) };
  await world.clock.advance(minutesGone * MINUTE_MS);
  network.publish(releaseOf('2.0.0'));
  await world.clock.advance(2 * MINUTE_MS);
  const status = async () => statusReply.parse(await ask('GET', '/v1/status'));
  const explanation = async () => explanationReply.parse(await ask('GET', '/v1/explanation'));
  const runs = () => world.deployer.requests.at(-1)?.manifest.components[0]?.version;
  return { ...network, status, explanation, runs };
}

describe('a deployment that does not fit its window', () => {
  it('is not begun, says so to all who ask, and is begun in the next that is long enough', async () => {
    const { world, status, explanation, runs, ask } = await running(50 * MINUTE_MS, 20);
    const short = { code: 'window-short', owner: 'time', clearsAt: '2026-03-01T12:00:00Z' };

    const { decision } = await status();
    expect(decision).toMatchObject({ verdict: 'wait', blockers: [short] });
    expect(world.decisions.value?.decision.blockers).toMatchObject([short]);
    expect(world.reports.at(-1)?.decision?.blockers).toMatchObject([short]);
    expect((await explanation()).forecast).toMatchObject({ soakMs: 50 * MINUTE_MS, runs: 0 });
    const way = wayReply.parse(await ask('POST', '/v1/way', { target: 'core/auth@2.0.0' }));
    expect(way).toMatchObject({ blockers: [short], hops: [{ forecast: { soakMs: 50 * MINUTE_MS } }] });
    expect(runs()).toBe('1.0.0');

    await world.clock.advance(97 * MINUTE_MS);
    expect(runs()).toBe('1.0.0');
    await world.clock.advance(3 * MINUTE_MS);
    expect(runs()).toBe('2.0.0');
  });

  it('is one decision as long as nothing else changes', async () => {
    const { world } = await running(50 * MINUTE_MS, 20);
    const since = world.decisions.value?.since;
    await world.clock.advance(10 * MINUTE_MS);

    expect(world.decisions.value?.since).toBe(since);
  });

  it('is told to people once, with what goes past it', async () => {
    const { status } = await running(50 * MINUTE_MS, 20);

    expect(noticesOf(await status(), NOTHING_TOLD)).toMatchObject([
      {
        kind: 'request',
        text: expect.stringMatching(/^it needs about 50m, and the window closes at .*--override window/),
      },
    ]);
  });

  it('is the same matter while the window is open and after it has closed', async () => {
    const { status, world } = await running(100 * MINUTE_MS, 20);
    const told = async () =>
      noticesOf(await status(), NOTHING_TOLD).map(({ about, text }) => ({ about, text }));
    const [open] = await told();
    await world.clock.advance(60 * MINUTE_MS);
    const [closed] = await told();

    expect(open?.text).not.toBe(closed?.text);
    expect(open?.about).toBe(closed?.about);
  });

  it('is told once, with the remedy, where no window is ever long enough', async () => {
    const { status, world } = await running(300 * MINUTE_MS, 20);
    const first = noticesOf(await status(), NOTHING_TOLD);
    await world.clock.advance(10 * MINUTE_MS);
    const later = noticesOf(await status(), NOTHING_TOLD);

    expect((await status()).decision).toMatchObject({
      verdict: 'held',
      blockers: [{ code: 'windows-too-short' }],
    });
    expect(first.map(({ text }) => text)).toEqual([
      'it needs about 5h, and no window of the year to come is long enough: the longest is open for 4h; make one longer with fairlead window add, or go past them once: fairlead apply --now --override window --reason "why"',
    ]);
    expect(later.map(({ about }) => about)).toEqual(first.map(({ about }) => about));
  });

  it('is refused to a person who does not go past the window by its name, and begun for one who does', async () => {
    const { ask, runs } = await running(50 * MINUTE_MS, 20);

    await expect(ask('POST', '/v1/apply', { reason: 'now' })).rejects.toMatchObject({
      code: 'apply/blocked',
    });
    await ask('POST', '/v1/apply', { reason: 'now', override: ['window'] });
    await settle();

    expect(runs()).toBe('2.0.0');
  });

  it('never keeps a forced patch', async () => {
    const { world, publish, runs } = await running(300 * MINUTE_MS, 20);
    world.catalog = { ...world.catalog, advisories: [ORDER] };
    publish(releaseOf('1.0.1'));
    await world.clock.advance(2 * MINUTE_MS);

    expect(runs()).toBe('1.0.1');
  });

  it('answers what if with the same rule at another time', async () => {
    const { ask } = await running(50 * MINUTE_MS, 20);
    const at = async (time: string) =>
      explanationReply.parse(await ask('POST', '/v1/what-if', { at: `2026-03-01T${time}:00Z` })).decision
        .verdict;

    expect([await at('12:05'), await at('12:15')]).toEqual(['apply', 'wait']);
  });

  it('is abandoned at its last safe point where the time has gone meanwhile', async () => {
    const { world, runs } = await running(35 * MINUTE_MS, 20);
    expect(runs()).toBe('2.0.0');
    expect(world.deployer.records.at(-1)?.state).toBe('committed');

    const request = world.deployer.requests.at(-1);
    world.deployer.generations.pop();
    expect(await request?.stillAllowed(35 * MINUTE_MS)).toBe(true);
    await world.clock.advance(5 * MINUTE_MS);
    expect(await request?.stillAllowed(35 * MINUTE_MS)).toBe(false);
  });

  it('goes on past its last safe point by the soak that it began with, whatever the next one has', async () => {
    const { world } = await running(35 * MINUTE_MS, 20);
    const request = world.deployer.requests.at(-1);
    world.deployer.generations.pop();
    world.deployer.soakMs = 300 * MINUTE_MS;

    expect(await request?.stillAllowed(35 * MINUTE_MS)).toBe(true);
    expect(await request?.stillAllowed(300 * MINUTE_MS)).toBe(false);
  });
});

describe('what would be fetched', () => {
  const { document } = releaseOf('2.0.0');
  const release = releaseOf('2.0.0');
  const IMAGE = `sha256:${'7'.repeat(64)}` as const;
  const images = [{ ref: `registry.test/auth@${IMAGE}` }];
  const ofImages = { service: { driver: 'compose', file: 'compose.yaml', images } };

  function weighing() {
    const clock = createFakeClock();
    const world = {
      ...{ says: null as number | null, asked: 0, news: 0, there: false, images: [] as string[] },
      isEngineAway: false,
    };
    const weights = createWeights({
      clock,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      onNews: () => {
        world.news += 1;
      },
      async weighImage(ref) {
        world.images.push(ref);
        if (world.isEngineAway) throw new Error('the engine is away');
        return world.says ?? { kind: 'unanswered', cause: 'no way there' };
      },
      trees: {
        has: async () => world.there,
        weigh: async () => {
          world.asked += 1;
          return world.says === null ? null : { way: 'patch', bytes: world.says };
        },
      },
    });
    const look = async (one = release) => {
      weights.look([one]);
      await weights.settled();
    };
    return { world, weights, look, clock };
  }

  it('is asked beside the rounds, once in a while, and wakes whoever decides where there is news', async () => {
    const { world, weights, look, clock } = weighing();
    await look();
    await look();
    expect([world.asked, world.news, weights.known().size]).toEqual([1, 0, 0]);

    world.says = 7;
    await clock.advance(20 * MINUTE_MS);
    await look();
    expect([world.asked, world.news, weights.known().get(document.tree.digest)?.bytes]).toEqual([2, 1, 7]);
    world.says = null;
    await clock.advance(20 * MINUTE_MS);
    await look();

    // Who cannot be asked has taken nothing back.
    expect([world.news, weights.known().get(document.tree.digest)?.bytes]).toEqual([1, 7]);
  });

  it('is not asked of what is here, and forgotten with what is no longer on offer', async () => {
    const { world, weights, look } = weighing();
    world.says = 7;
    await look();
    weights.look([]);
    await weights.settled();
    expect(weights.known().size).toBe(0);

    world.there = true;
    await look();
    expect(world.asked).toBe(1);
  });

  it('is asked of the registries of its images as seldom, also where one cannot be reached, and where its tree is here', async () => {
    const { world, weights, look, clock } = weighing();
    world.there = true;
    await look(releaseOf('2.0.0', ofImages));
    await look(releaseOf('2.0.0', ofImages));
    expect([world.images, world.news, weights.known().size]).toEqual([[images[0]?.ref], 0, 0]);

    world.says = 0;
    await clock.advance(20 * MINUTE_MS);
    await look(releaseOf('2.0.0', ofImages));
    expect([world.images.length, world.news, weights.known().get(IMAGE as never)?.bytes]).toEqual([2, 1, 0]);
  });

  it('is asked less and less of a registry that does not answer, up to four times a day, and as ever once it does', async () => {
    const { world, look, clock } = weighing();
    const asked: number[] = [];
    const passing = async (hours: number) => {
      const before = world.images.length;
      for (let quarter = 0; quarter < hours * 4; quarter += 1) {
        await look(releaseOf('2.0.0', ofImages));
        await clock.advance(15 * MINUTE_MS);
      }
      asked.push(world.images.length - before);
    };
    for (const hours of [1, 23, 24, 24]) await passing(hours);
    world.says = 7;
    for (const hours of [6, 1]) await passing(hours);
    world.says = null;
    await passing(1);

    expect(asked.slice(0, 4)).toEqual([3, 5, 4, 4]);
    expect(asked.slice(5)).toEqual([4, 3]);
    // The vendor's own server, of the tree: at each look.
    expect(world.asked).toBe((1 + 23 + 24 + 24 + 6 + 1 + 1) * 4);
  });

  it('is asked as ever where the registry was none of what failed, and its misses stand', async () => {
    const { world, weights, look, clock } = weighing();
    const quarter = async () => {
      await look(releaseOf('2.0.0', ofImages));
      await clock.advance(15 * MINUTE_MS);
      return world.images.length;
    };
    world.isEngineAway = true;
    for (let asked = 1; asked <= 40; asked += 1) expect(await quarter()).toBe(asked);

    world.isEngineAway = false;
    expect([await quarter(), await quarter(), await quarter(), await quarter()]).toEqual([41, 42, 42, 43]);
    await clock.advance(45 * MINUTE_MS);
    world.isEngineAway = true;
    expect([await quarter(), await quarter()]).toEqual([44, 45]);
    world.isEngineAway = false;
    expect([await quarter(), await quarter()]).toEqual([46, 46]);
    await clock.advance(2 * 60 * MINUTE_MS);
    world.says = 7;
    await quarter();

    expect(weights.known().get(IMAGE as never)?.bytes).toBe(7);
  });

  it('counts with its images, and holds nothing back where nobody says how large one is', async () => {
    const { world, explanation, publish } = await running(50 * MINUTE_MS, 20, { fetchAhead: false });
    publish(releaseOf('2.0.1', ofImages));
    world.weighs = { way: 'patch', bytes: 12 };
    await world.clock.advance(30 * MINUTE_MS);
    const unknown = await explanation();
    world.imageWeighs = 5_000;
    await world.clock.advance(30 * MINUTE_MS);
    const known = await explanation();

    expect(unknown.forecast).toMatchObject({ bytes: 12, unknownImages: 1 });
    expect(known.forecast).toMatchObject({ bytes: 5_012, totalMs: unknown.forecast?.totalMs });
    expect(known.forecast?.unknownImages).toBeUndefined();
    expect(unknown.decision.blockers.map(({ code }) => code)).toEqual(['window-short']);
  });

  it.each([55, 5])('is asked of as many as may be, beside those that are here: %d of sixty', async (here) => {
    const releases = [...Array(60).keys()].map((n) => {
      const tree = { digest: `sha256:${String(n).padStart(64, '0')}`, files: 1, bytes: 100 };
      return releaseOf('2.0.0', { tree });
    });
    const there = new Set(releases.slice(0, here).map(({ document: { tree } }) => tree.digest));
    const asked: string[] = [];
    const weights = createWeights({
      ...{ clock: createFakeClock(), onNews: () => undefined, weighImage: async () => 0 },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      trees: {
        has: async (tree) => there.has(tree),
        weigh: async ({ digest }) => {
          asked.push(digest);
          return null;
        },
      },
    });
    weights.look(releases);
    await weights.settled();

    expect(asked).toEqual(releases.slice(here, here + 50).map(({ document: { tree } }) => tree.digest));
  });

  it('counts in the forecast as soon as somebody has said so, and no more once it is here', async () => {
    const { world, explanation } = await running(50 * MINUTE_MS, 20, { fetchAhead: false });
    expect((await explanation()).forecast).toMatchObject({ bytes: 100, atMost: true });

    world.weighs = { way: 'patch', bytes: 12 };
    await world.clock.advance(30 * MINUTE_MS);
    expect((await explanation()).forecast).toMatchObject({ bytes: 12, fetchMs: null });
    expect((await explanation()).forecast?.atMost).toBeUndefined();

    world.fetched.push(document.tree.digest);
    expect((await explanation()).forecast).toMatchObject({ bytes: 0, fetchMs: 0 });
  });
});
