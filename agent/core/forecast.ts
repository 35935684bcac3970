// What a deployment will take, from what the last ones here took: bytes that still have to come, and how long until it is committed.
import { leaveMs, startMs, steadyMs } from '../../shared/compile/declared-times.ts';
import type { Target } from '../../shared/compile/target.ts';
import type { Digest } from '../../shared/encoding/digest.ts';
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import type { Move } from '../../shared/protocol/admin.ts';
import type { DeploymentRecord, DeploymentState, Fetched, Plan } from '../../shared/schema/deployment.ts';
import { referredImages } from '../../shared/schema/drivers/drivers.ts';
import { digestOfImage } from '../../shared/schema/drivers/images.ts';
import type { Forecast } from '../../shared/schema/forecast.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { likelyLongest, likelyOf, numbers, type Run, runsOf } from './measured.ts';

export interface Weight {
  readonly bytes: number;
  readonly way: Fetched['way'] | 'image';
}

/** What the disk and the agent know that no record tells. */
export interface Means {
  /** Trees that are here. */
  readonly stored: ReadonlySet<Digest>;
  /** What a tree, or an image from a registry, would take to fetch, where somebody has said so. */
  readonly weights: ReadonlyMap<Digest, Weight>;
  /** How long a deployment is watched before it counts as committed. */
  readonly soakMs: number;
  /** It asks about itself at its last safe point: nothing has to be fetched or prepared any more. */
  readonly isBegun: boolean;
}

/** Of so little the time is that of asking, not of the bytes. */
const ENOUGH_BYTES = 256 * 1024;
/** No deployment waits longer for registries, whatever a manifest says of a layer. */
const LONGEST_IMAGES_MS = 86_400_000;
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

/** `from` is what runs, null for nothing. */
export function forecastOf(
  plan: Plan,
  from: Target | null,
  to: Target,
  { records, means }: { readonly records: readonly DeploymentRecord[]; readonly means: Means },
): Forecast {
  const runs = runsOf(records);
  const trees = means.isBegun ? [] : treesToCome(to, means);
  const images = means.isBegun ? { bytes: 0, unknown: 0 } : imagesToCome(to, means);
  const fetchMs = fetchTime(trees, runs);
  const imagesMs = imagesTime(images, runs);
  const prepareMs = means.isBegun ? 0 : (likelyOf(numbers(runs.map(withoutImages), 'prepareMs')) ?? 0);
  const interruptionMs = interruptionTime(plan, from, to, runs);
  const soakMs = Math.ceil(means.soakMs);
  return {
    // What a manifest says of a layer may be anything.
    bytes: Math.min(sum(trees.map(({ bytes }) => bytes)) + images.bytes, Number.MAX_SAFE_INTEGER),
    ...(trees.some(({ way }) => way === null) ? { atMost: true } : {}),
    ...(images.unknown > 0 ? { unknownImages: images.unknown } : {}),
    ...{ fetchMs, prepareMs, interruptionMs, soakMs },
    ...(imagesMs === undefined ? {} : { imagesMs }),
    totalMs: (fetchMs ?? 0) + (imagesMs ?? 0) + prepareMs + interruptionMs + soakMs,
    runs: numbers(runs, 'interruptionMs').length,
  };
}

interface Coming {
  readonly bytes: number;
  /** Null where nobody has said: it is the size of its files, which is more than comes. */
  readonly way: Weight['way'] | null;
}

interface ComingImages {
  readonly bytes: number;
  /** Of so many more nobody has said how much comes. */
  readonly unknown: number;
}

/** Each image once, however many components run it. */
function imagesToCome({ releases }: Target, { weights }: Means): ComingImages {
  const images = [...releases.values()].flatMap(({ document }) => referredImages(document.service));
  const weighed = [...new Set(images.map(digestOfImage))].map((image) => weights.get(image)?.bytes ?? null);
  return {
    bytes: sum(weighed.map((bytes) => bytes ?? 0)),
    unknown: weighed.filter((bytes) => bytes === null).length,
  };
}

/** Each tree once, however many components are made of it. */
function treesToCome({ releases }: Target, { stored, weights }: Means): readonly Coming[] {
  const trees = new Map([...releases.values()].map(({ document: { tree } }) => [tree.digest, tree]));
  return [...trees.values()]
    .filter(({ digest }) => !stored.has(digest))
    .map((tree) => comingOf(tree, weights));
}

