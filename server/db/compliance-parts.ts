// When an install was there in a period, whose it was, and when nothing was heard of it.
import type { Digest } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import type { ComplianceInstall } from '../../shared/protocol/compliance.ts';
import type { JudgedAdvisory, SaidSpan } from '../core/compliance-facts.ts';
import { SILENT_MS } from './report-events.ts';
import type { Proof, SpanRow } from './span-row.ts';
import type { Tables } from './tables.ts';

export interface ComplianceQuestion {
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Whose; undefined for everybody. */
  readonly customer: string | undefined;
  readonly advisories: readonly JudgedAdvisory[];
}

export const CANDIDATE = ['id', 'name', 'customer', 'enrolled_at', 'last_seen', 'twins_heard'] as const;
export type Candidate = Pick<Tables['instances'], (typeof CANDIDATE)[number]>;

interface Time {
  readonly from: EpochMs;
  readonly to: EpochMs;
}

/** What the audit log says of it. */
export interface Stay {
  /** Null while it is there. */
  readonly left: NonNullable<ComplianceInstall['left']> | null;
  readonly isolated: readonly Time[];
  readonly cloned: Time | null;
}

/** `acts` in their order. A move is the agent's own word, and over once it is heard again. */
export function stayOf(one: Candidate, acts: readonly Tables['audit'][], to: EpochMs): Stay {
  let left: Stay['left'] = null;
  let [isolatedSince, twinned]: [EpochMs | null, EpochMs | null] = [null, null];
  const isolated: Time[] = [];
  for (const { action, at, sequence, digest } of acts) {
    const ms = instantMs(at);
    if (ms >= to) break;
    const entry = { sequence: Number(sequence), digest: digest as Digest };
    if (isolatedSince !== null) isolated.push({ from: isolatedSince, to: ms });
    isolatedSince = action === 'instance.isolated' ? ms : null;
    if (action === 'instance.retired') left = { at, why: 'retired', entry };
    else if (action === 'instance.moved' && !isHeardAfter(one, ms)) left ??= { at, why: 'moved', entry };
    else if (action === 'instance.restored') left = null;
    else if (action === 'identity.twinned') twinned = ms;
  }
  if (isolatedSince !== null) isolated.push({ from: isolatedSince, to });
  const last = one.twins_heard === null ? twinned : instantMs(one.twins_heard);
  const cloned =
    twinned === null ? null : { from: twinned, to: Math.max(twinned, Math.min(to, last ?? twinned)) };
  return { left, isolated, cloned };
}

/** Its last report says that it goes; one that stays goes on reporting. */
function isHeardAfter({ last_seen: seen }: Candidate, moved: EpochMs): boolean {
  return seen !== null && instantMs(seen) > moved + SILENT_MS;
}

export interface StayPart extends Time {
  /** From when on, which may be before the period. */
  readonly there: EpochMs;
  /** Where it was another customer's before, the same; otherwise 0. */
  readonly theirs: EpochMs;
  readonly left: ComplianceInstall['left'];
}

/** Mostly one; none where it was not there, or never theirs, in the period. */
export function partsOf(
  one: Candidate,
  { left }: Stay,
  rows: readonly SpanRow[],
  { from, to, customer }: Pick<ComplianceQuestion, 'from' | 'to' | 'customer'>,
): readonly StayPart[] {
  const enrolled = instantMs(one.enrolled_at);
  const gone = left === null ? Number.POSITIVE_INFINITY : instantMs(left.at);
  const owned =
    customer === undefined
      ? [{ from: enrolled, to: Number.POSITIVE_INFINITY }]
      : ownedBy(one, rows, customer);
  return owned.flatMap((own) => {
    const there = Math.max(own.from, enrolled);
    const theirs = own.from > enrolled ? own.from : 0;
    const part = { there, theirs, from: Math.max(there, from), to: Math.min(own.to, gone, to) };
    if (part.from >= part.to) return [];
    if (part.to === to) return [{ ...part, left: null }];
    return [{ ...part, left: own.to < gone ? passedOn(own.to) : left }];
  });
}

