// The days of a cron expression: days of the month counted from either end or by weekday, days of the week in a month.
import { type FieldKind, type Names, readItem, readNumber, spelled } from './cron-field.ts';

const WEEKDAYS: Names = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const MONTH_DAY: FieldKind = { name: 'day of the month', from: 1, to: 31 };
/** 7 is Sunday as well. */
const WEEK_DAY: FieldKind = { name: 'day of the week', from: 0, to: 6, names: WEEKDAYS, again: 7 };

type DayOfMonth =
  | { readonly kind: 'day'; readonly day: number }
  /** `L`, and `L-2`: two days before the last. */
  | { readonly kind: 'before-last'; readonly days: number }
  /** `LW`: the last day from Monday to Friday. */
  | { readonly kind: 'last-workday' }
  /** `15W`: the day from Monday to Friday nearest to the 15th, in the same month. */
  | { readonly kind: 'nearest-workday'; readonly day: number };

type DayOfWeek =
  | { readonly kind: 'every'; readonly day: number }
  /** `5#2`: the second Friday. */
  | { readonly kind: 'nth'; readonly day: number; readonly nth: number }
  /** `5L`: the last Friday. */
  | { readonly kind: 'last'; readonly day: number };

/** Throws FieldProblem. */
export function readDayOfMonth(text: string): readonly DayOfMonth[] {
  return text.split(',').flatMap((item): readonly DayOfMonth[] => {
    if (item === 'lw') return [{ kind: 'last-workday' }];
    const back = /^l(?:-([1-9]|[12]\d|30))?$/.exec(item);
    if (back !== null) return [{ kind: 'before-last', days: Number(back[1] ?? 0) }];
    const [, workday] = /^(\d{1,2})w$/.exec(item) ?? [];
    if (workday !== undefined) {
      return [{ kind: 'nearest-workday', day: readNumber(workday, item, MONTH_DAY) }];
    }
    return readItem(item, MONTH_DAY).map((day) => ({ kind: 'day', day }));
  });
}

/** Throws FieldProblem. */
export function readDayOfWeek(text: string): readonly DayOfWeek[] {
  return text.split(',').flatMap((item): readonly DayOfWeek[] => {
    const [, day, nth, last] = /^([a-z]+|\d)(?:#([1-5])|(l))$/.exec(item) ?? [];
    if (day === undefined) return readItem(item, WEEK_DAY).map((one) => ({ kind: 'every', day: one }));
    const number = spelled(readNumber(day, item, WEEK_DAY), WEEK_DAY);
    if (last !== undefined) return [{ kind: 'last', day: number }];
    return [{ kind: 'nth', day: number, nth: Number(nth) }];
  });
}

export function isDayOfMonth(rule: DayOfMonth, date: Date): boolean {
  const day = date.getUTCDate();
  switch (rule.kind) {
    case 'day':
      return day === rule.day;
    case 'before-last':
      return day === lastDay(date) - rule.days;
    case 'last-workday':
      return day === nearestWorkday(date, lastDay(date));
    case 'nearest-workday':
      return rule.day <= lastDay(date) && day === nearestWorkday(date, rule.day);
  }
}

export function isDayOfWeek(rule: DayOfWeek, date: Date): boolean {
  if (rule.day !== date.getUTCDay()) return false;
  switch (rule.kind) {
    case 'every':
      return true;
    case 'nth':
      return Math.ceil(date.getUTCDate() / 7) === rule.nth;
    case 'last':
      return date.getUTCDate() + 7 > lastDay(date);
  }
}

function lastDay(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}

/** Saturday gives way to Friday and Sunday to Monday, except where that is another month. */
function nearestWorkday(date: Date, day: number): number {
  const weekday = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), day)).getUTCDay();
  if (weekday === 6) return day === 1 ? 3 : day - 1;
  if (weekday === 0) return day === lastDay(date) ? day - 2 : day + 1;
  return day;
}
