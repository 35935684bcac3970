// Cron expressions: what is accepted is what can be evaluated, and both as another cron program has it.
import fc from 'fast-check';
import cron from 'node-cron';
import { describe, expect, it } from 'vitest';
import { type CronText, cronOf, cronProblem } from '../../../shared/encoding/cron.ts';

const DAY_MS = 86_400_000;
const FIRST_DAY = Date.UTC(2026, 0, 1);

/** The days of four years, leap day included, and the minutes of the first of them, as the other program has them. */
function theirs(text: string) {
  const task = cron.createTask(text, () => undefined, { timezone: 'UTC' });
  const days = Array.from({ length: 1461 }, (_, i) => FIRST_DAY + i * DAY_MS);
  const { minute = [], hour = [] } = cron.parse(text);
  const probe = ((hour[0] ?? 0) * 60 + (minute[0] ?? 0)) * 60_000;
  const matching = days.filter((midnight) => task.match(new Date(midnight + probe)));
  const [day] = matching;
  const minutes = Array.from({ length: 1440 }, (_, i) => i).filter(
    (i) => day !== undefined && task.match(new Date(day + i * 60_000)),
  );
  return { days: matching, minutes };
}

function isCron(text: string): text is CronText {
  return cronProblem(text) === null;
}

function ours(text: string) {
  if (!isCron(text)) throw new Error(`${text}: ${cronProblem(text)}`);
  const { isDay, minutes } = cronOf(text);
  const days = Array.from({ length: 1461 }, (_, i) => FIRST_DAY + i * DAY_MS).filter(isDay);
  return { days, minutes: days.length === 0 ? [] : minutes };
}

const WRITTEN = [
  '0 22,2 * * *',
  '30,0,15 * * * *',
  '0 22-2 * * *',
  '*/15 * * 12 *',
  '5-50/7 1-20/3 * * *',
  '20-3/2 20-3/2 * * *',
  '0 2 LW * *',
  '0 2 15W * *',
  '0 2 1W * *',
  '0 2 31W * *',
  '0 2 L * *',
  '0 2 L-1 * *',
  '0 2 L-30 * *',
  '0 2 1,15,L * *',
  '0 2 LW,1-3,10W * *',
  '0 2 29 2 *',
  '0 2 25-5 * *',
  '0 2 * dec-FEB *',
  '0 2 * january,3 *',
  '0 2 ? * mon',
  '0 2 * january,march,may,july,september,november *',
  '0 2 * february,april,june,august,october,december *',
  '0 2 * * sunday,tuesday,thursday,saturday',
  '0 2 * * monday,wednesday,friday',
  '59 23 31 12 *',
  '0 2 2W * *',
  '0 2 * * 7',
  '0 2 * * 0-7',
  '0 2 * * 5-7',
  '0 2 * * 7-2',
  '0 2 * * 7-1/2',
  '0 2 * * fri-mon',
  '0 2 * * thu-tue/2',
  '0 2 * * sunday,5#2',
  '0 2 * * fri#5',
  '0 2 * * 7#1,satL',
  '01 002 * * *',
  '0 */25 * * *',
  '0 2 1 * ?',
  '0 2 L-15 * *',
  '0 2 L-28,L-9 * *',
  '0 2 * * 0-3',
  '0 0-22 * * *',
];

