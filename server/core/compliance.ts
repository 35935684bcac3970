// What became of each hole on one install in a period, by what it said then: pure, from spans to a judgement.
import { isAffected } from '../../shared/compile/exposure.ts';
import type { Digest } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import type { ComplianceExposure, ComplianceInstall, OfferedBy } from '../../shared/protocol/compliance.ts';
import type { Advisory } from '../../shared/schema/advisory.ts';
import type { Version } from '../../shared/version/version.ts';
import type { JudgedAdvisory, JudgedInstall, SaidSpan } from './compliance-facts.ts';
import type { OfferDetail } from './said.ts';

type Reason = ComplianceInstall['reasons'][number];

/** Whoever judges many installs by the same advisories looks each version up once. */
export type Affects = (advisory: Advisory, component: string, version: string) => boolean;

export function createAffects(): Affects {
  const known = new Map<string, boolean>();
  return (advisory, component, version) => {
    const key = `${advisory.id} ${component} ${version}`;
    const found = known.get(key) ?? isAffected(advisory, component, version as Version);
    known.set(key, found);
    return found;
  };
}

export interface Judgement {
  readonly cases: readonly ComplianceExposure[];
  readonly reasons: readonly Reason[];
}

/** In the order of the advisories; none of those that affected nothing here while they stood. */
export function judgeInstall(
  install: JudgedInstall,
  advisories: readonly JudgedAdvisory[],
  affects: Affects,
): Judgement {
  const known = knownOf(install);
  const given = Map.groupBy(ofKind(install, 'reason'), reasonKey);
  const used = new Map<string, number>();
  const cases = advisories.flatMap((advisory) => {
    const affected = advisory.document.affected.flatMap(({ component }) => known.runs.get(component) ?? []);
    const ran = [...new Set(affected)].filter(({ subject, value }) =>
      affects(advisory.document, subject, value),
    );
    const found = ran.length === 0 ? null : judge(install, advisory, ran, known);
    if (found === null) return [];
    const { end, ...one } = found;
    const kept = [...given].filter(([, spans]) =>
      spans.some((span) => span.since < end && span.until > instantMs(one.since)),
    );
    for (const [key] of kept) if (!used.has(key)) used.set(key, used.size);
    return [{ ...one, deferred: kept.map(([key]) => used.get(key) ?? 0) }];
  });
  return { cases, reasons: [...used.keys()].map((key) => reasonOf(given.get(key) ?? [], install.to)) };
}

/** The same reason with another message is the same. */
function reasonKey({ subject, value, detail }: SaidSpan): string {
  const { owner } = JSON.parse(detail ?? '{}') as Pick<Reason, 'owner'>;
  return JSON.stringify([subject, value, owner]);
}

/** Of one, whenever it was given: from the first time to the last. */
function reasonOf(spans: readonly SaidSpan[], to: EpochMs): Reason {
  const [first, last] = [spans[0], spans.at(-1)];
  const { owner, message } = JSON.parse(last?.detail ?? '{}') as Pick<Reason, 'owner' | 'message'>;
  const until = Math.max(...spans.map((one) => one.until));
  return {
    ...{ code: first?.subject ?? '', owner, source: first?.value ?? '', message, times: spans.length },
    ...{
      from: formatInstantMs(first?.since ?? to),
      to: until >= to ? null : formatInstantMs(until),
    },
  };
}

/** Looked at once for all advisories. */
interface KnownSpans {
  /** By component, by advisory, and in their order. */
  readonly runs: ReadonlyMap<string, readonly SaidSpan[]>;
  readonly named: ReadonlyMap<string, readonly SaidSpan[]>;
  readonly offers: readonly SaidSpan[];
}

function knownOf(install: JudgedInstall): KnownSpans {
  return {
    runs: Map.groupBy(ofKind(install, 'runs'), ({ subject }) => subject),
    named: Map.groupBy(ofKind(install, 'named'), ({ subject }) => subject),
    offers: ofKind(install, 'offer').toSorted((a, b) => a.since - b.since),
  };
}

function ofKind({ spans, to }: JudgedInstall, wanted: string): readonly SaidSpan[] {
  return spans.filter(({ kind, since }) => kind === wanted && since < to);
}

function judge(
  install: JudgedInstall,
  { document, published, withdrawn }: JudgedAdvisory,
  affected: readonly SaidSpan[],
  { runs, named, offers }: KnownSpans,
) {
  const end = Math.min(install.to, withdrawn);
  const begin = Math.max(published, install.from);
  const ran = affected.filter(({ since, until }) => since < end && until > begin);
  const [first] = ran.toSorted((a, b) => a.since - b.since);
  if (first === undefined) return null;
  const since = Math.max(published, firstOf(affected, published), install.there);
  const open = ran.some(({ until }) => until >= end);
  const fixed = open ? null : fixOf(ran, runs, since, end);
  const isKnown = fixed !== null && fixed.version !== null && !isDoubtful(install, fixed);
  const state = open ? stateOpen(install, end) : isKnown ? 'fixed' : 'unknown';
  return {
    advisory: document.id,
    state,
    since: formatInstantMs(Math.min(since, end)),
    ran: ran.map((span) => ({
      ...{ component: span.subject, version: span.value, from: span.sinceAt },
      to: span.until >= end ? null : span.untilAt,
    })),
    told: firstSaid((named.get(document.id) ?? []).filter(({ since: at }) => at < end)),
    offered: offerOf(offers, document, { since, end, plan: fixed?.record?.plan ?? null }),
    fixed: state === 'fixed' ? fixed : null,
    unknown: state === 'unknown' ? unknownOf(install, fixed) : null,
    end: fixed === null ? end : instantMs(fixed.seen.at),
  } satisfies Omit<ComplianceExposure, 'deferred'> & { readonly end: EpochMs };
}

