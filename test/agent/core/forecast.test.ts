// What a deployment will take: by what the last ones took, robust against one that hung, and never more than what was declared or measured.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forecastOf, type Means, timeLeft } from '../../../agent/core/forecast.ts';
import { likelyLongest, runsOf } from '../../../agent/core/measured.ts';
import { planBetween } from '../../../shared/compile/plan.ts';
import type { Target } from '../../../shared/compile/target.ts';
import { type Digest, digestOfValue } from '../../../shared/encoding/digest.ts';
import { formatInstantMs, instantMs } from '../../../shared/encoding/instant.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentRecord, DeploymentState, Fetched } from '../../../shared/schema/deployment.ts';
import { releaseOf } from '../../support/agent-network.ts';
import { recordOf } from '../../support/deployments.ts';
import { factsOf } from '../../support/facts.ts';
import { conclude } from '../../support/finished.ts';

const START = instantMs('2026-03-01T10:00:00Z');
const AUTH = 'core/auth' as ComponentKey;
const MB = 1_000_000;

interface Took {
  readonly fetchMs?: number;
  readonly bytes?: number;
  readonly prepareMs?: number;
  readonly downMs?: number;
  readonly component?: string;
  readonly state?: DeploymentState;
  readonly rollback?: boolean;
  readonly way?: Fetched['way'];
  readonly installs?: boolean;
}

let id = 0;
/** A deployment that took so long in each of its parts. */
function took({ fetchMs = 0, bytes = 0, prepareMs = 0, downMs = 0, ...one }: Took): DeploymentRecord {
  const { component = AUTH, state = 'committed', rollback = false, way = 'pack', installs = false } = one;
  const moments: [DeploymentState, number][] = [
    ['planned', 0],
    ['fetching', 0],
    ['staged', fetchMs],
    ['preflight', 0],
    ['stopping', prepareMs],
    ['switching', 0],
    ['starting', 0],
    ['verifying', 0],
    ['soaking', downMs],
    [state, 300_000],
  ];
  let at = START;
  const stages = moments.map(([entered, afterMs]) => {
    at += afterMs;
    return { state: entered, at: formatInstantMs(at) };
  });
  const fetched = bytes === 0 ? {} : { fetched: [{ component: AUTH, way, bytes }] };
  return recordOf(++id, [state], {
    ...{ stages, ...fetched, from: installs ? null : digestOfValue('manifest') },
    steps: [{ component: component as ComponentKey, from: null, to: null, change: null }],
    ...(rollback ? { reason: { kind: 'rollback', generation: 1 } } : {}),
  });
}

/** Refused at its last safe point, after so long. */
function refused(prepareMs: number, fetchMs = 0, bytes = 0): DeploymentRecord {
  const { stages, ...record } = took({ fetchMs, bytes, state: 'abandoned' });
  const before = stages.filter(({ state }) => ['planned', 'fetching', 'staged', 'preflight'].includes(state));
  const at = formatInstantMs(START + fetchMs + prepareMs);
  const failure = { code: 'deploy/no-longer-allowed', message: 'no longer allowed' };
  return { ...record, failure, stages: [...before, { state: 'abandoned', at }] };
}

const times = <T>(count: number, make: () => T): readonly T[] => Array.from({ length: count }, make);
const weighing = (bytes: number, way: Fetched['way'] = 'pack') => new Map([[TREE, { way, bytes }]]);

const HEALTH = {
  health: [
    {
      http: 'http://127.0.0.1:1/',
      expect: 200,
      startPeriod: 'PT40S',
      interval: 'PT5S',
      successes: 4,
      failures: 3,
    },
  ],
};

function targetOf(overrides: object = {}): Target {
  const release = releaseOf('1.0.0', { tree: { digest: TREE, files: 1, bytes: 10 * MB }, ...overrides });
  const { offer } = conclude(factsOf({ releases: { 'core/auth@1.0.0': {} }, runs: [] }), null);
  if (offer === null) throw new Error('something is on offer');
  return { ...offer.target, releases: new Map([[AUTH, release]]) };
}

