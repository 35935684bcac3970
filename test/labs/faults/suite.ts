// What every suite of the laboratory is given and gives back.
import type { Verdict } from './laboratory.ts';

export interface SuiteOptions {
  readonly seed: number;
  /** How many cases to try; every one there is when there are no more. */
  readonly count: number;
  /** Names of the operations to try; all unless given. */
  readonly operations?: readonly string[];
  /** An empty directory of its own. */
  readonly directory: string;
  readonly onProgress: (tried: number) => void;
  /** No further case is begun once it aborts. */
  readonly signal?: AbortSignal | undefined;
}

export interface SuiteResult {
  readonly tried: number;
  /** How the cases ended: `committed 812`. */
  readonly ends: Readonly<Record<string, number>>;
  /** Every broken promise, with the case that broke it. */
  readonly problems: readonly string[];
}

export interface CaseResult {
  readonly end: string;
  readonly problems: readonly string[];
}

/** A judge that fails has found an instance that nobody can bring to its end. */
export async function judged(verdict: Promise<Verdict>): Promise<Verdict> {
  return verdict.catch((error: Error) => ({
    end: 'stuck',
    failure: null,
    problems: [`cannot be recovered: ${error.stack}`],
  }));
}

/** Tries cases, `lanes` at a time, each lane in a directory of its own. */
export async function tryCases<Case>(
  cases: readonly Case[],
  lanes: number,
  options: Pick<SuiteOptions, 'directory' | 'onProgress' | 'signal'>,
  run: (each: Case, directory: string) => Promise<CaseResult>,
): Promise<SuiteResult> {
  const ends: Record<string, number> = {};
  const problems: string[] = [];
  let tried = 0;
  const queue = cases.values();
  const work = async (lane: number) => {
    for (const each of queue) {
      if (options.signal?.aborted === true) return;
      const result = await run(each, `${options.directory}/lane-${lane}`);
      ends[result.end] = (ends[result.end] ?? 0) + 1;
      problems.push(...result.problems);
      options.onProgress(++tried);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane)));
  return { tried, ends, problems };
}

export function mergeResults(results: readonly SuiteResult[]): SuiteResult {
  const ends: Record<string, number> = {};
  for (const result of results) {
    for (const [end, count] of Object.entries(result.ends)) ends[end] = (ends[end] ?? 0) + count;
  }
  return {
    tried: results.reduce((sum, { tried }) => sum + tried, 0),
    ends,
    problems: results.flatMap(({ problems }) => problems),
  };
}

/** mulberry32: numbers in [0, 1), the same for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** As many of them as wanted, any of them, in an order that the seed decides. */
export function sample<Item>(items: readonly Item[], count: number, seed: number): readonly Item[] {
  const random = createRandom(seed);
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, count)
    .map(({ item }) => item);
}
