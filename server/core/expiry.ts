// What ends one day: metadata and tokens, in one list, so that a person hears of each well before.
import { durationMs, type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';

export interface Expiry {
  readonly kind: 'metadata' | 'token';
  /** The role of metadata, the name of a token. */
  readonly name: string;
  readonly at: EpochMs;
}

/** From here on it is said: a ceremony with several people needs its weeks. */
export const WARN_DURATION = 'P30D';
const DAY_MS = durationMs('P1D');
/** Signed again by the server itself every few hours; that they end soon is their nature. */
const RENEWED_HERE = new Set(['timestamp', 'snapshot']);

/** Whether somebody must act: it has ended, or it ends within so many milliseconds. */
export function isUrgent(
  { kind, name, at }: Expiry,
  now: EpochMs,
  withinMs = durationMs(WARN_DURATION),
): boolean {
  if (at <= now) return true;
  if (kind === 'metadata' && RENEWED_HERE.has(name)) return false;
  return at - now <= withinMs;
}

/** The first to end first. */
export function selectUrgent(expiries: readonly Expiry[], now: EpochMs): readonly Expiry[] {
  return expiries.filter((one) => isUrgent(one, now)).toSorted((a, b) => a.at - b.at);
}

/** On these days before, of all that it is urgent on, somebody is told: each day of a month would be read by nobody. */
const TOLD_ON = new Set([29, 14, 7, 3]);

/** Looked at once a day: what has ended, ends within three days, or is due to be told today. */
export function selectTold(expiries: readonly Expiry[], now: EpochMs): readonly Expiry[] {
  return expiries.filter((one) => daysLeft(one, now) < 3 || TOLD_ON.has(daysLeft(one, now)));
}

/** In whole days, rounded down; negative once it is over. */
export function daysLeft({ at }: Expiry, now: EpochMs): number {
  return Math.floor((at - now) / DAY_MS);
}

/** One line of a list for people. */
export function describeExpiry(one: Expiry, now: EpochMs): string {
  const days = daysLeft(one, now);
  const left = one.at <= now ? 'EXPIRED' : `in ${days} day${days === 1 ? '' : 's'}`;
  return `${formatInstant(one.at)}  ${left.padEnd(12)}  ${one.kind} ${one.name}`;
}