function passedOn(at: EpochMs): StayPart['left'] {
  return { at: formatInstantMs(at), why: 'customer', entry: null };
}

/** What came with an enrolment has no row while it stays. */
function ownedBy(one: Candidate, rows: readonly SpanRow[], customer: string): readonly Time[] {
  const owned = rows
    .filter(({ kind, subject }) => kind === 'owned' && subject === customer)
    .map(({ since, until }) => ({
      from: instantMs(since),
      to: until === null ? Number.POSITIVE_INFINITY : instantMs(until),
    }));
  const isOpen = owned.some(({ to }) => to === Number.POSITIVE_INFINITY);
  if (one.customer !== customer || isOpen || owned.length > 0) return owned;
  return [{ from: instantMs(one.enrolled_at), to: Number.POSITIVE_INFINITY }];
}

/** Longer than a day each; the last has no end where it lasts. */
export function silencesOf(
  { last_seen: seen, enrolled_at: enrolled }: Candidate,
  rows: readonly SpanRow[],
  end: EpochMs,
): readonly { readonly from: string; readonly to: string | null }[] {
  const ended = rows
    .filter(({ kind, since }) => kind === 'silent' && instantMs(since) < end - SILENT_MS)
    .map(({ since, until }) => ({
      from: since,
      to: until === null || instantMs(until) > end ? null : until,
    }));
  const last = seen ?? enrolled;
  return instantMs(last) < end - SILENT_MS ? [...ended, { from: last, to: null }] : ended;
}

/** What it said before it was theirs is nobody's business but that of those whose it was then. */
export function spansIn(spans: readonly SaidSpan[], { theirs }: StayPart): readonly SaidSpan[] {
  return spans
    .filter(({ until }) => until >= theirs)
    .map((span) => {
      if (span.since >= theirs) return span;
      const sinceSaid = { sequence: null, report: null };
      return { ...span, since: theirs, sinceAt: formatInstantMs(theirs), sinceSaid, heardBefore: null };
    });
}

/** Null where that was in the time of another customer. */
export function atIn(at: string | null, { theirs, to, left }: StayPart): string | null {
  if (at === null || instantMs(at) < theirs) return null;
  return left?.why === 'customer' && instantMs(at) > to ? null : at;
}

/** The part of a time that was theirs. */
export function timeIn(time: Time | null, { theirs, to }: StayPart) {
  if (time === null || time.from > to || time.to < theirs) return null;
  return { from: formatInstantMs(Math.max(time.from, theirs)), to: formatInstantMs(Math.min(time.to, to)) };
}

export function saidSpanOf(row: SpanRow): SaidSpan {
  const proof = row.proof === null ? null : (JSON.parse(row.proof) as Proof);
  // Where the clock went back in between, it was so at the latest when it ended.
  const sinceAt = row.until !== null && row.until < row.since ? row.until : row.since;
  return {
    ...{ kind: row.kind, subject: row.subject, value: row.value, detail: row.detail },
    // What this server wrote itself needs no second look.
    ...{ since: sinceAt === '' ? 0 : Date.parse(sinceAt), sinceAt },
    sinceSaid: { sequence: numberOf(row.since_sequence), report: row.since_report },
    heardBefore: row.heard_before === null ? null : Date.parse(row.heard_before),
    until: row.until === null ? Number.POSITIVE_INFINITY : Date.parse(row.until),
    untilAt: row.until ?? '',
    untilSaid: { sequence: numberOf(row.until_sequence), report: row.until_report },
    proof: proof === null ? null : { ...proof, at: Date.parse(proof.at), told: Date.parse(proof.told) },
  };
}

/** PostgreSQL gives large numbers as text. */
function numberOf(value: number | null): number | null {
  return value === null ? null : Number(value);
}
