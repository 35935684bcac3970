// Times as people type them, on the wall clock they mean.
import { describe, expect, it } from 'vitest';
import { parseWhen } from '../../../agent/core/when.ts';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';

// A Monday, noon in Berlin; the clock there goes forward on Sunday the 29th.
const NOW = instantMs('2026-03-23T11:00:00Z');

describe('a time', () => {
  it.each([
    ['sat 02:00', 'Europe/Berlin', '2026-03-28T01:00:00Z'],
    ['Saturday 02:00', 'UTC', '2026-03-28T02:00:00Z'],
    ['mon 13:00', 'Europe/Berlin', '2026-03-23T12:00:00Z'],
    ['mon 12:00', 'Europe/Berlin', '2026-03-30T10:00:00Z'],
    ['12:30', 'Europe/Berlin', '2026-03-23T11:30:00Z'],
    ['11:30', 'Europe/Berlin', '2026-03-24T10:30:00Z'],
    ['2026-03-29 03:30', 'Europe/Berlin', '2026-03-29T01:30:00Z'],
    ['2026-04-01T08:00', 'America/New_York', '2026-04-01T12:00:00Z'],
    ['2026-04-01T08:00:00Z', 'America/New_York', '2026-04-01T08:00:00Z'],
  ])('%s in %s', (text, zone, expected) => {
    expect(formatInstant(parseWhen(text, NOW, zone) ?? 0)).toBe(expected);
  });

  it.each(['', 'soon', 'xyz 02:00', '25:00', '02:60', '2026-02-30 02:00', '2:00', 'sat'])(
    '%j is none',
    (text) => {
      expect(parseWhen(text, NOW, 'UTC')).toBeNull();
    },
  );
});
