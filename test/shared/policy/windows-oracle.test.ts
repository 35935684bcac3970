// Windows held against a minute-by-minute count with another cron program, around every kind of clock change.
import fc from 'fast-check';
import cron from 'node-cron';
import { describe, expect, it } from 'vitest';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { isOpen } from '../../../shared/policy/windows.ts';
import { nextOpen, nextOpenings } from '../../support/finished.ts';
import { policyOf } from '../../support/scenario.ts';

const MINUTE_MS = 60_000;

interface Place {
  readonly zone: string;
  /** A day and a half before its clock changes. */
  readonly from: string;
}

/** Forward and back; by an hour, half an hour and two hours; at night, at midnight and not at all. */
const PLACES: readonly Place[] = [
  { zone: 'Europe/Berlin', from: '2026-03-28T00:00:00Z' },
  { zone: 'Europe/Berlin', from: '2026-10-24T00:00:00Z' },
  { zone: 'America/New_York', from: '2026-11-01T00:00:00Z' },
  { zone: 'Australia/Lord_Howe', from: '2026-04-03T12:00:00Z' },
  { zone: 'Australia/Lord_Howe', from: '2026-10-02T12:00:00Z' },
  { zone: 'Antarctica/Troll', from: '2026-03-28T00:00:00Z' },
  { zone: 'Antarctica/Troll', from: '2026-10-24T00:00:00Z' },
  { zone: 'America/Havana', from: '2026-03-07T00:00:00Z' },
  { zone: 'America/Havana', from: '2026-10-31T00:00:00Z' },
  { zone: 'Atlantic/Azores', from: '2026-10-24T00:00:00Z' },
  { zone: 'Africa/Cairo', from: '2026-04-22T12:00:00Z' },
  { zone: 'Africa/Cairo', from: '2026-10-28T12:00:00Z' },
  { zone: 'Asia/Beirut', from: '2026-03-27T12:00:00Z' },
  { zone: 'Asia/Kathmandu', from: '2026-03-28T00:00:00Z' },
];

const EXPRESSIONS = [
  '*/15 * * * *',
  '7,30 * * * *',
  '0,10,20,45 1-3 * * *',
  '30 2 * * *',
  '15 0 * * *',
  '45 23,0,1 * * *',
  '*/15 0-2,22-23 * * *',
  '0 0 * * *',
  '59 * * * sun',
  '0 2 L * *',
] as const;

const DURATIONS = [1, 7, 15, 20, 60, 90, 240, 1440];

/** What a wall clock shows, as a time in UTC: asked of Intl in another way than the product does. */
function shownBy(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  return (instant) => Date.parse(`${format.format(instant).replace(' ', 'T')}Z`);
}

/** The minutes at which a window begins, counted one by one. */
function countStarts(expression: string, from: number, walls: readonly number[]): ReadonlySet<number> {
  const task = cron.createTask(expression, () => undefined, { timezone: 'UTC' });
  const { minute, hour } = cron.parse(expression);
  const isHourly = hour.length === 24;
  // Asking it is slow: only times of day that it names are worth it.
  const matches = (wall: number) => {
    const date = new Date(wall);
    return minute.includes(date.getUTCMinutes()) && hour.includes(date.getUTCHours()) && task.match(date);
  };
  const starts = new Set<number>();
  const seen = new Set<number>();
  let before = (walls[0] ?? 0) - MINUTE_MS;
  for (const [i, wall] of walls.entries()) {
    const at = from + i * MINUTE_MS;
    // The clock leaps over these: a time of day among them counts as late as the clock was early.
    for (let missing = before + MINUTE_MS; missing < wall && !isHourly; missing += MINUTE_MS) {
      if (matches(missing)) starts.add(at + (missing - before - MINUTE_MS));
    }
    if (matches(wall) && (isHourly || !seen.has(wall))) starts.add(at);
    seen.add(wall);
    before = wall;
  }
  return starts;
}