/** Since the hole is known and something that has it runs, without a break. */
function firstOf(affected: readonly SaidSpan[], published: EpochMs): EpochMs {
  return Math.min(...affected.filter(({ until }) => until > published).map(({ since }) => since));
}

function stateOpen({ to, hasLeft, silentSince }: JudgedInstall, end: EpochMs): ComplianceExposure['state'] {
  if (end < to) return 'withdrawn';
  if (hasLeft) return 'left';
  return silentSince === null ? 'exposed' : 'unknown';
}

type Fixed = NonNullable<ComplianceExposure['fixed']>;

/** Two agents spoke in turns for it, until after it was said to be fixed: which of them was? */
function isDoubtful({ cloned }: JudgedInstall, fixed: Fixed | null): boolean {
  return fixed !== null && cloned !== null && instantMs(fixed.seen.at) <= cloned.to;
}

function unknownOf(install: JudgedInstall, fixed: Fixed | null): ComplianceExposure['unknown'] {
  const { silentSince, isIsolated, cloned, to } = install;
  if (fixed?.version === null) return { since: fixed.seen.at, why: 'unproven' };
  if (fixed !== null) return { since: formatInstantMs(cloned?.from ?? to), why: 'cloned' };
  return { since: formatInstantMs(silentSince ?? to), why: isIsolated ? 'isolated' : 'silent' };
}

/** A clock that is off by no more than this is not called wrong. */
const CLOCKS_DIFFER_MS = 5 * 60_000;

/**
 * By the last of the affected components, and what came in its place. Its `version` is null where one of them is only no longer named:
 * a report that names nothing mends nothing.
 */
function fixOf(
  ran: readonly SaidSpan[],
  runs: ReadonlyMap<string, readonly SaidSpan[]>,
  since: EpochMs,
  end: EpochMs,
): Fixed | null {
  const last = new Map(ran.toSorted((a, b) => a.until - b.until).map((span) => [span.subject, span]));
  const over = [...last.values()].map((span) => {
    const next = runs.get(span.subject)?.find((one) => one.since >= span.until && one !== span) ?? null;
    return { span, next, at: next?.since ?? Number.POSITIVE_INFINITY };
  });
  const [newest] = over.toSorted((a, b) =>
    a.at === b.at ? b.span.until - a.span.until : b.at > a.at ? 1 : -1,
  );
  if (newest === undefined) return null;
  const { span, next } = newest;
  const proof = next?.proof ?? null;
  const isBelieved =
    proof !== null &&
    proof.at >= Math.max(since, (next?.heardBefore ?? since) - CLOCKS_DIFFER_MS) &&
    proof.at <= Math.min(end, proof.told + CLOCKS_DIFFER_MS);
  const seen =
    next === null ? { at: span.untilAt, ...span.untilSaid } : { at: next.sinceAt, ...next.sinceSaid };
  return {
    at: isBelieved ? formatInstantMs(proof.at) : seen.at,
    clock: isBelieved ? 'install' : 'server',
    version: next?.value ?? null,
    seen,
    record:
      proof === null
        ? null
        : { id: proof.record, plan: proof.plan as Digest, digest: proof.digest as Digest },
  };
}

function firstSaid(spans: readonly SaidSpan[]): ComplianceExposure['told'] {
  const [first] = spans.toSorted((a, b) => a.since - b.since);
  return first === undefined ? null : { at: first.sinceAt, ...first.sinceSaid };
}

interface Open {
  readonly since: EpochMs;
  readonly end: EpochMs;
  /** Of the deployment that mended it: an offer of this plan held the fix, whatever its report said. */
  readonly plan: string | null;
}

/** What names the advisory, or was what mended it, goes before an update of which nobody can say. */
function offerOf(all: readonly SaidSpan[], { id, severity }: Advisory, { since, end, plan }: Open) {
  const offers = all
    .filter((span) => span.since < end && span.until > since)
    .map((span) => ({ span, detail: JSON.parse(span.detail ?? '{}') as OfferDetail }));
  const isMeant = ({ span, detail }: (typeof offers)[number]) =>
    span.subject === plan ||
    (detail.advisories.length > 0
      ? detail.advisories.includes(id)
      : span.value === 'order' && severity === 'critical');
  const found = offers.find(isMeant) ?? offers.find(({ span }) => span.value === 'update');
  if (found === undefined) return null;
  const { span, detail } = found;
  return {
    ...{ at: span.sinceAt, ...span.sinceSaid, by: span.value as OfferedBy },
    ...{ plan: span.subject as Digest, manifest: detail.manifest as Digest },
  };
}
