// Cron expressions: five fields, read once into a value whose days and minutes can only be asked.
import { isDayOfMonth, isDayOfWeek, readDayOfMonth, readDayOfWeek } from './cron-days.ts';
import { FieldProblem, type Names, readField } from './cron-field.ts';
import type { WallMs } from './zone.ts';

/** An expression as written, which was read once and has no problem. */
export type CronText = string & { readonly __brand: 'CronText' };

export interface Cron {
  /** Whether it matches on a day, given by its midnight. */
  isDay(midnight: WallMs): boolean;
  /** The matching times of such a day, in minutes since midnight, ascending. */
  readonly minutes: readonly number[];
  /** It matches in every hour: a rhythm, rather than a time of day. */
  readonly isHourly: boolean;
}

const MONTHS: Names = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];

/** What is wrong with an expression; null when nothing is. */
export function cronProblem(text: string): string | null {
  try {
    read(text);
    return null;
  } catch (cause) {
    if (cause instanceof FieldProblem) return cause.message;
    throw cause;
  }
}

const known = new Map<string, Cron>();
const MAX_KNOWN = 1000;

export function cronOf(text: CronText): Cron {
  return read(text);
}

function read(text: string): Cron {
  const before = known.get(text);
  if (before !== undefined) return before;
  if (known.size >= MAX_KNOWN) known.clear();
  const fresh = parse(text);
  known.set(text, fresh);
  return fresh;
}

function parse(text: string): Cron {
  const fields = text.trim().toLowerCase().split(/\s+/);
  const [minute, hour, day, month, weekday] = fields;
  if (
    fields.length !== 5 ||
    minute === undefined ||
    hour === undefined ||
    day === undefined ||
    month === undefined ||
    weekday === undefined
  ) {
    throw new FieldProblem('it needs five fields: minute, hour, day of month, month, day of week');
  }
  // Cron programs disagree on what two restrictions mean together, either or both.
  if (!isAny(day) && !isAny(weekday)) {
    throw new FieldProblem('restrict the day of month or the day of week, not both');
  }
  const minutes = readField(minute, { name: 'minute', from: 0, to: 59 });
  const hours = readField(hour, { name: 'hour', from: 0, to: 23 });
  const months = new Set(readField(month, { name: 'month', from: 1, to: 12, names: MONTHS }));
  const days = readDayOfMonth(day.replace(/^\?$/, '*'));
  const weekdays = readDayOfWeek(weekday.replace(/^\?$/, '*'));
  return {
    minutes: hours.flatMap((h) => minutes.map((m) => h * 60 + m)),
    isHourly: hours.length === 24,
    isDay: (midnight) => {
      const date = new Date(midnight);
      return (
        months.has(date.getUTCMonth() + 1) &&
        days.some((one) => isDayOfMonth(one, date)) &&
        weekdays.some((one) => isDayOfWeek(one, date))
      );
    },
  };
}

function isAny(field: string): boolean {
  return field === '*' || field === '?';
}
