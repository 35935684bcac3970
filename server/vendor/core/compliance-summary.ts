// What a report of compliance comes to: how many were exposed, told, offered and fixed, and how long it took those that were.
import { z } from 'zod';
import { instantMs } from '../../../shared/encoding/instant.ts';
import {
  CASE_STATES,
  type ComplianceExposure,
  type ComplianceInstall,
} from '../../../shared/protocol/compliance.ts';
import { digest, instant } from '../../../shared/schema/common.ts';

const count = z.int().min(0);
const ms = z.number().nullable();

/** Of cases: one advisory on one install. */
const counts = {
  cases: count,
  ...{ fixed: count, exposed: count, unknown: count, left: count, withdrawn: count },
  ...{ told: count, offered: count, deferred: count },
  /** From the publication to the fix, milliseconds: of those that were fixed, and how many were not. */
  time: z.strictObject({ applied: count, not: count, p50: ms, p90: ms, p95: ms, max: ms }),
};

export const complianceSummary = z.strictObject({
  installs: count,
  /** Of which some advisory affected one. */
  affected: count,
  /** Of which nothing is known in the period: never heard, or before anything was kept. */
  unheard: count,
  ...counts,
  byAdvisory: z.array(z.strictObject({ advisory: z.string(), ...counts })),
});

/** What the commands that make a report answer. */
const answer = {
  ...{ kind: z.enum(['compliance', 'cra']), subject: z.string(), summary: complianceSummary },
  period: z.strictObject({ from: instant, to: instant }),
  /** Of the report in JSON; null where it was not made in it, or this token may not write into the server's log. */
  ...{ digest, entry: count.nullable(), file: z.string().nullable() },
};
export const reported = { 'report compliance': answer, 'report cra': answer };

export type ComplianceSummary = z.output<typeof complianceSummary>;
export type CaseCounts = Omit<ComplianceSummary['byAdvisory'][number], 'advisory'>;

/** `advisories` by their ids: also those that affected nobody. */
export function summarize(
  installs: readonly ComplianceInstall[],
  advisories: readonly string[],
): ComplianceSummary {
  const cases = installs.flatMap((install) => install.cases);
  const of = Map.groupBy(cases, ({ advisory }) => advisory);
  return {
    installs: new Set(installs.map(({ id }) => id)).size,
    affected: new Set(installs.filter((one) => one.cases.length > 0).map(({ id }) => id)).size,
    unheard: installs.filter(isUnheard).length,
    ...countCases(cases),
    byAdvisory: advisories.map((advisory) => ({ advisory, ...countCases(of.get(advisory) ?? []) })),
  };
}

/** Nobody can say whether it was affected. */
export function isUnheard({ known, to }: Pick<ComplianceInstall, 'known' | 'to'>): boolean {
  return known === null || instantMs(known) >= instantMs(to);
}

function countCases(cases: readonly ComplianceExposure[]): CaseCounts {
  const byState = Map.groupBy(cases, ({ state }) => state);
  const states = Object.fromEntries(
    CASE_STATES.map((state) => [state, byState.get(state)?.length ?? 0]),
  ) as Record<(typeof CASE_STATES)[number], number>;
  const times = cases.flatMap((one) => tookMs(one) ?? []).sort((a, b) => a - b);
  return {
    cases: cases.length,
    ...states,
    told: cases.filter(({ told }) => told !== null).length,
    offered: cases.filter(({ offered }) => offered !== null).length,
    deferred: cases.filter(({ deferred }) => deferred.length > 0).length,
    time: {
      ...{ applied: times.length, not: cases.length - times.length },
      ...{ p50: nth(times, 0.5), p90: nth(times, 0.9), p95: nth(times, 0.95), max: nth(times, 1) },
    },
  };
}

/** Null where it is not fixed. */
export function tookMs({ fixed, since }: Pick<ComplianceExposure, 'fixed' | 'since'>): number | null {
  return fixed === null ? null : Math.max(0, instantMs(fixed.at) - instantMs(since));
}

/** The nearest rank: the smallest that this share of all did not exceed. */
function nth(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
