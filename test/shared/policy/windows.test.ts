// Maintenance windows: openings across clock changes, deny windows, overlaps.
import { describe, expect, it } from 'vitest';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { isOpen } from '../../../shared/policy/windows.ts';
import { findUnsatisfiable, nextOpen, nextOpenings } from '../../support/finished.ts';
import { policyOf } from '../../support/scenario.ts';

interface Span {
  readonly cron: string;
  readonly duration: string;
  readonly zone?: string;
}

const BERLIN = 'Europe/Berlin';

describe('an opening', () => {
  it('includes its first instant and not its last', () => {
    const night = windows([{ cron: '0 2 * * *', duration: 'PT4H' }]);

    const open = ['01:59:59', '02:00:00', '05:59:59', '06:00:00'].map((time) =>
      isOpen(night, instantMs(`2026-03-02T${time}Z`)),
    );

    expect(open).toEqual([false, true, true, false]);
  });

  it('lasts over midnight', () => {
    const late = windows([{ cron: '0 22 * * sat', duration: 'PT6H' }]);

    expect(isOpen(late, instantMs('2026-03-08T03:59:59Z'))).toBe(true);
  });

  it('lasts as long as it says when it is longer than the time between two of them', () => {
    const always = windows([{ cron: '0 * * * *', duration: 'PT2H' }]);

    expect(nextOpenings(always, instantMs('2026-03-02T12:30:00Z'), 1)[0]?.opens).toBe(
      instantMs('2026-03-02T12:30:00Z'),
    );
  });

  it.each([
    ['touch', '0 3 * * *', ['2026-03-02T02:00:00Z – 2026-03-02T04:00:00Z']],
    ['overlap', '30 2 * * *', ['2026-03-02T02:00:00Z – 2026-03-02T03:30:00Z']],
    ['lie apart', '1 3 * * *', ['2026-03-02T02:00:00Z – 2026-03-02T03:00:00Z']],
  ])('of two windows that %s is one, or is not', (_how, cron, opening) => {
    const both = windows([
      { cron: '0 2 * * *', duration: 'PT1H' },
      { cron, duration: 'PT1H' },
    ]);

    expect(openings(both, '2026-03-02T00:00:00Z', 1)).toEqual(opening);
  });

  it.each([
    { name: 'the second Friday', cron: '0 3 * * 5#2', opens: '2026-03-13T03:00:00Z' },
    { name: 'the last Friday', cron: '0 3 * * 5L', opens: '2026-03-27T03:00:00Z' },
    { name: 'the last day of the month', cron: '0 3 L * *', opens: '2026-03-31T03:00:00Z' },
    { name: 'Sunday written as 7', cron: '0 3 * * 7', opens: '2026-03-08T03:00:00Z' },
    { name: 'a leap day', cron: '0 3 29 2 *', opens: '2028-02-29T03:00:00Z' },
  ])('knows $name', ({ cron, opens }) => {
    const next = nextOpen(windows([{ cron, duration: 'PT1H' }]), instantMs('2026-03-02T12:00:00Z'));

    expect(next).toBe(instantMs(opens));
  });
});

describe('when the clock is set forward (Berlin, 2026-03-29, 02:00 becomes 03:00)', () => {
  it('opens a window that starts in the missing hour as if the clock had not been touched yet', () => {
    const missing = windows([{ cron: '30 2 * * *', duration: 'PT1H', zone: BERLIN }]);

    expect(openings(missing, '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:30:00Z – 2026-03-29T02:30:00Z',
      '2026-03-30T00:30:00Z – 2026-03-30T01:30:00Z',
    ]);
  });

  it('keeps the length of a window that spans the missing hour', () => {
    const night = windows([{ cron: '0 1 * * *', duration: 'PT4H', zone: BERLIN }]);

    expect(openings(night, '2026-03-28T12:00:00Z', 1)).toEqual([
      '2026-03-29T00:00:00Z – 2026-03-29T04:00:00Z',
    ]);
  });
});

describe('when the clock is set back (Berlin, 2026-10-25, 03:00 becomes 02:00)', () => {
  it('opens a window that starts in the doubled hour once, the first time', () => {
    const doubled = windows([{ cron: '30 2 * * *', duration: 'PT20M', zone: BERLIN }]);

    expect(openings(doubled, '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00Z – 2026-10-25T00:50:00Z',
      '2026-10-26T01:30:00Z – 2026-10-26T01:50:00Z',
    ]);
  });

  it('is closed the second time the clock shows the window', () => {
    const doubled = windows([{ cron: '30 2 * * *', duration: 'PT20M', zone: BERLIN }]);

    expect(isOpen(doubled, instantMs('2026-10-25T01:35:00Z'))).toBe(false);
  });
});

describe('zones off the hour', () => {
  it.each([
    { zone: 'Asia/Kathmandu', opens: '2026-03-02T20:15:00Z' },
    { zone: 'Pacific/Kiritimati', opens: '2026-03-03T12:00:00Z' },
    { zone: 'America/Los_Angeles', opens: '2026-03-03T10:00:00Z' },
  ])('opens at 02:00 in $zone', ({ zone, opens }) => {
    const night = windows([{ cron: '0 2 * * *', duration: 'PT1H', zone }]);

    expect(nextOpen(night, instantMs('2026-03-02T13:00:00Z'))).toBe(instantMs(opens));
  });

  it('follows a change of half an hour (Lord Howe, 2026-10-04, 02:00 becomes 02:30)', () => {
    const night = windows([{ cron: '15 2 * * *', duration: 'PT1H', zone: 'Australia/Lord_Howe' }]);

    expect(openings(night, '2026-10-03T12:00:00Z', 1)).toEqual([
      '2026-10-03T15:45:00Z – 2026-10-03T16:45:00Z',
    ]);
  });
});

