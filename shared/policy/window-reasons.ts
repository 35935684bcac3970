// Reasons of time against what the local windows gate: none is open, or none lasts as long as the deployment needs until it is committed.
import { type EpochMs, formatDuration, formatInstant } from '../encoding/instant.ts';
import type { Pieces } from '../encoding/pieces.ts';
import type { Forecast } from '../schema/forecast.ts';
import type { Policy } from '../schema/policy.ts';
import { block, type Reason } from './blockers.ts';
import type { DecideInput } from './decide-input.ts';
import { findRoom, isOpen, nextOpen, type Opening, type Room } from './windows.ts';

/**
 * A window gates the start, and nothing that runs is cut short: so what would still run when the window ends is not begun in it.
 * `forecast` is null where nothing is known of the time; then any opening will do.
 */
export function* windowReasons(
  { command, now }: DecideInput,
  { windows, fetchAhead }: Pick<Policy, 'windows' | 'fetchAhead'>,
  forecast: Forecast | null,
): Pieces<readonly Reason[]> {
  if (command?.override.includes('window') === true) return [];
  if (windows.allow.length === 0 && windows.deny.length === 0) return [];
  const needs = needsOf(forecast, fetchAhead);
  const isNowOpen = isOpen(windows, now);
  const room = yield* findRoom(windows, now, (opens) => (opens <= now ? needs.nowMs : needs.laterMs));
  const { first, fits } = room;
  // None for a year, or more windows than can be looked through: what is open counts as long enough.
  if (first === null) return isNowOpen ? [] : [closed(yield* nextOpen(windows, now))];
  if (fits === first) return isNowOpen ? [] : [closed(first.opens)];
  return [fits === null ? neverLongEnough(needs.laterMs, room) : tooShort(needs, { first, fits, now })];
}

interface Needs {
  readonly nowMs: number;
  /** Of `nowMs`, what is fetched before the next window opens. */
  readonly fetchMs: number;
  readonly laterMs: number;
}

/** What is fetched ahead is on the disk by the time that another window opens. */
function needsOf(forecast: Forecast | null, fetchAhead: boolean): Needs {
  if (forecast === null) return { nowMs: 0, fetchMs: 0, laterMs: 0 };
  const nowMs = forecast.totalMs;
  const fetchMs = fetchAhead ? (forecast.fetchMs ?? 0) : 0;
  return { nowMs, fetchMs, laterMs: nowMs - fetchMs };
}

function closed(clearsAt: EpochMs | null): Reason {
  const message = 'no maintenance window is open';
  return block('window-closed', { message, source: 'policy windows', clearsAt });
}

interface Short {
  readonly first: Opening;
  readonly fits: Opening;
  readonly now: EpochMs;
}

/** In instants: a message that counted down would be another decision every minute. */
function tooShort({ nowMs, laterMs, fetchMs }: Needs, { first, fits, now }: Short): Reason {
  const isNow = first.opens <= now;
  const needed = isNow
    ? `${formatAbout(nowMs)}${fetchMs === 0 ? '' : ` with what is still to fetch, ${formatAbout(laterMs)} without`}`
    : formatAbout(laterMs);
  const window = isNow ? 'the window' : `the one that opens at ${formatInstant(first.opens)}`;
  const closes = first.closes === null ? '' : ` closes at ${formatInstant(first.closes)}`;
  return block('window-short', {
    message: `it needs about ${needed}, and ${window}${closes}; the next that is long enough opens at ${formatInstant(fits.opens)}`,
    source: 'policy windows',
    clearsAt: fits.opens,
  });
}

function neverLongEnough(needMs: number, { longestMs, isAll }: Room): Reason {
  const which = isAll ? 'no window of the year to come is' : 'as far as was looked no window is';
  return block('windows-too-short', {
    message: `it needs about ${formatAbout(needMs)}, and ${which} long enough: the longest is open for ${formatDuration(longestMs ?? 0)}; make one longer with fairlead window add, or go past them once`,
    source: 'policy windows',
  });
}

/** Rounded up, to what a person would say. */
export function formatAbout(ms: number): string {
  const unit = ms <= 120_000 ? 1_000 : 60_000;
  const rounded = Math.ceil(ms / unit) * unit;
  return rounded < 60_000 ? `${rounded / 1000}s` : formatDuration(rounded);
}
