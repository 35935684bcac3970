// Times as documents write them: points in UTC, `2026-01-31T10:00:00Z`, and durations without calendar units, `P3DT30S`.

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

/** A day has no hour 24: readers disagree whether that is the next day. */
export const INSTANT_PATTERN = /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d{3})?Z$/;

/** The instant of a text that matches INSTANT_PATTERN and names a real date; NaN for any other. */
export function instantMs(text: string): EpochMs {
  if (!INSTANT_PATTERN.test(text)) return Number.NaN;
  // By hand: a long history has a time in every document, and Date.parse takes three times as long.
  const [year, month, day] = [digitsAt(text, 0, 4), digitsAt(text, 5, 2), digitsAt(text, 8, 2)];
  const [minute, second] = [digitsAt(text, 14, 2), digitsAt(text, 17, 2)];
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const length = isLeap && month === 2 ? 29 : (LENGTHS[month - 1] ?? 0);
  if (day < 1 || day > length || minute > 59 || second > 59) return Number.NaN;
  const leapDays = Math.ceil(year / 4) - Math.ceil(year / 100) + Math.ceil(year / 400);
  const before = (BEFORE[month - 1] ?? 0) + (isLeap && month > 2 ? 1 : 0);
  const days = 365 * year + leapDays + before + day - 1 - DAYS_TO_1970;
  const ms = text.length > 20 ? digitsAt(text, 20, 3) : 0;
  return (((days * 24 + digitsAt(text, 11, 2)) * 60 + minute) * 60 + second) * 1000 + ms;
}

/** Of the months of a year that is no leap year: their days, and those before each. */
const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const BEFORE = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
/** From the first day of the year 0. */
const DAYS_TO_1970 = 719_528;

function digitsAt(text: string, from: number, count: number): number {
  let number = 0;
  for (let at = from; at < from + count; at++) number = number * 10 + text.charCodeAt(at) - ZERO;
  return number;
}

const [ZERO, NINE] = [48, 57];

/** Whole seconds, rounded down. */
export function formatInstant(ms: EpochMs): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** With milliseconds: journal and record entries. */
export function formatInstantMs(ms: EpochMs): string {
  return new Date(ms).toISOString();
}

export const DURATION_PATTERN =
  /^P(?=\d|T\d)(?:\d{1,4}D)?(?:T(?=\d)(?:\d{1,5}H)?(?:\d{1,6}M)?(?:\d{1,8}S)?)?$/;

/** The only wave of nearly every rollout: not worth reading. */
const AT_ONCE = 'PT0S';

/** Milliseconds of a duration that matches DURATION_PATTERN; NaN for any other text. */
export function durationMs(text: string): number {
  if (text === AT_ONCE) return 0;
  if (!DURATION_PATTERN.test(text)) return Number.NaN;
  let [sum, count] = [0, 0];
  for (let at = 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= NINE) count = count * 10 + code - ZERO;
    else if (text[at] !== 'T') {
      // Without calendar units an M is always a minute.
      sum += timesUnit(count, text[at] ?? '');
      count = 0;
    }
  }
  return sum;
}

const SHORT_SPAN = /^(\d{1,5})(s|m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function timesUnit(count: number, unit: string): number {
  return count * (UNIT_MS[unit.toLowerCase()] ?? Number.NaN);
}

/** Milliseconds of what people type: `4h`, `90m`, `3d` or an ISO 8601 duration; NaN for any other text. */
export function spanMs(text: string): number {
  const [, count, unit] = SHORT_SPAN.exec(text.trim()) ?? [];
  return unit === undefined ? durationMs(text.trim()) : timesUnit(Number(count), unit);
}

/** A duration for people: `1h 30m`, `1m 5s`, `12.3s`, `450ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return formatPair(seconds, 60, 'm', 's');
  const minutes = Math.round(ms / 60_000);
  if (minutes < 48 * 60) return formatPair(minutes, 60, 'h', 'm');
  return formatPair(Math.floor(minutes / 60), 24, 'd', 'h');
}

function formatPair(total: number, size: number, large: string, small: string): string {
  const rest = total % size;
  return `${Math.floor(total / size)}${large}${rest === 0 ? '' : ` ${rest}${small}`}`;
}