describe('deny windows', () => {
  it('cut an opening in two', () => {
    const day = windows(
      [{ cron: '0 8 * * *', duration: 'PT10H' }],
      [{ cron: '0 12 * * *', duration: 'PT1H' }],
    );

    expect(openings(day, '2026-03-02T09:00:00Z', 3)).toEqual([
      '2026-03-02T09:00:00Z – 2026-03-02T12:00:00Z',
      '2026-03-02T13:00:00Z – 2026-03-02T18:00:00Z',
      '2026-03-03T08:00:00Z – 2026-03-03T12:00:00Z',
    ]);
  });

  it('that begin or end with an opening cut nothing else of it', () => {
    const day = (deny: readonly Span[]) =>
      openings(windows([{ cron: '0 8 * * *', duration: 'PT10H' }], deny), '2026-03-02T00:00:00Z', 1);

    expect(day([{ cron: '0 8 * * *', duration: 'PT1H' }])).toEqual([
      '2026-03-02T09:00:00Z – 2026-03-02T18:00:00Z',
    ]);
    expect(day([{ cron: '0 17 * * *', duration: 'PT1H' }])).toEqual([
      '2026-03-02T08:00:00Z – 2026-03-02T17:00:00Z',
    ]);
    expect(day([{ cron: '0 18 * * *', duration: 'PT1H' }])).toEqual([
      '2026-03-02T08:00:00Z – 2026-03-02T18:00:00Z',
    ]);
    expect(day([{ cron: '0 7 * * *', duration: 'PT1H' }])).toEqual([
      '2026-03-02T08:00:00Z – 2026-03-02T18:00:00Z',
    ]);
  });

  it('that follow one another are passed over together', () => {
    const day = windows(
      [{ cron: '0 8 * * *', duration: 'PT10H' }],
      [
        { cron: '0 8 * * *', duration: 'PT1H' },
        { cron: '0 9 * * *', duration: 'PT1H' },
      ],
    );

    expect(nextOpen(day, instantMs('2026-03-02T08:30:00Z'))).toBe(instantMs('2026-03-02T10:00:00Z'));
    expect(isOpen(day, instantMs('2026-03-02T09:00:00Z'))).toBe(false);
    expect(isOpen(day, instantMs('2026-03-02T10:00:00Z'))).toBe(true);
  });

  it('alone leave all other times open', () => {
    const noFriday = windows([], [{ cron: '0 0 * * fri', duration: 'P1D' }]);

    expect(openings(noFriday, '2026-03-06T15:00:00Z', 1)).toEqual([
      '2026-03-07T00:00:00Z – 2026-03-13T00:00:00Z',
    ]);
  });

  it('that cover every allow window leave no opening', () => {
    const never = windows(
      [{ cron: '0 2 * * *', duration: 'PT1H' }],
      [{ cron: '0 0 * * *', duration: 'P1D' }],
    );

    expect(nextOpenings(never, instantMs('2026-03-02T12:00:00Z'), 3)).toEqual([]);
  });
});

describe('a window whose date never comes', () => {
  it('is named, for it denies nothing', () => {
    const { windows: written, ...rest } = policyOf({
      windows: windows([], [{ cron: '0 2 30 2 *', duration: 'P1D' }]),
    });

    const problems = findUnsatisfiable({ ...rest, windows: written }, instantMs('2026-03-02T12:00:00Z'));

    expect(problems).toEqual([expect.stringContaining('window-0')]);
  });
});

describe('a hundred windows that deny whatever they allow', () => {
  it.each([
    [
      'every other minute',
      (i: number) => ({ cron: `*/2 * * * *`, duration: i % 2 === 0 ? 'PT1M' : 'PT60S' }),
    ],
    ['one minute of every hour each', (i: number) => ({ cron: `${i} * * * *`, duration: 'PT1M' })],
    ['a date that never comes', (i: number) => ({ cron: `${i} 0 30 2 *`, duration: 'PT1H' })],
  ])('%s, are answered without a wait', (_name, span) => {
    const spans = Array.from({ length: 50 }, (_, i) => ({ zone: BERLIN, ...span(i) }));
    const all = windows(spans, spans);
    const now = instantMs('2026-03-02T12:00:00Z');
    const began = performance.now();

    expect(nextOpen(all, now)).toBeNull();
    expect(nextOpenings(all, now, 3)).toEqual([]);
    expect(isOpen(all, now)).toBe(false);
    // Some milliseconds; half a minute and more where every span of eight years is looked at.
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});

describe('no windows', () => {
  it('are always open and never close', () => {
    expect(nextOpenings(windows([]), instantMs('2026-03-02T12:00:00Z'), 3)).toEqual([
      { opens: instantMs('2026-03-02T12:00:00Z'), closes: null },
    ]);
  });
});

function windows(allow: readonly Span[], deny: readonly Span[] = []) {
  const named = (spans: readonly Span[]) =>
    spans.map((span, i) => ({ name: `window-${i}`, zone: 'UTC', ...span }));
  return policyOf({ windows: { allow: named(allow), deny: named(deny) } }).windows;
}

function openings(of: ReturnType<typeof windows>, from: string, count: number): readonly string[] {
  return nextOpenings(of, instantMs(from), count).map(
    ({ opens, closes }) => `${formatInstant(opens)} – ${closes === null ? 'open' : formatInstant(closes)}`,
  );
}
