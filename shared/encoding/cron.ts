// Cron expressions: five fields on a wall clock, and the times at which they match.
import { parse } from 'node-cron';
import type { WallMs } from './zone.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** 29 February can be eight years away. */
const MAX_DAYS = 8 * 366 + 2;

interface Cron {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly isDay: (midnight: WallMs) => boolean;
}

/** What is wrong with an expression; null when nothing is. */
export function cronProblem(text: string): string | null {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5) return 'it needs five fields: minute, hour, day of month, month, day of week';
  // Cron programs disagree on what two restrictions mean together, either or both.
  if (fields[2] !== '*' && fields[4] !== '*') return 'restrict the day of month or the day of week, not both';
  try {
    readCron(text);
    return null;
  } catch (cause) {
    return cause instanceof Error ? cause.message : 'it cannot be read';
  }
}

/** The matching times after `wall`, earliest first. The expression must have no problem. */
export function* matchesAfter(text: string, wall: WallMs): Generator<WallMs> {
  const cron = readCron(text);
  for (let day = 0; day <= MAX_DAYS; day++) {
    const midnight = startOfDay(wall) + day * DAY_MS;
    if (!cron.isDay(midnight)) continue;
    for (const time of timesOf(cron, midnight)) if (time > wall) yield time;
  }
}

/** The matching times at or before `wall`, latest first, over the last `days` days. */
export function* matchesUntil(text: string, wall: WallMs, days: number): Generator<WallMs> {
  const cron = readCron(text);
  for (let day = 0; day <= days; day++) {
    const midnight = startOfDay(wall) - day * DAY_MS;
    if (!cron.isDay(midnight)) continue;
    for (const time of [...timesOf(cron, midnight)].reverse()) if (time <= wall) yield time;
  }
}

function* timesOf(cron: Cron, midnight: WallMs): Generator<WallMs> {
  for (const hour of cron.hours) {
    for (const minute of cron.minutes) yield midnight + (hour * 60 + minute) * MINUTE_MS;
  }
}

const known = new Map<string, Cron>();

/** Read once: looking for the next opening asks the same few expressions a thousand times. */
function readCron(text: string): Cron {
  const cron = known.get(text) ?? parseCron(text);
  known.set(text, cron);
  return cron;
}

function parseCron(text: string): Cron {
  const fields = parse(text);
  const months = new Set(fields.month);
  return {
    minutes: fields.minute,
    hours: fields.hour,
    isDay: (midnight) => {
      const date = new Date(midnight);
      return (
        months.has(date.getUTCMonth() + 1) &&
        fields.dayOfMonth.some((token) => isDayOfMonth(token, date)) &&
        fields.dayOfWeek.some((token) => isDayOfWeek(token, date))
      );
    },
  };
}

function isDayOfMonth(token: number | string, date: Date): boolean {
  if (typeof token === 'number') return token === date.getUTCDate();
  if (token === 'L') return isLastWeek(date, 1);
  throw new Error(`"${token}" is not a day of the month: write 1 to 31, or L for the last`);
}

/** `5#2` is the second Friday, `5L` the last. */
function isDayOfWeek(token: number | string, date: Date): boolean {
  if (typeof token === 'number') return token === date.getUTCDay();
  const [, day, nth, last] = /^(\d)(?:#([1-5])|(L))$/.exec(token) ?? [];
  if (day === undefined) throw new Error(`"${token}" is not a day of the week: write sun to sat, 5#2 or 5L`);
  if (Number(day) % 7 !== date.getUTCDay()) return false;
  return last === undefined ? Math.ceil(date.getUTCDate() / 7) === Number(nth) : isLastWeek(date, 7);
}

/** That many days later it is another month. */
function isLastWeek(date: Date, days: number): boolean {
  return new Date(date.getTime() + days * DAY_MS).getUTCMonth() !== date.getUTCMonth();
}

function startOfDay(wall: WallMs): WallMs {
  return Math.floor(wall / DAY_MS) * DAY_MS;
}
