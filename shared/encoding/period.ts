// Periods as people name them: a month, a quarter, a year, or from one day to another; in UTC.
import { type EpochMs, formatInstant } from './instant.ts';

export interface NamedPeriod {
  readonly text: string;
  /** Instants; the second is no part of it. */
  readonly from: string;
  readonly to: string;
}

export const PERIOD_FORM =
  '2026-11, 2026-Q4, 2026, or two days such as 2026-11-01..2026-11-15, of which the last belongs to it';

const QUARTER = /^(\d{4})-Q([1-4])$/;
const MONTH = /^(\d{4})-(0[1-9]|1[0-2])$/;
const YEAR = /^\d{4}$/;
const DAYS = /^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)$/;
const DAY_MS = 86_400_000;

/** Null for what is none. */
export function parsePeriod(text: string): NamedPeriod | null {
  const [, year, quarter] = QUARTER.exec(text) ?? [];
  if (year !== undefined) return months(text, Number(year), (Number(quarter) - 1) * 3, 3);
  const [, ofYear, month] = MONTH.exec(text) ?? [];
  if (ofYear !== undefined) return months(text, Number(ofYear), Number(month) - 1, 1);
  if (YEAR.test(text)) return months(text, Number(text), 0, 12);
  const [, first = '', last = ''] = DAYS.exec(text) ?? [];
  const [from, to] = [dayOf(first), dayOf(last)];
  return from === null || to === null || to < from ? null : named(text, from, to + DAY_MS);
}

function months(text: string, year: number, first: number, count: number): NamedPeriod {
  return named(text, Date.UTC(year, first), Date.UTC(year, first + count));
}

/** A day that does not exist comes back as another. */
function dayOf(text: string): EpochMs | null {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(ms) || formatInstant(ms).slice(0, 10) !== text ? null : ms;
}

function named(text: string, from: EpochMs, to: EpochMs): NamedPeriod {
  return { text, from: formatInstant(from), to: formatInstant(to) };
}