describe('a cron expression', () => {
  it.each(WRITTEN)('matches when another cron program says so: %s', (text) => {
    expect(ours(text)).toEqual(theirs(text));
  });

  it.each([
    ['', 'five fields'],
    ['* * * *', 'five fields'],
    ['0 0 2 * * *', 'five fields'],
    ['@daily', 'five fields'],
    ['0 2 1 * mon', 'not both'],
    ['0 2 */2 * 1-5', 'not both'],
    ['60 * * * *', '"60"'],
    ['0 24 * * *', '"24"'],
    ['0 2 0 * *', '"0"'],
    ['0 2 32 * *', '"32"'],
    ['0 2 * 13 *', '"13"'],
    ['0 2 * * 8', '"8"'],
    ['0 2 L-31 * *', '"l-31"'],
    ['0 2 L-0 * *', '"l-0"'],
    ['0 2 0W * *', '"0w"'],
    ['0 2 32W * *', '"32w"'],
    ['0 2 LW-1 * *', '"lw-1"'],
    ['0 2 1-L * *', '"1-l"'],
    ['0 2 L/2 * *', '"l/2"'],
    ['0 2 * * L', '"l"'],
    ['0 2 * * 5#0', '"5#0"'],
    ['0 2 * * 5#6', '"5#6"'],
    ['0 2 * * frid', '"frid"'],
    ['0 2 * janu *', '"janu"'],
    ['5/10 * * * *', '"5/10"'],
    ['*/0 * * * *', '"*/0"'],
    ['1,,2 * * * *', '""'],
    ['1- * * * *', '"1-"'],
    ['1.5 * * * *', '"1.5"'],
    ['1e1 * * * *', '"1e1"'],
    ['+1 * * * *', '"+1"'],
    ['١ * * * *', '"١"'],
    ['0x10 * * * *', '"0x10"'],
    ['0 2 xL * *', '"xl"'],
    ['0 2 115W * *', '"115w"'],
    ['0 2 15WW * *', '"15ww"'],
    ['0 2 * * 15#2', '"15#2"'],
    ['0 2 * * 5#22', '"5#22"'],
    ['0 2 * * 5L,5LL', '"5ll"'],
    [`${'9'.repeat(50)} * * * *`, `"${'9'.repeat(40)}" is no minute`],
  ])('is refused with the part that cannot be read: %j', (text, part) => {
    expect(cronProblem(text)).toContain(part);
  });

  it.each([
    ['0 * * * *', true],
    ['0 */1 * * *', true],
    ['0 0-22 * * *', false],
    ['0 2 * * *', false],
  ])('is a rhythm where it matches in every hour: %s', (text, isHourly) => {
    expect(isCron(text) && cronOf(text).isHourly).toBe(isHourly);
  });

  it('is the same with blanks around it and between its fields', () => {
    expect(ours('  0  2\t* * 1 ')).toEqual(ours('0 2 * * 1'));
  });

  it('is accepted only where it can be evaluated, whatever is written', () => {
    const token = fc.constantFrom(
      ...[
        '*',
        '?',
        'l',
        'L',
        'w',
        'W',
        '-',
        '/',
        '#',
        ',',
        '0',
        '1',
        '2',
        '5',
        '7',
        '15',
        '31',
        '59',
        'mon',
        'FRI',
      ],
      ...['jan', 'dec', 'LW', '15W', 'L-1', '5#2', '5L', '*/2', '1-5', '5-1', '', ' '],
    );
    const field = fc.array(token, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));

    fc.assert(
      fc.property(fc.array(field, { minLength: 5, maxLength: 5 }), (fields) => {
        const text = fields.join(' ');
        if (!isCron(text)) {
          expect(cronProblem(text)).not.toBe('');
          return;
        }
        const { isDay, minutes } = cronOf(text);
        expect([...minutes]).toEqual([...new Set(minutes)].sort((a, b) => a - b));
        expect(() => Array.from({ length: 400 }, (_, i) => isDay(FIRST_DAY + i * DAY_MS))).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });

  it('matches as the other program does, for any fields made of what both know', () => {
    const number = (from: number, to: number) => fc.integer({ min: from, max: to }).map(String);
    const items = (from: number, to: number, extra: readonly string[]) =>
      fc.oneof(
        number(from, to),
        fc.tuple(number(from, to), number(from, to)).map(([a, b]) => `${a}-${b}`),
        fc.tuple(number(from, to), number(from, to), number(1, 9)).map(([a, b, s]) => `${a}-${b}/${s}`),
        number(1, 12).map((step) => `*/${step}`),
        ...(extra.length === 0 ? [] : [fc.constantFrom(...extra)]),
      );
    const list = (from: number, to: number, extra: readonly string[] = []) =>
      fc.array(items(from, to, extra), { minLength: 1, maxLength: 4 }).map((all) => all.join(','));
    const days = list(1, 31, ['L', 'LW', '15W', '1W', '30W', 'L-1', 'L-15']);
    const weekdays = list(0, 6, ['7', 'mon', 'sat-mon', '5#2', 'sun#1', '1L', 'friL']);
    const anyDay = fc.oneof(
      days.map((day) => [day, '*']),
      weekdays.map((day) => ['*', day]),
    );

    fc.assert(
      fc.property(
        list(0, 59),
        list(0, 23),
        anyDay,
        list(1, 12, ['jan', 'oct-mar']),
        (m, h, [d, w], month) => {
          const text = `${m} ${h} ${d} ${month} ${w}`;
          expect(ours(text)).toEqual(theirs(text));
        },
      ),
      { numRuns: 60 },
    );
  });
});