const TREE = releaseOf('1.0.0').document.tree.digest;
const MEANS: Means = { stored: new Set(), weights: new Map(), soakMs: 60_000, isBegun: false };

function forecast(
  records: readonly DeploymentRecord[],
  means: Partial<Means> = {},
  overrides: object = {},
  to = targetOf(overrides),
) {
  const plan = planBetween({ from: null, to, reason: { kind: 'channel' }, stored: new Set() });
  if (plan === null) throw new Error('there is something to do');
  return forecastOf(plan, null, to, { records, means: { ...MEANS, ...means } });
}

describe('a forecast without a history', () => {
  it('is what the release declares and the policy watches, and claims no rate', () => {
    expect(forecast([], {}, HEALTH)).toEqual({
      ...{ bytes: 10 * MB, atMost: true, fetchMs: null },
      ...{ prepareMs: 0, interruptionMs: 60_000, soakMs: 60_000, totalMs: 120_000, runs: 0 },
    });
  });

  it('counts no deployment that did not commit, none that went back, and none that a clock made up', () => {
    const records = [
      took({ downMs: 5_000, state: 'rolled-back' }),
      took({ downMs: 5_000, rollback: true }),
      took({ downMs: -5_000 }),
      took({ downMs: 2 * 86_400_000 }),
    ];

    expect(forecast(records)).toMatchObject({ interruptionMs: 0, runs: 0 });
  });
});

