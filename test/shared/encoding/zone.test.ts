// Wall clocks: when a clock shows a time twice, never, or once, in zones that change by an hour or by half of one.
import { describe, expect, it } from 'vitest';
import {
  clockAround,
  instantOfWallTime,
  instantsShowing,
  isTimeZone,
  wallTime,
} from '../../../shared/encoding/zone.ts';

const at = (text: string) => Date.parse(text);
const wall = (text: string) => Date.parse(`${text}Z`);
const written = (instants: readonly number[]) => instants.map((instant) => new Date(instant).toISOString());

describe('a time on the wall', () => {
  it.each([
    ['once on an ordinary day', '2026-07-01T12:00', 'Europe/Berlin', ['2026-07-01T10:00:00.000Z']],
    [
      'twice when the clock is set back over it',
      '2026-10-25T02:30',
      'Europe/Berlin',
      ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z'],
    ],
    ['never when the clock jumps over it', '2026-03-29T02:30', 'Europe/Berlin', []],
    [
      'once in the second before the jump',
      '2026-03-29T01:59:59',
      'Europe/Berlin',
      ['2026-03-29T00:59:59.000Z'],
    ],
    ['once in the second after the jump', '2026-03-29T03:00', 'Europe/Berlin', ['2026-03-29T01:00:00.000Z']],
    [
      'twice where the clock moves by half an hour',
      '2026-04-05T01:45',
      'Australia/Lord_Howe',
      ['2026-04-04T14:45:00.000Z', '2026-04-04T15:15:00.000Z'],
    ],
    [
      'once before the jump, where the zone is half a day ahead and its change falls on the day before in UTC',
      '2026-09-27T01:30',
      'Pacific/Auckland',
      ['2026-09-26T13:30:00.000Z'],
    ],
    [
      'twice there when the clock is set back',
      '2026-04-05T02:30',
      'Pacific/Auckland',
      ['2026-04-04T13:30:00.000Z', '2026-04-04T14:30:00.000Z'],
    ],
    [
      'once before the jump, where the zone is behind',
      '2026-03-08T01:30',
      'America/Los_Angeles',
      ['2026-03-08T09:30:00.000Z'],
    ],
    ['once in a zone that never changes', '2026-10-25T02:30', 'UTC', ['2026-10-25T02:30:00.000Z']],
  ])('shows %s', (_when, time, zone, expected) => {
    expect(written(instantsShowing(wall(time), zone))).toEqual(expected);
  });

  it.each([
    ['the first of two', '2026-10-25T02:30', '2026-10-25T00:30:00.000Z'],
    ['an hour later where there is none', '2026-03-29T02:30', '2026-03-29T01:30:00.000Z'],
    ['the only one before a jump', '2026-03-29T01:30', '2026-03-29T00:30:00.000Z'],
    ['the only one behind a jump', '2026-03-29T12:00', '2026-03-29T10:00:00.000Z'],
    ['the only one behind the hour that shows twice', '2026-10-25T12:00', '2026-10-25T11:00:00.000Z'],
  ])('stands for %s', (_what, time, expected) => {
    expect(written([instantOfWallTime(wall(time), 'Europe/Berlin')])).toEqual([expected]);
  });

  it.each([
    ['2026-03-29T00:59:59.000Z', '2026-03-29T01:59:59.000Z'],
    ['2026-03-29T01:00:00.000Z', '2026-03-29T03:00:00.000Z'],
    ['2026-10-25T00:59:59.000Z', '2026-10-25T02:59:59.000Z'],
    ['2026-10-25T01:00:00.000Z', '2026-10-25T02:00:00.000Z'],
  ])('at %s is %s in Berlin', (instant, shown) => {
    expect(written([wallTime(at(instant), 'Europe/Berlin')])).toEqual([shown]);
  });
});

describe('a time zone', () => {
  it.each([
    ['UTC', true],
    ['Europe/Berlin', true],
    ['Europe/Atlantis', false],
    ['', false],
    ['Europe/Berlin ', false],
  ])('is one that a clock can show: %j, %s', (zone, isOne) => {
    expect(isTimeZone(zone)).toBe(isOne);
  });
});

describe('a zone’s clock', () => {
  it('changes at the second the zone says, and not at all on other days', () => {
    const clock = clockAround(wall('2026-03-29T12:00'), 'Europe/Berlin');

    expect(clock).toEqual({ before: 3_600_000, after: 7_200_000, changes: at('2026-03-29T01:00:00Z') });
    expect(clockAround(wall('2026-06-01T12:00'), 'Europe/Berlin').changes).toBe(Number.POSITIVE_INFINITY);
  });
});
