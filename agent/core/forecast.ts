// What a deployment will take, from what the last ones here took: bytes that still have to come, and how long until it is committed.
import { leaveMs, startMs, steadyMs } from '../../shared/compile/rollback-bound.ts';
import type { Target } from '../../shared/compile/target.ts';
import type { Digest } from '../../shared/encoding/digest.ts';
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import type { DeploymentRecord, DeploymentState, Plan } from '../../shared/schema/deployment.ts';
import { referredImages } from '../../shared/schema/drivers/drivers.ts';
import { digestOfImage } from '../../shared/schema/drivers/images.ts';
import type { Forecast } from '../../shared/schema/forecast.ts';

/** What the disk and the agent know that no record tells. */
export interface Means {
  /** Trees that are here. */
  readonly stored: ReadonlySet<Digest>;
  /** What a tree, or an image from a registry, would take to fetch, where somebody has said so. */
  readonly weights: ReadonlyMap<Digest, number>;
  /** How long a deployment is watched before it counts as committed. */
  readonly soakMs: number;
  /** It asks about itself at its last safe point: nothing has to be fetched or prepared any more. */
  readonly isBegun: boolean;
}

export interface Run {
  readonly components: readonly string[];
  readonly bytes: number;
  readonly fetchMs: number | null;
  readonly prepareMs: number | null;
  readonly interruptionMs: number | null;
}

/** Older ones tell of another machine, another line, another product. */
const REMEMBERED = 10;
/** A machine that slept in the middle, or a clock that was set, has measured nothing. */
const LONGEST_MEASURED_MS = 86_400_000;
/** Of so little the time is that of asking, not of the bytes. */
const ENOUGH_BYTES = 256 * 1024;

/** The last ones that committed a way forward, oldest first. */
export function runsOf(records: readonly DeploymentRecord[]): readonly Run[] {
  const committed = records.filter(
    ({ state, reason }) => state === 'committed' && reason.kind !== 'rollback',
  );
  return committed.slice(-REMEMBERED).map((record) => ({
    components: record.steps.map(({ component }) => component),
    bytes: (record.fetched ?? []).reduce((sum, one) => sum + one.bytes, 0),
    fetchMs: between(record, 'fetching', 'staged'),
    prepareMs: between(record, 'staged', 'stopping'),
    interruptionMs: between(record, 'stopping', 'soaking'),
  }));
}

function between({ stages }: DeploymentRecord, from: DeploymentState, until: DeploymentState): number | null {
  const [begun, ended] = [
    stages.find(({ state }) => state === from),
    stages.findLast(({ state }) => state === until),
  ];
  if (begun === undefined || ended === undefined) return null;
  const ms = instantMs(ended.at) - instantMs(begun.at);
  return ms >= 0 && ms <= LONGEST_MEASURED_MS ? ms : null;
}

/** For what of a stop or a start has no limit of its own, such as making a process. */
const UNLIMITED_MS = 60_000;

/**
 * How long the rest of one that is under way will take by the same history; null where nobody can say. `fetchMs` is what its
 * downloads still need.
 */
export function timeLeft(
  { state, stages }: DeploymentRecord,
  records: readonly DeploymentRecord[],
  {
    now,
    soakMs,
    fetchMs,
  }: { readonly now: EpochMs; readonly soakMs: number; readonly fetchMs: number | null },
): number | null {
  const runs = runsOf(records);
  const expected = (part: 'prepareMs' | 'interruptionMs') => likelyLongest(numbers(runs, part));
  const since = (entered: DeploymentState) => {
    const begun = stages.findLast((one) => one.state === entered);
    return begun === undefined ? 0 : Math.max(0, now - instantMs(begun.at));
  };
  const left = (wholeMs: number | null, entered: DeploymentState) =>
    wholeMs === null ? null : Math.max(0, wholeMs - since(entered));
  switch (state) {
    case 'planned':
    case 'fetching':
      return total([fetchMs, expected('prepareMs'), expected('interruptionMs'), soakMs]);
    case 'staged':
    case 'preflight':
      return total([left(expected('prepareMs'), 'staged'), expected('interruptionMs'), soakMs]);
    case 'stopping':
    case 'switching':
    case 'starting':
    case 'verifying':
      return total([left(expected('interruptionMs'), 'stopping'), soakMs]);
    case 'soaking':
      return left(soakMs, 'soaking');
    default:
      return null;
  }
}

function total(parts: readonly (number | null)[]): number | null {
  return parts.reduce<number | null>(
    (sofar, part) => (sofar === null || part === null ? null : sofar + part),
    0,
  );
}

/** What one that is odd may differ from the middle one. */
const MOST_OVER_THE_MIDDLE = 3;

/**
 * Nine of ten took no longer, and it is no more than three times the middle one: a single run that hung says little of the
 * next, and whoever waits because of it would never measure another. Null for none.
 */