describe('a forecast', () => {
  it('adds what each part took before', () => {
    const records = times(3, () => took({ bytes: MB, fetchMs: 2_000, prepareMs: 3_000, downMs: 7_000 }));

    expect(forecast(records, { weights: weighing(2 * MB) })).toEqual({
      ...{ bytes: 2 * MB, fetchMs: 4_000, prepareMs: 3_000, interruptionMs: 7_000 },
      ...{ soakMs: 60_000, totalMs: 74_000, runs: 3 },
    });
  });

  it('has nothing to fetch of what is here, and nothing to prepare once it asks about itself', () => {
    const records = times(3, () => took({ bytes: MB, fetchMs: 2_000, prepareMs: 3_000, downMs: 7_000 }));

    expect(forecast(records, { stored: new Set([TREE]) })).toMatchObject({
      bytes: 0,
      fetchMs: 0,
      totalMs: 70_000,
    });
    expect(forecast(records, { isBegun: true })).toMatchObject({ bytes: 0, prepareMs: 0, totalMs: 67_000 });
  });

  it('lets one odd deployment, or two, count nothing in what has no limit of its own', () => {
    const odd = times(2, () => took({ bytes: MB, fetchMs: 3_600_000, prepareMs: 3_600_000, downMs: 7_000 }));

    expect(forecast(odd, { weights: weighing(2 * MB) })).toMatchObject({
      ...{ fetchMs: null, prepareMs: 0, interruptionMs: 7_000 },
    });
  });

  it('is not made of installations, which fetch and load all there is', () => {
    const installed = times(3, () => took({ installs: true, prepareMs: 3_600_000, downMs: 9_000 }));

    expect(forecast(installed)).toMatchObject({ prepareMs: 0, interruptionMs: 0, runs: 0 });
  });

  it('learns from what was refused at its last safe point, and claims no interruption by it', () => {
    const nights = times(3, () => refused(3_000_000, 2_000, MB));

    expect(forecast(nights, { weights: weighing(2 * MB) }, HEALTH)).toMatchObject({
      ...{ fetchMs: 4_000, prepareMs: 3_000_000, interruptionMs: 60_000, runs: 0 },
    });
  });

  it('learns so also after many that took less, and none of what was refused early makes it less', () => {
    const quick = times(10, () => took({ prepareMs: 10_000, downMs: 7_000 }));
    const slow = times(10, () => took({ prepareMs: 3_000_000, downMs: 7_000 }));

    expect(forecast([...quick, ...times(6, () => refused(3_000_000))])).toMatchObject({
      ...{ prepareMs: 3_000_000, interruptionMs: 7_000, runs: 10 },
    });
    expect(forecast([...slow, ...times(9, () => refused(1_000))]).prepareMs).toBe(3_000_000);
  });

  it('takes nobody at their word who says that a tree takes more than its files have', () => {
    expect(forecast([], { weights: weighing(99 * MB) })).toMatchObject({ bytes: 10 * MB });
  });

  it('makes no rate of a few bytes, whose time is that of asking', () => {
    const little = times(3, () => took({ bytes: 10_000, fetchMs: 900 }));

    expect(forecast(little, { weights: weighing(9_000) }).fetchMs).toBe(900);
    expect(forecast(little, { weights: weighing(10 * MB) }).fetchMs).toBeNull();
  });

  it('takes the time of little from the like alone, and from the least that has a rate where there is none', () => {
    const packs = times(3, () => took({ bytes: MB, fetchMs: 2_000 }));
    const little = times(3, () => took({ bytes: 10_000, fetchMs: 900 }));
    const nothing = times(3, () => took({ fetchMs: 900 }));
    const toFetch = (records: readonly DeploymentRecord[]) =>
      forecast(records, { weights: weighing(9_000) }).fetchMs;

    expect([toFetch([...packs, ...little]), toFetch(packs), toFetch(nothing)]).toEqual([900, 525, null]);
  });

  it('makes no rate of patches, whose time is that of making the files', () => {
    const patches = times(3, () => took({ bytes: MB, fetchMs: 50_000, way: 'patch' }));

    expect(forecast(patches, { weights: weighing(10 * MB) }).fetchMs).toBeNull();
    expect(forecast(patches, { weights: weighing(2 * MB, 'patch') }).fetchMs).toBe(50_000);
  });

  it('makes no rate where a patch comes beside a pack', () => {
    const patches = times(3, () => took({ bytes: MB, fetchMs: 50_000, way: 'patch' }));
    const other = { digest: digestOfValue('another tree'), files: 1, bytes: 10 * MB };
    const one = targetOf();
    const api = releaseOf('1.0.0', { name: 'api', tree: other });
    const two = { ...one, releases: new Map([...one.releases, ['core/api' as ComponentKey, api]]) };
    const weights = new Map([
      ...weighing(2 * MB, 'patch'),
      [other.digest, { way: 'pack' as const, bytes: MB }],
    ]);

    expect(forecast(patches, { weights }, {}, two)).toMatchObject({ bytes: 3 * MB, fetchMs: null });
  });

  it('holds nothing back by the size of files that nobody says how they come', () => {
    const packs = times(3, () => took({ bytes: MB, fetchMs: 2_000 }));

    expect(forecast(packs)).toMatchObject({ bytes: 10 * MB, atMost: true, fetchMs: null });
  });

  it('knows more than is declared of what has moved here, and no more of anything else', () => {
    const other = took({ downMs: 4_000, component: 'core/api' });

    expect(forecast([took({ downMs: 4_000 })], {}, HEALTH).interruptionMs).toBe(4_000);
    expect(forecast([other], {}, HEALTH).interruptionMs).toBe(60_000);
    expect(forecast([other, took({ downMs: -1 })], {}, HEALTH).interruptionMs).toBe(60_000);
  });

  it('is never more than the limits of the releases themselves', () => {
    const hour = [took({ downMs: 3_600_000 })];

    expect(forecast(hour, {}, { health: [], smoke: [{ exec: ['x'], timeout: 'PT9S' }] }).interruptionMs).toBe(
      69_000,
    );
  });
});

