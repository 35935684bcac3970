// Judging health: N successes in a row make a probe healthy, M failures in a row after the start period unhealthy.
import { patienceMs } from '../../../shared/compile/declared-times.ts';
import type { Asked, Question } from '../../../shared/schema/probes/probes.ts';

/** Times in milliseconds. */
export interface ProbeRule {
  readonly startPeriodMs: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly successes: number;
  readonly failures: number;
}

/** Consecutive results, newest kind only. */
export interface Tally {
  readonly successes: number;
  readonly failures: number;
}

export const NO_RESULTS: Tally = { successes: 0, failures: 0 };

export function count(tally: Tally, healthy: boolean, inStartPeriod: boolean): Tally {
  if (healthy) return { successes: tally.successes + 1, failures: 0 };
  return { successes: 0, failures: inStartPeriod ? 0 : tally.failures + 1 };
}

/** `elapsedMs` since the service started; a probe that only ever wavers is unhealthy in the end. */
export function judge(
  rule: ProbeRule,
  tally: Tally,
  elapsedMs: number,
): 'healthy' | 'unhealthy' | 'undecided' {
  if (tally.successes >= rule.successes) return 'healthy';
  if (tally.failures >= rule.failures || elapsedMs > patienceOf(rule)) return 'unhealthy';
  return 'undecided';
}

function patienceOf({ startPeriodMs, intervalMs, timeoutMs, successes, failures }: ProbeRule): number {
  return patienceMs(startPeriodMs, successes + failures, intervalMs + timeoutMs);
}

/** A command of the release: it runs in the tree, with the service's environment and account. */
export interface Command extends Asked<'exec'> {
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly dataDirectory: string;
  readonly user: string | null;
  readonly timeoutMs: number;
  /** Asked again and again: it may run as what its account was within the last seconds. */
  readonly isRecurring?: true;
}

/** A question with what it takes to ask it here. */
export type Probe = (Exclude<Question, Asked<'exec'>> & { readonly timeoutMs: number }) | Command;
