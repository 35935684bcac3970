// What the last deployments here took, in each of their parts, and what the next one likely takes by that.
import { instantMs } from '../../shared/encoding/instant.ts';
import type { DeploymentRecord, DeploymentState, Fetched, Pulled } from '../../shared/schema/deployment.ts';

/** What one deployment took, in each part that it came through. */
export interface Run {
  readonly components: readonly string[];
  readonly bytes: number;
  /** How all of them came; null where they came by more than one way. */
  readonly way: Fetched['way'] | null;
  readonly fetchMs: number | null;
  readonly prepareMs: number | null;
  /** Images from registries, a part of what came before the first stop; null where none came, or nobody measured it. */
  readonly pulled: Pulled | null;
  readonly interruptionMs: number | null;
}

/** Older ones tell of another machine, another line, another product. */
const REMEMBERED = 10;
/** A machine that slept in the middle, or a clock that was set, has measured nothing. */
const LONGEST_MEASURED_MS = 86_400_000;
/** Of fewer, one that is odd may be the middle one: what has no limit of its own counts nothing until then. */
const ENOUGH_RUNS = 3;

/**
 * Of the last that led forward from something, oldest first: an installation fetches all there is. What was refused at its last safe
 * point has not been prepared to the end: it counts where that took longer already than it took the others.
 */
export function runsOf(records: readonly DeploymentRecord[]): readonly Run[] {
  const forward = records.filter(({ from, reason }) => from !== null && reason.kind !== 'rollback');
  const committed = forward.filter(isCommitted).slice(-REMEMBERED);
  const told = forward.filter((record) => isCommitted(record) || isRefused(record)).slice(-REMEMBERED);
  const prepared = committed.flatMap((record) => between(record, 'staged', 'stopping') ?? []);
  const usualMs = likelyLongest(prepared) ?? 0;
  return forward
    .filter((record) => committed.includes(record) || told.includes(record))
    .map((record) => {
      const prepareMs = between(record, 'staged', isRefused(record) ? 'abandoned' : 'stopping');
      const isLess = isRefused(record) && prepareMs !== null && prepareMs <= usualMs;
      return runOf(record, isLess ? null : prepareMs);
    });
}

function isCommitted({ state }: DeploymentRecord): boolean {
  return state === 'committed';
}

function isRefused({ state, failure }: DeploymentRecord): boolean {
  return state === 'abandoned' && failure?.code === 'deploy/no-longer-allowed';
}

function runOf(record: DeploymentRecord, prepareMs: number | null): Run {
  const { steps, fetched = [] } = record;
  const ways = new Set(fetched.map(({ way }) => way));
  return {
    components: steps.map(({ component }) => component),
    bytes: fetched.reduce((total, { bytes }) => total + bytes, 0),
    way: ways.size === 1 ? (fetched[0]?.way ?? null) : null,
    fetchMs: between(record, 'fetching', 'staged'),
    prepareMs,
    pulled: record.pulled ?? null,
    interruptionMs: between(record, 'stopping', 'soaking'),
  };
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

/** The last of them. */
export function numbers(runs: readonly Run[], part: 'prepareMs' | 'interruptionMs'): readonly number[] {
  return runs.flatMap((run) => run[part] ?? []).slice(-REMEMBERED);
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

/** Null of fewer than say something. */
export function likelyOf(measured: readonly number[]): number | null {
  return measured.length < ENOUGH_RUNS ? null : likelyLongest(measured);
}