describe('images that come from a registry', () => {
  const [ONE, TWO] = ['1', '2'].map((digit) => `sha256:${digit.repeat(64)}` as Digest);
  const images = [ONE, TWO, ONE].map((digest, at) => ({ ref: `registry.test/${at}@${digest}` }));
  const service = { driver: 'compose', file: 'compose.yaml', images };
  const here = { stored: new Set([TREE]) };
  const weighing = (...weights: readonly [Digest | undefined, number][]) => ({
    ...here,
    weights: new Map(weights.map(([image, bytes]) => [image as Digest, { way: 'image' as const, bytes }])),
  });
  const ofImages = (records: readonly DeploymentRecord[], means: Partial<Means>) =>
    forecast(records, means, { service });

  it('are counted, each once, and nothing of those that are here', () => {
    const known = ofImages([], weighing([ONE, 7 * MB], [TWO, 0]));

    expect(known).toMatchObject({ bytes: 7 * MB, fetchMs: 0 });
    expect(known.unknownImages).toBeUndefined();
    expect(ofImages([], weighing([ONE, 0], [TWO, 0]))).toMatchObject({ bytes: 0 });
    const most = Number.MAX_SAFE_INTEGER;
    expect(ofImages([], weighing([ONE, most], [TWO, most])).bytes).toBe(most);
  });

  it('are said to be unknown where nobody says, and hold nothing back', () => {
    const record = took({ bytes: MB, fetchMs: 2_000, prepareMs: 3_000, downMs: 7_000 });
    const known = ofImages([record], weighing([ONE, 0], [TWO, 0]));

    expect(ofImages([record], weighing([TWO, 5]))).toEqual({
      ...known,
      bytes: 5,
      unknownImages: 1,
      imagesMs: null,
    });
  });

  it('take the time that was measured before the first stop, not that of the vendor’s bytes, and nobody knows how much more', () => {
    const records = times(3, () => took({ bytes: MB, fetchMs: 2_000, prepareMs: 30_000 }));

    expect(ofImages(records, weighing([ONE, 900 * MB], [TWO, 0]))).toMatchObject({
      ...{ bytes: 900 * MB, fetchMs: 0, imagesMs: null, prepareMs: 30_000, totalMs: 90_000 },
    });
  });

  const pulling = (ms: number, bytes = 10 * MB) => ({
    ...took({ prepareMs: ms + 3_000 }),
    pulled: { bytes, ms },
  });

  it('take the time of their bytes at the rate of the registries here, apart from all else before the first stop', () => {
    const records = times(3, () => pulling(20_000));

    expect(ofImages(records, weighing([ONE, 40 * MB], [TWO, 0]))).toMatchObject({
      ...{ imagesMs: 80_000, prepareMs: 3_000, totalMs: 80_000 + 3_000 + 60_000 },
    });
    expect(ofImages(records, weighing([ONE, 0], [TWO, 0]))).toMatchObject({
      prepareMs: 3_000,
      totalMs: 63_000,
    });
    expect(ofImages(records, weighing([ONE, 0], [TWO, 0]))).not.toHaveProperty('imagesMs');
    expect(ofImages(records, weighing([ONE, 40 * MB])).imagesMs).toBeNull();
  });

  it.each<[string, readonly DeploymentRecord[]]>([
    ['two have measured', times(2, () => pulling(20_000))],
    ['so little came that it measured asking', times(3, () => pulling(20_000, 9))],
  ])('take nobody knows how long while only %s', (_what, records) => {
    expect(ofImages(records, weighing([ONE, 40 * MB], [TWO, 0])).imagesMs).toBeNull();
  });

  it('take a day at most, whatever a manifest says of a layer', () => {
    const most = weighing([ONE, Number.MAX_SAFE_INTEGER], [TWO, 0]);
    expect(
      ofImages(
        times(3, () => pulling(20_000)),
        most,
      ).imagesMs,
    ).toBe(86_400_000);
  });

  it('have come once it asks about itself', () => {
    const begun = ofImages([], { ...here, isBegun: true });
    expect([begun.bytes, begun.unknownImages]).toEqual([0, undefined]);
  });
});