/**
 * For people: each component, why it gets its version, and what of it still has to come. Adds the trees to `here`: what two
 * components are made of, or an earlier deployment on the way brought, comes once.
 */
export function movesOf(
  { plan, target }: { readonly plan: Plan; readonly target: Target },
  here: Set<Digest>,
  { weights }: Pick<Means, 'weights'>,
): Move[] {
  const origins = new Map(target.manifest.components.map((each) => [each.component, each.origin]));
  return plan.steps.map((step) => {
    const tree = target.releases.get(step.component)?.document.tree;
    const coming = tree === undefined || here.has(tree.digest) ? null : comingOf(tree, weights);
    if (tree !== undefined) here.add(tree.digest);
    return {
      ...{ ...step, origin: origins.get(step.component) ?? null, bytes: coming?.bytes ?? 0 },
      ...(coming?.way === null ? { atMost: true as const } : {}),
    };
  });
}

/** Of a tree that is not here. */
function comingOf({ digest, bytes: most }: TreeRef, weights: Means['weights']): Coming {
  const weight = weights.get(digest);
  return { bytes: Math.min(most, weight?.bytes ?? most), way: weight?.way ?? null };
}

/**
 * Packs by the rate of packs. Patches, whose time is that of making the files, and little as long as the like took. Null where that
 * was not measured often enough, or where nobody knows what comes.
 */
function fetchTime(coming: readonly Coming[], runs: readonly Run[]): number | null {
  const bytes = sum(coming.map((one) => one.bytes));
  if (bytes === 0) return 0;
  if (coming.some(({ way }) => way === null)) return null;
  const fetched = runs.flatMap((run) =>
    run.bytes > 0 && run.fetchMs !== null ? [{ bytes: run.bytes, way: run.way, ms: run.fetchMs }] : [],
  );
  const little = likelyOf(fetched.filter((one) => one.bytes < ENOUGH_BYTES).map(({ ms }) => ms));
  if (bytes < ENOUGH_BYTES && little !== null) return little;
  if (coming.every(({ way }) => way === 'patch')) {
    return likelyOf(fetched.filter(({ way }) => way === 'patch').map(({ ms }) => ms));
  }
  const packs = fetched.filter((one) => one.way === 'pack' && one.bytes >= ENOUGH_BYTES);
  const perByte = likelyOf(packs.map(({ bytes: came, ms }) => ms / came));
  return perByte === null ? null : Math.ceil(Math.max(bytes, ENOUGH_BYTES) * perByte);
}

/** A registry has a rate of its own. Null where it was not measured often enough, or nobody says how much comes. */
function imagesTime({ bytes, unknown }: ComingImages, runs: readonly Run[]): number | null | undefined {
  if (bytes === 0 && unknown === 0) return undefined;
  if (unknown > 0) return null;
  const rates = runs.flatMap(({ pulled }) =>
    pulled !== null && pulled.bytes >= ENOUGH_BYTES ? [pulled.ms / pulled.bytes] : [],
  );
  const perByte = likelyOf(rates);
  if (perByte === null) return null;
  return Math.min(Math.ceil(Math.max(bytes, ENOUGH_BYTES) * perByte), LONGEST_IMAGES_MS);
}

/** Where that was not measured, their time stays in it. */
function withoutImages({ prepareMs, pulled, ...run }: Run): Run {
  const own = prepareMs === null ? null : Math.max(0, prepareMs - (pulled?.ms ?? 0));
  return { ...run, pulled, prepareMs: own };
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
  const measuring = runs.filter(({ interruptionMs }) => interruptionMs !== null);
  const known = new Set(measuring.flatMap(({ components }) => components));
  const unknown = started.filter(({ component }) => !known.has(component));
  const declared = Math.max(0, ...unknown.map(({ release }) => steadyMs(release)));
  const limits = [...stopped.map(leaveMs), ...started.map(({ release }) => startMs(release))];
  const bound = sum(limits) + limits.length * UNLIMITED_MS;
  const measured = likelyLongest(numbers(runs, 'interruptionMs')) ?? 0;
  return Math.ceil(Math.min(Math.max(measured, declared), bound));
}

function sum(all: readonly number[]): number {
  return all.reduce((total, one) => total + one, 0);
}