export function likelyLongest(measured: readonly number[]): number | null {
  const sorted = measured.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  const nearly = sorted[Math.ceil(sorted.length * 0.9) - 1];
  if (middle === undefined || nearly === undefined) return null;
  return Math.min(nearly, MOST_OVER_THE_MIDDLE * middle);
}

/** `from` is what runs, null for nothing. */
export function forecastOf(
  plan: Plan,
  from: Target | null,
  to: Target,
  { records, means }: { readonly records: readonly DeploymentRecord[]; readonly means: Means },
): Forecast {
  const runs = runsOf(records);
  const trees = means.isBegun ? { bytes: 0, isAtMost: false } : bytesToCome(to, means);
  const images = means.isBegun ? { bytes: 0, unknown: 0 } : imagesToCome(to, means);
  // Images come as a part of what is prepared, from elsewhere and at another rate: their time is measured with that.
  const fetchMs = fetchTime(trees.bytes, runs);
  const prepareMs = means.isBegun ? 0 : (likelyLongest(numbers(runs, 'prepareMs')) ?? 0);
  const interruptionMs = interruptionTime(plan, from, to, runs);
  const soakMs = Math.ceil(means.soakMs);
  return {
    // What a manifest says of a layer may be anything.
    bytes: Math.min(trees.bytes + images.bytes, Number.MAX_SAFE_INTEGER),
    ...(trees.isAtMost ? { atMost: true } : {}),
    ...(images.unknown > 0 ? { unknownImages: images.unknown } : {}),
    ...{ fetchMs, prepareMs, interruptionMs, soakMs },
    totalMs: (fetchMs ?? 0) + prepareMs + interruptionMs + soakMs,
    runs: numbers(runs, 'interruptionMs').length,
  };
}

/** Each tree once, however many components are made of it. */
function bytesToCome({ releases }: Target, { stored, weights }: Means): { bytes: number; isAtMost: boolean } {
  const trees = new Map([...releases.values()].map(({ document: { tree } }) => [tree.digest, tree.bytes]));
  const missing = [...trees].filter(([tree]) => !stored.has(tree));
  const bytes = missing.reduce((sum, [tree, most]) => sum + Math.min(most, weights.get(tree) ?? most), 0);
  return { bytes, isAtMost: missing.some(([tree]) => !weights.has(tree)) };
}

/** Each image once, however many components run it. */
function imagesToCome({ releases }: Target, { weights }: Means): { bytes: number; unknown: number } {
  const images = [...releases.values()].flatMap(({ document }) => referredImages(document.service));
  const weighed = [...new Set(images.map(digestOfImage))].map((image) => weights.get(image) ?? null);
  return {
    bytes: sum(weighed.map((bytes) => bytes ?? 0)),
    unknown: weighed.filter((bytes) => bytes === null).length,
  };
}

/** By the rate, where enough bytes came once for there to be one; of less, as long as so little took. */
function fetchTime(bytes: number, runs: readonly Run[]): number | null {
  if (bytes === 0) return 0;
  const fetched = runs.flatMap((run) =>
    run.bytes > 0 && run.fetchMs !== null ? [{ bytes: run.bytes, ms: run.fetchMs }] : [],
  );
  const little = likelyLongest(fetched.filter((one) => one.bytes < ENOUGH_BYTES).map(({ ms }) => ms));
  if (bytes < ENOUGH_BYTES && little !== null) return little;
  const perByte = likelyLongest(
    fetched.filter((one) => one.bytes >= ENOUGH_BYTES).map(({ bytes: came, ms }) => ms / came),
  );
  return perByte === null ? null : Math.ceil(Math.max(bytes, ENOUGH_BYTES) * perByte);
}

/**
 * As measured, and at least what is declared by those that no measured deployment has moved; never more than the releases'
 * own limits come to.
 */
function interruptionTime(plan: Plan, from: Target | null, to: Target, runs: readonly Run[]): number {
  const stopped = plan.stop.flatMap((component) => from?.releases.get(component)?.document ?? []);
  const started = plan.start.flatMap((component) => {
    const release = to.releases.get(component)?.document;
    return release === undefined ? [] : [{ component, release }];
  });
  const known = new Set(runs.flatMap(({ components }) => components));
  const unknown = started.filter(({ component }) => !known.has(component));
  const declared = Math.max(0, ...unknown.map(({ release }) => steadyMs(release)));
  const limits = [...stopped.map(leaveMs), ...started.map(({ release }) => startMs(release))];
  const bound = sum(limits) + limits.length * UNLIMITED_MS;
  const measured = likelyLongest(numbers(runs, 'interruptionMs')) ?? 0;
  return Math.ceil(Math.min(Math.max(measured, declared), bound));
}

function numbers(runs: readonly Run[], part: 'prepareMs' | 'interruptionMs'): readonly number[] {
  return runs.flatMap((run) => run[part] ?? []);
}

function sum(all: readonly number[]): number {
  return all.reduce((total, one) => total + one, 0);
}
