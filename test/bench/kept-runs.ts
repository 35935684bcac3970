// What is kept of runs: a line of JSON for each that was written down, so that a ratio stands beside the one before.
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison, Figures } from './figures.ts';
import { machine } from './page.ts';

export const KEPT_RUNS = join(import.meta.dirname, '../../docs/figures-history.jsonl');

/** What `--json` writes of a run. */
export interface BenchRun {
  readonly schema: 'fairlead/bench@1';
  readonly at: string;
  /** Of the sources; with `+` where they were changed since. */
  readonly commit: string;
  readonly machine: string;
  /** Of the last minute, before and after. */
  readonly load: readonly [before: number, after: number];
  readonly subjects: Readonly<Record<string, Figures>>;
}

/** Of a run the numbers alone: a table is read on its page. */
export interface KeptRun extends Omit<BenchRun, 'schema' | 'subjects'> {
  readonly comparisons: Readonly<Record<string, readonly Comparison[]>>;
}

export function runOf(subjects: BenchRun['subjects'], load: BenchRun['load'], at: string): BenchRun {
  return { schema: 'fairlead/bench@1', at, commit: commit(), machine: machine(), load, subjects };
}

/** Nothing is kept of a run that compared nothing. */
export function keepRun({ schema: _, subjects, ...run }: BenchRun, file = KEPT_RUNS): void {
  const compared = Object.entries(subjects).flatMap(([name, { comparisons = [] }]) =>
    comparisons.length === 0 ? [] : [[name, comparisons] as const],
  );
  if (compared.length === 0) return;
  const kept: KeptRun = { ...run, comparisons: Object.fromEntries(compared) };
  appendFileSync(file, `${JSON.stringify(kept)}\n`);
}

/** The same comparison in the last run that has it. */
export function beforeOf(subject: string, file = KEPT_RUNS): (one: Comparison) => Comparison | undefined {
  const runs = readRuns(file).toReversed();
  return ({ what, measure, peer }) =>
    runs
      .flatMap(({ comparisons }) => comparisons[subject] ?? [])
      .find((one) => one.what === what && one.measure === measure && one.peer === peer);
}

function readRuns(file: string): readonly KeptRun[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as KeptRun);
}

function commit(): string {
  const git = (...words: readonly string[]) =>
    execFileSync('git', words, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
  try {
    const isChanged = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short=12', 'HEAD')}${isChanged ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}