describe('what the next one likely takes at most', () => {
  const durations = fc.array(fc.integer({ min: 0, max: 86_400_000 }), { minLength: 1, maxLength: 10 });

  it.each<[string, readonly number[], number | null]>([
    ['nothing', [], null],
    ['one', [20], 20],
    ['two of which one is absurd', [20, 9_000], 60],
    ['nine and an absurd one', [20, 21, 22, 23, 24, 25, 26, 27, 30, 9_000], 30],
    ['slow ones', [800, 900, 1_000], 1_000],
  ])('of %s', (_what, measured, expected) => {
    expect(likelyLongest(measured)).toBe(expected);
  });

  it('is never more than the longest, nor than three times the middle one, whatever was measured', () => {
    fc.assert(
      fc.property(durations, (measured) => {
        const likely = likelyLongest(measured) ?? 0;
        const sorted = measured.toSorted((a, b) => a - b);
        expect(likely).toBeLessThanOrEqual(sorted.at(-1) ?? 0);
        expect(likely).toBeLessThanOrEqual(3 * (sorted[(sorted.length - 1) >> 1] ?? 0));
        expect(likely).toBeGreaterThanOrEqual(sorted[(sorted.length - 1) >> 1] ?? 0);
      }),
    );
  });

  it('forgets what was absurd after as many shorter ones, and keeps at most three times theirs from then on', () => {
    const absurd = fc.array(fc.integer({ min: 1_000, max: 86_400_000 }), { maxLength: 9 });
    fc.assert(
      fc.property(absurd, fc.integer({ min: 0, max: 10_000 }), (before, shortMs) => {
        const shorter = [...before, 0].map(() => took({ downMs: shortMs }));
        const history = [...before.map((downMs) => took({ downMs })), ...shorter];
        const likely = likelyLongest(runsOf(history).flatMap(({ interruptionMs }) => interruptionMs ?? []));
        expect(likely).toBeLessThanOrEqual(3 * shortMs);
      }),
    );
  });

  it('looks at the last ten alone', () => {
    const history = [...Array(30).keys()].map((n) => took({ downMs: n < 20 ? 50_000 : 1_000 }));

    expect(runsOf(history)).toHaveLength(10);
    expect(forecast(history, {}, HEALTH)).toMatchObject({ interruptionMs: 1_000, runs: 10 });
  });
});

describe('how long the rest of one that is under way takes', () => {
  const records = [took({ prepareMs: 3_000, downMs: 20_000 })];
  const inState = (state: DeploymentState, ...before: DeploymentState[]) =>
    recordOf(99, [...before, state], {
      stages: [...before, state].map((entered) => ({ state: entered, at: formatInstantMs(START) })),
    });
  const left = (record: DeploymentRecord, afterMs: number, fetchMs: number | null = 0) =>
    timeLeft(record, records, { now: START + afterMs, soakMs: 60_000, fetchMs });

  it.each<[DeploymentState, readonly DeploymentState[], number, number | null]>([
    ['planned', [], 1_000, 83_000],
    ['fetching', [], 1_000, 83_000],
    ['staged', [], 1_000, 82_000],
    ['preflight', ['staged'], 1_000, 82_000],
    ['stopping', [], 5_000, 75_000],
    ['switching', ['stopping'], 5_000, 75_000],
    ['starting', ['stopping'], 5_000, 75_000],
    ['verifying', ['stopping'], 50_000, 60_000],
    ['soaking', ['stopping'], 20_000, 40_000],
    ['soaking', ['stopping'], 90_000, 0],
    ['rolling-back', ['stopping'], 0, null],
    ['committed', ['soaking'], 0, null],
  ])('in %s after %j', (state, before, afterMs, expected) => {
    expect(left(inState(state, ...before), afterMs)).toBe(expected);
  });

  it('counts what its downloads still need, and is unknown where that is', () => {
    expect(left(inState('fetching'), 0, 7_000)).toBe(90_000);
    expect(left(inState('fetching'), 0, null)).toBeNull();
  });

  it('counts a part from when it began, the last time that it did', () => {
    const stages = (
      [
        ['stopping', -90_000],
        ['stopping', 0],
        ['starting', 3_000],
      ] as const
    ).map(([state, afterMs]) => ({ state, at: formatInstantMs(START + afterMs) }));

    expect(left({ ...inState('starting'), stages }, 5_000)).toBe(75_000);
  });

  it('is unknown where nothing was ever measured, but for the soak', () => {
    const means = { now: START, soakMs: 60_000, fetchMs: 0 };

    expect(timeLeft(inState('starting', 'stopping'), [], means)).toBeNull();
    expect(timeLeft(inState('soaking'), [], means)).toBe(60_000);
  });

  it('does not grow by a clock that was set back', () => {
    expect(left(inState('soaking'), -90_000_000)).toBe(60_000);
  });
});
