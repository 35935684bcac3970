// Canaries: the seed under which the first wave holds installs of as many classes as it can, and what each wave holds.
//
// Nobody is named: the seed is signed and public, each install places itself by it, and the fleet that is looked at here may be
// another one by then.
import { wavePosition } from '../../../shared/compile/waves.ts';
import { count } from '../../../shared/errors/entry.ts';
import {
  type Classes,
  type ClassFacts,
  FACT_NAMES,
  formatClasses,
  isOfferedTo,
  membershipIn,
} from '../../../shared/schema/classes.ts';
import type { Wave } from '../../../shared/schema/rollout.ts';
import { formatWaves } from './waves.ts';

/** As the server tells it. `facts` are null where its agent says nothing of them: it knows no classes either. */
export interface KnownInstall {
  readonly id: string;
  readonly track: string | null;
  readonly facts: ClassFacts | null;
}

/** What is offered, apart from its seed. */
export interface Offering {
  readonly waves: readonly Wave[];
  readonly classes?: Classes | undefined;
}

export interface WavePlan {
  readonly seed: string;
  readonly installs: number;
  /** What of them the offer leaves out: of other classes, of classes that they cannot tell, by agents that know no classes. */
  readonly leftOut: { readonly outside: number; readonly unsure: number; readonly unaware: number };
  /** Installs by the wave that reaches them, in the order of the waves. */
  readonly reached: readonly number[];
  /** Each fact that installs on offer have, with its number in each wave. */
  readonly classes: readonly { readonly name: string; readonly reached: readonly number[] }[];
}

/** Placing all of a fleet under one seed costs a digest for each install. */
const MOST_PLACED = 100_000;
const FEWEST_SEEDS = 16;

/** The first of the seeds that leaves the fewest classes out of the first wave without making that larger than it was meant. */
export function planWaves(
  offering: Offering,
  installs: readonly KnownInstall[],
  seeds: readonly [string, ...string[]],
): WavePlan {
  const audience = audienceOf(offering, installs);
  const tried = Math.max(FEWEST_SEEDS, Math.floor(MOST_PLACED / Math.max(1, audience.length)));
  const score = scorerOf(offering, audience);
  let best = { seed: seeds[0], lacks: score(seeds[0]) };
  // Where the first wave is for all, every seed is as good.
  const others = offering.waves[0]?.percent === 100 ? [] : seeds.slice(1, tried);
  for (const seed of others) {
    if (best.lacks === 0) break;
    const lacks = score(seed);
    if (lacks < best.lacks) best = { seed, lacks };
  }
  return planUnder(best.seed, offering, installs, audience);
}

/** How many classes the first wave has nobody of; one that is larger than it was meant is worse than any other. */
function scorerOf({ waves: [first] }: Offering, audience: Audience): (seed: string) => number {
  const all = new Set(audience.flatMap(({ names }) => names)).size;
  const share = first?.percent ?? 100;
  const meant = Math.max(1, Math.ceil((audience.length * share) / 100));
  const may = audience.filter(({ facts }) => isOfferedTo(first?.classes, facts));
  return (seed) => {
    const canaries = may.filter(({ id }) => wavePosition(seed, id) < share);
    const covered = new Set(canaries.flatMap(({ names }) => names)).size;
    return all - covered + Math.max(0, canaries.length - meant) * (all + 1);
  };
}

function missingIn(classes: WavePlan['classes']): WavePlan['classes'] {
  return classes.filter(({ reached }) => reached[0] === 0);
}

type Audience = readonly {
  readonly id: string;
  readonly facts: ClassFacts;
  readonly names: readonly string[];
}[];

function audienceOf(offering: Offering, installs: readonly KnownInstall[]): Audience {
  const isLimited = needsClasses(offering);
  return installs
    .filter(({ facts }) => (facts === null ? !isLimited : isOfferedTo(offering.classes, facts)))
    .map(({ id, facts }) => ({ id, facts: facts ?? {}, names: namesOf(facts ?? {}) }));
}

function needsClasses({ classes, waves }: Offering): boolean {
  return classes !== undefined || waves.some((wave) => wave.classes !== undefined);
}

