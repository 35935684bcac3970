// What a subject of the bench finds: ours beside others as numbers, or a table of its own, and how numbers are written.

export interface Figures {
  readonly title: string;
  /** What was measured and how, in a sentence or two. */
  readonly note: string;
  /** Of a table of its own. */
  readonly head?: readonly string[];
  readonly rows?: readonly (readonly string[])[];
  readonly comparisons?: readonly Comparison[];
}

export type Measure = 'wall' | 'CPU' | 'bytes' | 'memory';

/** One figure of ours beside the same of one other. This is what is kept of a run. */
export interface Comparison {
  readonly what: string;
  readonly measure: Measure;
  readonly peer: string;
  /** Of the ratio. */
  readonly goal?: number;
  /** Milliseconds or bytes, the median of the rounds. */
  readonly ours: number;
  /** Null where there is nothing to compare with. */
  readonly theirs: number | null;
  readonly ratio: Ratio | null;
  readonly rounds: number;
  /** The other alone varies by half: what differs from it by less than that may be chance. */
  readonly isNoisy: boolean;
  /** The other was stopped in a round or more: `theirs` is at least this, and the ratio at most. */
  readonly isLate: boolean;
  /** Why there is nothing to compare with, and what to do about it. */
  readonly skip?: string;
}

export interface Ratio {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Wall-clock milliseconds of one run. */
export async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

export function formatMs(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function formatMb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

export function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : formatMb(bytes);
}
