// Ours beside others as numbers: the median of the rounds' ratios, how far they lie apart, and whether they can be believed.
import { type Comparison, formatBytes, formatMs, median } from './figures.ts';
import type { Took } from './rounds.ts';

export interface Peer {
  readonly name: string;
  readonly goal?: number;
  /** In the order of the rounds, as ours are; fewer where it was not done in time, none where it is not there. */
  readonly values: readonly number[];
  /** What it was given for a round: it took more in those that are missing. */
  readonly limit?: number;
  readonly skip?: string;
}

const NOISE = 1.5;

export function compareWith(
  { what, measure, values }: Pick<Comparison, 'what' | 'measure'> & { readonly values: readonly number[] },
  { name, goal, skip, limit, values: theirs }: Peer,
): Comparison {
  if (values.length === 0) throw new Error(`${what}: no round of ours counted`);
  const isLate = skip === undefined && limit !== undefined && theirs.length < values.length;
  const beside = isLate ? values.map((_, round) => theirs[round] ?? limit) : theirs;
  if (beside.length !== (skip === undefined ? values.length : 0))
    throw new Error(`${what}: ${values.length} rounds of ours, ${beside.length} of ${name}`);
  const ratios = beside.map((value, round) => (values[round] ?? Number.NaN) / value);
  if (![...values, ...ratios].every(Number.isFinite))
    throw new Error(`${what}, beside ${name}: a round took nothing that could be told`);
  return {
    ...{ what, measure, peer: name, ...(goal === undefined ? {} : { goal }) },
    ...{ ours: median(values), theirs: beside.length === 0 ? null : median(beside) },
    ratio:
      ratios.length === 0
        ? null
        : { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) },
    ...{ rounds: values.length, isNoisy: isNoisy(theirs), isLate },
    ...(skip === undefined ? {} : { skip }),
  };
}

/** Both clocks of what was measured in rounds; the goal is that of the first. What one who was stopped computed is not known. */
export function compareBoth(
  what: string,
  ours: readonly Took[],
  peer: Omit<Peer, 'values'> & { readonly took: readonly Took[] },
): readonly Comparison[] {
  const { goal: _, took, limit: __, ...rest } = peer;
  const wall = (tooks: readonly Took[]) => tooks.map(({ wallMs }) => wallMs);
  const cpu = (tooks: readonly Took[]) => tooks.map(({ cpuMs }) => cpuMs);
  const byWall = compareWith({ what, measure: 'wall', values: wall(ours) }, { ...peer, values: wall(took) });
  if (byWall.isLate) return [byWall];
  return [byWall, compareWith({ what, measure: 'CPU', values: cpu(ours) }, { ...rest, values: cpu(took) })];
}

/** By how much what holds a start is longer than the start alone, round by round. Throws where that cannot be. */
export function beyondStart(
  what: string,
  starts: readonly number[],
  took: readonly number[],
): readonly number[] {
  const beyond = took.map((ms, round) => ms - (starts[round] ?? Number.NaN));
  const apart = Math.max(...starts) - Math.min(...starts);
  if (median(beyond) >= -apart) return beyond;
  const less = `${formatMs(-median(beyond))} less than the start that is in it`;
  throw new Error(
    `${what} took ${less}, and starts lie ${formatMs(apart)} apart: they were not measured alike`,
  );
}

export function isNoisy(values: readonly number[]): boolean {
  return values.length > 1 && Math.max(...values) > Math.min(...values) * NOISE;
}

export const COMPARISON_HEAD = [
  ...['', 'measured', 'Fairlead', 'beside', 'theirs', 'ratio', 'least–most', 'goal', 'before'],
] as const;

/** `before` is the same comparison of the last run that was kept. */
export function comparisonRow(one: Comparison, before?: Comparison): readonly string[] {
  const show = one.measure === 'wall' || one.measure === 'CPU' ? formatMs : formatBytes;
  const { ratio, goal } = one;
  const theirs = one.theirs === null ? '–' : `${one.isLate ? '> ' : ''}${show(one.theirs)}`;
  const isMissed = ratio !== null && goal !== undefined && ratio.median > goal;
  return [
    ...[
      one.what,
      one.measure,
      show(one.ours),
      one.peer,
      one.skip === undefined ? theirs : `SKIP: ${one.skip}`,
    ],
    `${ratio === null ? '–' : `${one.isLate ? '< ' : ''}${formatRatio(ratio.median)}`}${one.isNoisy ? ' NOISY' : ''}`,
    ratio === null || one.rounds === 1 ? '–' : `${formatRatio(ratio.min)}–${formatRatio(ratio.max)}`,
    goal === undefined ? '–' : `${formatRatio(goal)}${isMissed ? ', missed' : ''}`,
    before?.ratio == null ? '–' : formatRatio(before.ratio.median),
  ];
}

/** Two digits that count. */
function formatRatio(ratio: number): string {
  return ratio >= 0.1 ? String(Number(ratio.toFixed(2))) : String(Number(ratio.toPrecision(2)));
}

/** Of several ratios, as of a corpus: their geometric mean. */
export function geometricMean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}