function namesOf(facts: ClassFacts): readonly string[] {
  return FACT_NAMES.flatMap((name) => (facts[name] ?? []).map((value) => `${name}=${value}`));
}

function planUnder(
  seed: string,
  offering: Offering,
  installs: readonly KnownInstall[],
  audience: Audience,
): WavePlan {
  const none = offering.waves.map(() => 0);
  const reached = [...none];
  const classes = new Map<string, number[]>();
  for (const { id, facts, names } of audience) {
    const at = firstWaveOf(offering.waves, wavePosition(seed, id), facts);
    reached[at] = (reached[at] ?? 0) + 1;
    for (const name of names) {
      const counts = classes.get(name) ?? [...none];
      counts[at] = (counts[at] ?? 0) + 1;
      classes.set(name, counts);
    }
  }
  return {
    ...{ seed, installs: installs.length, leftOut: leftOutOf(offering, installs), reached },
    classes: [...classes]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, counts]) => ({ name, reached: counts })),
  };
}

/** Delays never shrink: the first that reaches it is the earliest. */
function firstWaveOf(waves: readonly Wave[], position: number, facts: ClassFacts): number {
  return waves.findIndex(({ percent, classes }) => percent > position && isOfferedTo(classes, facts));
}

function leftOutOf(offering: Offering, installs: readonly KnownInstall[]): WavePlan['leftOut'] {
  const left = { outside: 0, unsure: 0, unaware: 0 };
  for (const { facts } of installs) {
    if (facts === null) left.unaware += needsClasses(offering) ? 1 : 0;
    else if (offering.classes !== undefined) {
      const { kind } = membershipIn(offering.classes, facts);
      if (kind === 'out') left.outside++;
      if (kind === 'unknown') left.unsure++;
    }
  }
  return left;
}

/** Lines for people: what each wave holds, and whom nothing reaches. */
export function describePlan(
  { waves, classes }: Offering,
  plan: WavePlan,
  known: readonly KnownInstall[],
): readonly string[] {
  const { installs, reached, leftOut } = plan;
  const on = reached.reduce((sum, one) => sum + one, 0);
  const parts = waves.map((wave, i) => `${formatWaves([wave])}: ${reached[i] ?? 0}`);
  const left = [
    [leftOut.outside, 'of other classes'],
    [leftOut.unsure, 'cannot tell'],
    [leftOut.unaware, 'run an agent that knows no classes'],
  ] as const;
  const notes = left.filter(([number]) => number > 0).map(([number, why]) => `${number} ${why}`);
  const missing = missingIn(plan.classes);
  const isIn = (wave: Wave) => known.some(({ facts }) => isOfferedTo(wave.classes, facts ?? {}));
  const empty = waves.filter((wave) => wave.classes !== undefined && !isIn(wave));
  return [
    `of ${count(installs, 'install')} ${on} ${on === 1 ? 'is' : 'are'} meant; by wave ${parts.join(', ')}`,
    ...(notes.length === 0 ? [] : [`left out: ${notes.join(', ')}`]),
    ...(classes !== undefined && on === 0
      ? [`no known install is in a class of ${formatClasses(classes)}`]
      : []),
    ...empty.map((wave) => `no known install is in the wave ${formatWaves([wave])}`),
    ...describeCoverage(plan, missing),
  ];
}

/** More than these nobody reads. */
const MOST_NAMED = 12;

function describeCoverage({ classes, reached }: WavePlan, missing: WavePlan['classes']): readonly string[] {
  if (reached.length < 2 || classes.length === 0) return [];
  if (missing.length === 0) return [`the first wave has installs of all ${classes.length} classes`];
  const sum = (counts: readonly number[]) => counts.reduce((all, one) => all + one, 0);
  const named = missing.slice(0, MOST_NAMED).map(({ name, reached: counts }) => `${name} (${sum(counts)})`);
  const more = missing.length > named.length ? ` and ${missing.length - named.length} more` : '';
  return [
    `the first wave has installs of ${classes.length - missing.length} of ${classes.length} classes; of ${named.join(', ')}${more} it has none`,
  ];
}
