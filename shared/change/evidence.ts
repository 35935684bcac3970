// How strongly counts speak against a release: a test that may be repeated after every report, and one that compares silence.

/** Deployments that say something of a release. */
export interface Trials {
  readonly all: number;
  readonly wrong: number;
}

/**
 * How much better some higher rate explains what is seen than the tolerated one does: the likelihood averaged over all rates,
 * by the likelihood at `share`. Whatever the true rate up to `share`, the chance that this number ever reaches N while
 * deployments come in is at most 1/N (Ville's inequality), so nobody has to say beforehand when, or how often, they will look.
 * 0 where no more than the share went wrong.
 */
export function evidenceAgainst({ all, wrong }: Trials, share: number): number {
  if (wrong <= share * all) return 0;
  if (share === 0) return Number.POSITIVE_INFINITY;
  const tolerated = wrong * Math.log(share) + (all - wrong) * Math.log(1 - share);
  // The average of p^wrong · (1 - p)^right over p from 0 to 1.
  const average = -Math.log(all + 1) - logChoose(all, wrong);
  return Math.exp(Math.min(average - tolerated, LARGEST));
}

/** Of e; more would be infinite. */
const LARGEST = 700;

/** Those of one kind, and how many of them are not heard of any more. */
export interface Silence {
  readonly all: number;
  readonly silent: number;
}

/**
 * The chance that at least so many of the first kind are silent if being of that kind had nothing to do with it (Fisher's exact
 * test, one-sided).
 */
export function chanceOfSilence(exposed: Silence, others: Silence): number {
  const all = exposed.all + others.all;
  const silent = exposed.silent + others.silent;
  const most = Math.min(exposed.all, silent);
  let sum = 0;
  for (let k = exposed.silent; k <= most; k++) {
    const ways =
      logChoose(silent, k) + logChoose(all - silent, exposed.all - k) - logChoose(all, exposed.all);
    const chance = Math.exp(ways);
    sum += chance;
    // What follows is smaller still, and no longer counts.
    if (chance < sum * 1e-9) break;
  }
  return Math.min(1, sum);
}

/** The natural logarithm of n over k. */
function logChoose(n: number, k: number): number {
  return k < 0 || k > n ? Number.NEGATIVE_INFINITY : logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** Stirling's series: what is left out of it is below 4e-11. */
function logFactorial(n: number): number {
  if (n < 10) return Math.log(SMALL[n] ?? 1);
  const x = n + 1;
  const rest = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1_260 * x ** 5);
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + rest;
}

const SMALL = [1, 1, 2, 6, 24, 120, 720, 5_040, 40_320, 362_880];
