// The judge of a rollout: whether what the fleet reports says that the release goes wrong more often than its change tolerates.
import { count } from '../errors/entry.ts';
import type { ChangeRecord, FleetCounts } from './change.ts';
import { chanceOfSilence, evidenceAgainst, type Silence, type Trials } from './evidence.ts';

/** How a release fares among some installs. */
export interface Fare {
  readonly counts: FleetCounts;
  /** Null where nobody compared. */
  readonly silence: Comparison | null;
}

/** Of the installs that were heard when it began: those that were offered the release since, and all others. */
export interface Comparison {
  readonly offered: Silence;
  readonly others: Silence;
}

export interface ClassFare extends Fare {
  /** Such as `os=linux/arm64`; classes may overlap. */
  readonly name: string;
}

export interface Finding {
  readonly cause: 'rate' | 'silence';
  /** Among which installs; null for all. */
  readonly class: string | null;
  /** One line for people: what is seen, and how likely that would be by chance. */
  readonly text: string;
}

export type Judgement =
  | { readonly kind: 'goes-on' }
  /** For whom: one class when the others show that it is theirs alone; null for all. */
  | { readonly kind: 'stop'; readonly class: string | null; readonly findings: readonly Finding[] };

/** Of twenty releases that go wrong exactly as often as they may, one is stopped without need: it waits for a person's look. */
const RATE_EVIDENCE = 20;
/** Silence has many causes, and is looked at again every minute. */
const SILENCE_CHANCE = 1 / 1_000;
/** What is assumed where few others are there to compare with: that one of twenty is silent whatever anybody does. */
const ASSUMED: Silence = { all: 20, silent: 1 };
/** Fewer others than that do not clear a release for themselves. */
const ENOUGH_OTHERS = 10;

/** Of a thousand installs twenty, of ten none: few enough that waves notice a bad release while few have it. */
export const DEFAULT_TOLERANCE = '2%';

/** The change's Definition of Done: the share, from 0 to 1, of deployments that may go wrong through the release. */
export function toleranceOf({ tolerance = DEFAULT_TOLERANCE }: Pick<ChangeRecord, 'tolerance'>): number {
  return shareOf(tolerance) ?? 0;
}

/** `2%`, `0.5%` → a share from 0 to 1; null for anything else. */
export function shareOf(text: string): number | null {
  const percent = /^(\d{1,3}(?:\.\d{1,2})?)%$/.exec(text)?.[1];
  return percent !== undefined && Number(percent) <= 100 ? Number(percent) / 100 : null;
}

/**
 * By rate, with time-outs and leaks, and by silence; of everybody, and of each class. What the machines did by themselves
 * counts neither way. The more classes are looked at, the more each must show.
 */
export function judgeRollout(tolerance: number, all: Fare, classes: readonly ClassFare[] = []): Judgement {
  const ofAll = findingsOf(all, null, tolerance, 1);
  const guilty = classes.flatMap((one) => {
    const findings = findingsOf(one, one.name, tolerance, classes.length);
    return findings.length === 0 ? [] : [{ one, findings }];
  });
  if (ofAll.length === 0 && guilty.length === 0) return { kind: 'goes-on' };
  const findings = [...ofAll, ...guilty.flatMap((each) => each.findings)];
  const alone = guilty.filter(({ one }) => isClearWithout(all, one, tolerance));
  const [only] = alone;
  return {
    kind: 'stop',
    class: only !== undefined && alone.length === 1 ? only.one.name : null,
    findings,
  };
}

/** What says something of the release: of these so many went wrong through it. */
export function trialsOf(counts: FleetCounts): Trials {
  const { committed, rolledBack, failed, environment = 0, overdue = 0, degraded = 0 } = counts;
  const ended = rolledBack + failed - environment;
  return { all: committed + ended + overdue, wrong: ended + overdue + degraded };
}

/** Whether more than this share of the deployments went wrong: of all there will be, not of a part that is to tell of the rest. */
export function exceedsShare(counts: FleetCounts, share: number): boolean {
  const { all, wrong } = trialsOf(counts);
  return wrong > share * all;
}

function findingsOf(
  { counts, silence }: Fare,
  name: string | null,
  tolerance: number,
  looks: number,
): readonly Finding[] {
  const where = name === null ? '' : ` of ${name}`;
  const trials = trialsOf(counts);
  const evidence = evidenceAgainst(trials, tolerance);
  const findings: Finding[] = [];
  if (evidence >= RATE_EVIDENCE * looks) {
    const text = `${trials.wrong} of ${count(trials.all, 'deployment')}${where} went wrong${partsOf(counts)}, ${oddsOf(1 / evidence)}`;
    findings.push({ cause: 'rate', class: name, text });
  }
  const chance = silence === null ? 1 : chanceOf(silence, tolerance);
  if (silence !== null && chance <= SILENCE_CHANCE / looks) {
    const { offered, others } = silence;
    const those = `${offered.silent} of ${count(offered.all, 'install')}${where} that were offered it are silent`;
    const text = `${those}, of the others ${others.silent} of ${others.all}, ${oddsOf(chance)}`;
    findings.push({ cause: 'silence', class: name, text });
  }
  return findings;
}

/** Large fleets show differences that are real and small: up to the tolerance nobody is stopped for them. */
function chanceOf({ offered, others }: Comparison, tolerance: number): number {
  const beyond = offered.silent - (offered.all * others.silent) / Math.max(1, others.all);
  if (beyond <= tolerance * offered.all) return 1;
  return chanceOfSilence(offered, {
    all: others.all + ASSUMED.all,
    silent: others.silent + ASSUMED.silent,
  });
}

function isClearWithout(all: Fare, one: Fare, tolerance: number): boolean {
  const [whole, part] = [trialsOf(all.counts), trialsOf(one.counts)];
  const others = { all: whole.all - part.all, wrong: whole.wrong - part.wrong };
  const silent = all.silence === null ? null : withoutSilence(all.silence, one.silence);
  return (
    others.all >= ENOUGH_OTHERS &&
    others.wrong <= tolerance * others.all &&
    (silent === null || chanceOf(silent, tolerance) > SILENCE_CHANCE)
  );
}

function withoutSilence(whole: Comparison, part: Comparison | null): Comparison {
  if (part === null) return whole;
  const without = (from: Silence, what: Silence) => ({
    all: from.all - what.all,
    silent: from.silent - what.silent,
  });
  return { offered: without(whole.offered, part.offered), others: without(whole.others, part.others) };
}

function partsOf({ overdue = 0, degraded = 0 }: FleetCounts): string {
  const parts = [
    ...(overdue === 0 ? [] : [`${overdue} without an end`]),
    ...(degraded === 0 ? [] : [`${degraded} after ${degraded === 1 ? 'its' : 'their'} commit`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/** To two digits: nobody acts on the third. */
function oddsOf(chance: number): string {
  if (chance <= 1e-9) return 'which is no chance';
  const odds = Number((1 / chance).toPrecision(2));
  return `by chance at most once in ${odds.toLocaleString('en')}`;
}