describe.each(PLACES)('in $zone after $from', ({ zone, from }) => {
  it('is open exactly when a count of minutes says so', () => {
    const begin = instantMs(from);
    const lead = 1440 + 60;
    const first = begin - lead * MINUTE_MS;
    const shown = shownBy(zone);
    const walls = Array.from({ length: lead + 4 * 1440 }, (_, i) => shown(first + i * MINUTE_MS));
    const sinceStart = new Map(
      EXPRESSIONS.map((text) => {
        const starts = countStarts(text, first, walls);
        let last = Number.NEGATIVE_INFINITY;
        const since = walls.map((_, i) => {
          if (starts.has(first + i * MINUTE_MS)) last = i;
          return i - last;
        });
        return [text, since];
      }),
    );
    const isWithin = (text: (typeof EXPRESSIONS)[number], length: number, at: number) =>
      (sinceStart.get(text)?.[(at - first) / MINUTE_MS] ?? Number.NaN) < length;
    const window = fc.record({
      cron: fc.constantFrom(...EXPRESSIONS),
      minutes: fc.constantFrom(...DURATIONS),
    });

    fc.assert(
      fc.property(
        fc.array(window, { maxLength: 2 }),
        fc.array(window, { maxLength: 2 }),
        fc.integer({ min: 0, max: 3 * 1440 - 200 }),
        (allow, deny, start) => {
          const of = (all: typeof allow) =>
            all.map(({ cron, minutes }, i) => ({ name: `w-${i}`, cron, duration: `PT${minutes}M`, zone }));
          const { windows } = policyOf({ windows: { allow: of(allow), deny: of(deny) } });
          const counted = (at: number) =>
            !deny.some((one) => isWithin(one.cron, one.minutes, at)) &&
            (allow.length === 0 || allow.some((one) => isWithin(one.cron, one.minutes, at)));
          for (let i = start; i < start + 180; i += 3) {
            const at = begin + i * MINUTE_MS;
            expect([i, isOpen(windows, at)]).toEqual([i, counted(at)]);
          }
          const at = begin + start * MINUTE_MS;
          const ahead = Array.from({ length: 1440 }, (_, i) => at + i * MINUTE_MS).find(counted);
          if (ahead !== undefined) expect(nextOpen(windows, at)).toBe(ahead);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('what is far away', () => {
  const of = (allow: readonly string[], deny: readonly string[], duration: string) => {
    const named = (all: readonly string[]) =>
      all.map((text, i) => ({ name: `w-${i}`, cron: text, duration, zone: 'Europe/Berlin' }));
    return policyOf({ windows: { allow: named(allow), deny: named(deny) } }).windows;
  };
  const DECEMBER = instantMs('2026-12-01T12:00:00Z');

  it('is found beyond any number of short windows', () => {
    expect(nextOpen(of([], ['*/15 * * 12 *'], 'PT15M'), DECEMBER)).toBe(instantMs('2026-12-31T23:00:00Z'));
  });

  it('is a leap day, four years and more ahead', () => {
    expect(nextOpen(of(['0 3 29 2 *'], [], 'PT1H'), instantMs('2096-03-01T00:00:00Z'))).toBe(
      instantMs('2104-02-29T02:00:00Z'),
    );
  });

  it.each([
    ['windows that deny every minute', of([], ['* * * * *'], 'PT1M')],
    ['two that take turns', of([], ['*/2 * * * *', '1-59/2 * * * *'], 'PT1M')],
    ['one that is denied each time', of(['0 2 * * *'], ['* 2 * * *'], 'PT1M')],
    ['a date that never comes', of(['0 2 30 2 *'], [], 'PT1H')],
  ])('is nothing for %s, and that is found at once', (_name, windows) => {
    const began = process.cpuUsage();

    expect(nextOpenings(windows, DECEMBER, 3)).toEqual([]);
    expect(process.cpuUsage(began).user).toBeLessThan(5_000_000);
  });

  it('has no end where every minute is allowed', () => {
    expect(nextOpenings(of(['* * * * *'], [], 'PT1M'), DECEMBER, 2)).toEqual([
      { opens: DECEMBER, closes: null },
    ]);
  });
});
