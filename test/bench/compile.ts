// How long compiling a large catalog takes, beside the least that any resolver must do, and how it grows.

import { compile } from '../support/finished.ts';
import { barePass, chained, entwined, largeInput, type Requires } from '../support/large-catalog.ts';
import { compileInputOf } from '../support/scenario.ts';
import { type Figures, formatMs, median } from './figures.ts';

const RUNS = 5;
const SIZES = [
  [100, 40],
  [250, 100],
  [500, 200],
] as const;

export async function measureCompile(): Promise<Figures> {
  const rows = SIZES.flatMap(([capabilities, versions]) => [
    row('entwined', capabilities, versions, entwined, false),
    row('chain pulled down by a pin', capabilities, versions, chained(capabilities), true),
  ]);
  return {
    title: 'Compile',
    note: `Median of ${RUNS} runs after a first one; "bare" parses and sorts the same versions with semver, nothing else.`,
    head: ['catalog', 'constraints', 'compile', 'bare', 'ratio'],
    rows,
  };
}

function row(
  name: string,
  capabilities: number,
  versions: number,
  requires: Requires,
  isPinned: boolean,
): readonly string[] {
  const input = largeInput(capabilities, versions, requires);
  const last = `core/c${capabilities - 1}`;
  const lowest = `1.${Math.floor(versions * 0.75)}.0`;
  const { pins } = compileInputOf({ releases: {}, pins: isPinned ? { [last]: lowest } : {} });
  const ours = medianMs(() => compile({ ...input, pins }));
  const bare = medianMs(() => barePass(input));
  const size = `${capabilities} capabilities × ${versions} versions`;
  return [size, name, formatMs(ours), formatMs(bare), (ours / bare).toFixed(1)];
}

function medianMs(work: () => unknown): number {
  work();
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return median(times);
}
