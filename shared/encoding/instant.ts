// Points in time as documents write them: UTC, whole seconds or milliseconds, `2026-01-31T10:00:00Z`.

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

export const INSTANT_PATTERN = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z$/;

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
  return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

/** With milliseconds: journal and record entries. */
export function formatInstantMs(ms: EpochMs): string {
  return new Date(ms).toISOString();
}
