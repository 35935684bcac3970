// What the server does about an offer by its judgement: nothing, a halt, or the halt that it signed once more; and when its own was lifted.
import type { Judgement } from '../../shared/change/judge.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { MAX_HALT_MS } from '../../shared/schema/rollout.ts';

const HOUR_MS = 3_600_000;
/** Short, so that it ends by itself where nobody looks after the server; signed again in time while it has to be. */
const HALT_MS = 24 * HOUR_MS;
const RENEWED_BEFORE_MS = 12 * HOUR_MS;
/** What another process signed just now is perhaps not seen here yet. */
const UNSEEN_MS = 60_000;

/** A halt of a release that the server signed. */
export interface OwnHalt {
  readonly document: string;
  /** Whom it was for; null for all. */
  readonly class: string | null;
  readonly issued: EpochMs;
  readonly expires: EpochMs;
  readonly lifted: EpochMs | null;
}

export interface PublishedHalt {
  readonly document: string;
  readonly expires: EpochMs;
  /** It is limited to no class. */
  readonly isForAll: boolean;
}

/** What is to be signed: until when, and for whom; null for all. */
export interface WantedHalt {
  readonly until: EpochMs;
  readonly class: string | null;
}

export interface GuardFacts {
  /** Of this release, the newest first. */
  readonly own: readonly OwnHalt[];
  /** The halt of it that is published, whosever; null where there is none, or it has expired. */
  readonly published: PublishedHalt | null;
  /** An emergency order forces this release. */
  readonly isOrdered: boolean;
  readonly now: EpochMs;
}

/** The halt that was found gone, or another in its place, before its time. One that was signed just now is not lifted yet. */
export function findLifted(facts: GuardFacts): OwnHalt | null {
  const missing = findMissing(facts);
  return missing === null || isUnseen(missing, facts.now) ? null : missing;
}

function findMissing({ own: [newest], published, now }: GuardFacts): OwnHalt | null {
  if (newest === undefined || newest.lifted !== null || newest.expires <= now) return null;
  return published?.document === newest.document ? null : newest;
}

/** A clock that runs ahead of this one signed it just now, too. */
function isUnseen({ issued }: OwnHalt, now: EpochMs): boolean {
  return Math.abs(now - issued) < UNSEEN_MS;
}

/** Whoever lifted a halt has seen what it was signed for: only what came after counts. */
export function evidenceSince(own: readonly OwnHalt[], start: EpochMs): EpochMs {
  return Math.max(start, ...own.map(({ lifted }) => lifted ?? start));
}

/** Whom the server stops, and since when without a break. */
export interface Stopped {
  /** Null for all. */
  readonly class: string | null;
  readonly since: EpochMs;
}

/** By halts of its own; null where none is in force. */
export function stoppedBy(own: readonly OwnHalt[], now: EpochMs): Stopped | null {
  const [newest] = own;
  if (newest === undefined || newest.lifted !== null || newest.expires <= now) return null;
  let since = newest.issued;
  for (const one of own.slice(1)) {
    if (one.lifted !== null || one.class !== newest.class || one.expires < since) break;
    since = one.issued;
  }
  return { class: newest.class, since };
}

/**
 * The halt that is to be signed; null for none. Its own of a rollout it signs again until somebody lifts it. What stops one class
 * is widened to all once others are ill too. Else the vendor's own halt stands, whatever is judged. Against an emergency order 72
 * hours in all, as every agent counts: who wants more pauses or withdraws it with the key for releases.
 */
export function decideHalt(judged: Judgement, facts: GuardFacts): WantedHalt | null {
  const { own, published, isOrdered, now } = facts;
  const missing = findMissing(facts);
  if (missing !== null && isUnseen(missing, now)) return null;
  if (judged.kind === 'goes-on') return isOrdered ? null : keepHalt(facts);
  const isNarrow = isTooNarrow(judged.class, facts);
  if (published !== null && !isNarrow) {
    const isOurs = published.document === own[0]?.document;
    if (!isOurs || published.expires - now > RENEWED_BEFORE_MS) return null;
  }
  // Of two classes neither may be let go.
  const of = isNarrow ? null : judged.class;
  const wanted = now + HALT_MS;
  if (!isOrdered) return { until: wanted, class: of };
  const until = published === null ? now : published.expires;
  const end = Math.min(wanted, until + MAX_HALT_MS - haltedMs(own));
  // Who is ill is stopped at once, for as long as the others are at least.
  if (isNarrow) return { until: Math.max(until, end), class: of };
  return end - until < HOUR_MS ? null : { until: end, class: of };
}

/**
 * Once more, whatever is judged by now: the waves that came meanwhile would be offered the release in one breath, by what the first
 * of them said. That is for whoever lifts it to decide. An order's deadline does not wait for people.
 */
function keepHalt({ own: [newest], published, now }: GuardFacts): WantedHalt | null {
  if (newest === undefined || published?.document !== newest.document) return null;
  if (published.expires - now > RENEWED_BEFORE_MS) return null;
  return { until: now + HALT_MS, class: newest.class };
}

/** Of another class than is ill now. Which one the vendor's is for is the vendor's to say, unless everybody is ill. */
function isTooNarrow(of: string | null, { own: [newest], published }: GuardFacts): boolean {
  if (published === null || published.isForAll) return false;
  return of === null || (published.document === newest?.document && newest.class !== of);
}

/** In all, where they follow each other without counting a moment twice. */
function haltedMs(own: readonly OwnHalt[]): number {
  let [total, until] = [0, Number.NEGATIVE_INFINITY];
  for (const { issued, expires, lifted } of own.toReversed()) {
    const end = Math.min(expires, lifted ?? expires);
    total += Math.max(0, end - Math.max(issued, until));
    until = Math.max(until, end);
  }
  return total;
}

export function reasonOf(judged: Judgement & { readonly kind: 'stop' }): string {
  const told = judged.findings.filter((one) => judged.class === null || one.class === judged.class);
  return (told.length === 0 ? judged.findings : told)
    .slice(0, 3)
    .map(({ text }) => text)
    .join('; ')
    .slice(0, 280);
}
