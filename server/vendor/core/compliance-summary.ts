// What a report of compliance comes to: how many were exposed, told, offered and fixed, and how long it took those that were.
import { z } from 'zod';
import { durationMs, type EpochMs, instantMs } from '../../../shared/encoding/instant.ts';
import {
  CASE_STATES,
  type ComplianceAdvisory,
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
  /** Of which something is, and not from the publication or its first day up to the end. */
  partly: count,
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

/** Also of advisories that affected nobody. */
export function summarize(
  installs: readonly ComplianceInstall[],
  advisories: readonly Pick<ComplianceAdvisory, 'id' | 'published'>[],
): ComplianceSummary {
  const first = firstPublished(advisories);
  const cases = installs.flatMap((install) => install.cases);
  const of = Map.groupBy(cases, ({ advisory }) => advisory);
  return {
    installs: new Set(installs.map(({ id }) => id)).size,
    affected: new Set(installs.filter((one) => one.cases.length > 0).map(({ id }) => id)).size,
    unheard: installs.filter(isUnheard).length,
    partly: installs.filter((one) => knownPart(one, first) !== null).length,
    ...countCases(cases),
    byAdvisory: advisories.map(({ id }) => ({ advisory: id, ...countCases(of.get(id) ?? []) })),
  };
}

/** Nobody can say whether it was affected. */
export function isUnheard({ known, to }: Pick<ComplianceInstall, 'known' | 'to'>): boolean {
  return known === null || instantMs(known) >= instantMs(to);
}

export function firstPublished(advisories: readonly Pick<ComplianceAdvisory, 'published'>[]): EpochMs {
  return Math.min(...advisories.map(({ published }) => instantMs(published)));
}

/** As for silence: who was heard within a day was heard. */
const HEARD_WITHIN_MS = durationMs('P1D');

/** Null where all of its time is known in which there was an advisory: of another nobody can say that it was not affected. */
export function knownPart(
  install: Pick<ComplianceInstall, 'known' | 'from' | 'to' | 'silent'>,
  first: EpochMs,
): { readonly since: string | null; readonly until: string | null } | null {
  const { known, from, silent } = install;
  if (known === null || isUnheard(install)) return null;
  const begin = Math.max(instantMs(from), Number.isFinite(first) ? first : 0);
  const since = instantMs(known) > begin + HEARD_WITHIN_MS ? known : null;
  const until = silent.find(({ to }) => to === null)?.from ?? null;
  return since === null && until === null ? null : { since, until };
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
