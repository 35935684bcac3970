// Times as documents write them: points in UTC, `2026-01-31T10:00:00Z`, and durations without calendar units, `P3DT30S`.

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

/** A day has no hour 24: readers disagree whether that is the next day. */
export const INSTANT_PATTERN = /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d{3})?Z$/;

/** The instant of a text that matches INSTANT_PATTERN and names a real date; NaN for any other. */
export function instantMs(text: string): EpochMs {
  if (!INSTANT_PATTERN.test(text)) return Number.NaN;
  const ms = Date.parse(text);
  // Date.parse rolls 31 February over into March: a day that does not come back unchanged never was.
  return text.slice(8, 10) > '28' && !isDayOf(ms, text) ? Number.NaN : ms;
}

function isDayOf(ms: EpochMs, text: string): boolean {
  return new Date(ms).getUTCDate() === Number(text.slice(8, 10));
}

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

/** Milliseconds of a duration that matches DURATION_PATTERN; NaN for any other text. */
export function durationMs(text: string): number {
  if (!DURATION_PATTERN.test(text)) return Number.NaN;
  // Without calendar units an M is always a minute.
  return [...text.matchAll(PART)].reduce((sum, [, count, unit = '']) => sum + timesUnit(count, unit), 0);
}

const PART = /(\d{1,8})([DHMS])/g;
const SHORT_SPAN = /^(\d{1,5})(s|m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function timesUnit(count: string | undefined, unit: string): number {
  return Number(count) * (UNIT_MS[unit.toLowerCase()] ?? Number.NaN);
}

/** Milliseconds of what people type: `4h`, `90m`, `3d` or an ISO 8601 duration; NaN for any other text. */
export function spanMs(text: string): number {
  const [, count, unit] = SHORT_SPAN.exec(text.trim()) ?? [];
  return unit === undefined ? durationMs(text.trim()) : timesUnit(count, unit);
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
