// What the server does about an offer by its judgement: nothing, a halt, or the halt that it signed once more; and when its own was lifted.
import type { Judgement } from '../../shared/change/judge.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { MAX_HALT_MS } from '../../shared/schema/rollout.ts';

const HOUR_MS = 3_600_000;
/** Short, so that it ends by itself where nobody looks after the server; signed again in time while it has to be. */
const HALT_MS = 24 * HOUR_MS;
const RENEWED_BEFORE_MS = 12 * HOUR_MS;

/** A halt of a release that the server signed. */
export interface OwnHalt {
  readonly document: string;
  readonly issued: EpochMs;
  readonly expires: EpochMs;
  readonly lifted: EpochMs | null;
}

export interface GuardFacts {
  /** Of this release, the newest first. */
  readonly own: readonly OwnHalt[];
  /** The halt of it that is published, whosever; null where there is none, or it has expired. */
  readonly published: { readonly document: string; readonly expires: EpochMs } | null;
  /** An emergency order forces this release. */
  readonly isOrdered: boolean;
  readonly now: EpochMs;
}

/** The halt that was found gone, or another in its place, before its time. */
export function findLifted({ own, published, now }: GuardFacts): OwnHalt | null {
  const [newest] = own;
  if (newest === undefined || newest.lifted !== null || newest.expires <= now) return null;
  return published?.document === newest.document ? null : newest;
}

/** Whoever lifted a halt has seen what it was signed for: only what came after counts. */
export function evidenceSince(own: readonly OwnHalt[], start: EpochMs): EpochMs {
  return Math.max(start, ...own.map(({ lifted }) => lifted ?? start));
}

/**
 * Until when the release is to be halted; null for no new halt. The vendor's own halt stands, whatever is judged. Against an
 * emergency order 72 hours in all, as every agent counts: who wants more pauses or withdraws it with the key for releases.
 */
export function decideHalt(judged: Judgement, facts: GuardFacts): EpochMs | null {
  const { own, published, isOrdered, now } = facts;
  const ours = published !== null && published.document === own[0]?.document;
  if (judged.kind === 'goes-on' || (published !== null && !ours)) return null;
  if (published !== null && published.expires - now > RENEWED_BEFORE_MS) return null;
  const wanted = now + HALT_MS;
  if (!isOrdered) return wanted;
  const until = published === null ? now : published.expires;
  const end = Math.min(wanted, until + MAX_HALT_MS - haltedMs(own));
  return end - until < HOUR_MS ? null : end;
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
