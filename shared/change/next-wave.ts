// How far the next wave of a rollout may go, from plain statistics: what failed so far says how bad it can still be, and how many installs it takes to know that it is good enough.
//
// One-sided bound of Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial"
// (Biometrika 26, 1934): with 95 % of confidence the share that fails is below it, whatever the release is like.
import { count } from '../errors/entry.ts';
import type { Trials } from './evidence.ts';

const CONFIDENCE = 0.95;
/** A wave holds at most so many times the installs that the one before did, however well that went. */
const LONGEST_STRIDE = 10;

export interface Standing {
  /** Installs that took the release and say how it went, and at how many it went wrong. */
  readonly trials: Trials;
  /** Share from 0 to 1 that may go wrong: the change's Definition of Done. */
  readonly tolerance: number;
  /** Installs that the rollout is for. */
  readonly eligible: number;
}

export interface NextWave {
  /** With 95 % of confidence no larger share goes wrong; from 0 to 1. */
  readonly atMost: number;
  /** Installs in all that must have taken it, without another failure, for that to be within the tolerance; null: none can. */
  readonly needed: number | null;
  /** Percent of the eligible installs; null where it should not go on. */
  readonly percent: number | null;
  readonly why: string;
}

export function suggestWave(standing: Standing): NextWave {
  const { trials, tolerance, eligible } = standing;
  const { all: ended, wrong: failed } = trials;
  const atMost = upperBound(failed, ended);
  const said = `${failed} of ${count(ended, 'install')} went wrong`;
  if (ended > 0 && failed > tolerance * ended) {
    const why = `${said}, more than the ${percentOf(tolerance)} that may: stop it, or find out why first`;
    return { atMost, needed: null, percent: null, why };
  }
  if (atMost <= tolerance) {
    const why = `${said}: with 95 % of confidence at most ${percentOf(atMost)} go wrong, within the ${percentOf(tolerance)} that may`;
    return { atMost, needed: ended, percent: 100, why };
  }
  const needed = installsNeeded(failed, tolerance, ended);
  const reached = Math.min(needed ?? Number.POSITIVE_INFINITY, Math.max(1, ended) * LONGEST_STRIDE);
  const percent = eligible === 0 ? 100 : Math.min(100, Math.ceil((100 * reached) / eligible));
  const known =
    ended === 0 ? 'nothing is known of it yet' : `${said}: up to ${percentOf(atMost)} may go wrong`;
  const aim = needed === null ? 'no number of installs can show that it is good enough' : enough(needed);
  return { atMost, needed, percent, why: `${known}; ${aim}` };
}

function enough(needed: number): string {
  return `${count(needed, 'install')} in all without another failure would show that it is good enough`;
}

/** The share that fails is below it with 95 % of confidence; 1 while nothing is known. */
export function upperBound(failed: number, of: number): number {
  if (of === 0 || failed >= of) return 1;
  if (failed === 0) return 1 - (1 - CONFIDENCE) ** (1 / of);
  let [low, high] = [failed / of, 1];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (atMostFail(failed, of, middle) > 1 - CONFIDENCE) low = middle;
    else high = middle;
  }
  return high;
}

/** Above this nobody has installs. */
const MOST_INSTALLS = 2 ** 27;

function installsNeeded(failed: number, tolerance: number, atLeast: number): number | null {
  if (tolerance <= 0 || upperBound(failed, MOST_INSTALLS) > tolerance) return null;
  let [low, high] = [Math.max(atLeast, failed), MOST_INSTALLS];
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2);
    if (upperBound(failed, middle) > tolerance) low = middle;
    else high = middle;
  }
  return high;
}

/** Chance that at most so many fail of so many, when each does with this chance. */
function atMostFail(failed: number, of: number, chance: number): number {
  let term = of * Math.log1p(-chance);
  let sum = Math.exp(term);
  for (let i = 1; i <= failed; i++) {
    term += Math.log(of - i + 1) - Math.log(i) + Math.log(chance) - Math.log1p(-chance);
    sum += Math.exp(term);
  }
  return sum;
}

function percentOf(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}
