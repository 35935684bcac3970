// Spans of windows as instants: which are told, in which order, and how much is looked at for them.
import { describe, expect, it } from 'vitest';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { mergeSpans, type Span, spansOf, type Work } from '../../../shared/policy/spans.ts';
import { policyOf } from '../../support/scenario.ts';

const DAY = 86_400_000;
const NOON = instantMs('2026-03-02T12:00:00Z');

const windowOf = (cron: string, duration = 'PT1H', name = 'it', zone = 'UTC') =>
  policyOf({ windows: { allow: [{ name, cron, duration, zone }] } }).windows.allow[0]!;
const told = (spans: Iterable<Span>) =>
  [...spans].map(({ start, end }) => `${formatInstant(start).slice(5, 16)} ${(end - start) / 60_000}`);
const first = (spans: Iterable<Span>, count: number) => told(spans).slice(0, count);

describe('the spans of a window', () => {
  it.each([
    ['leave out one that ends in this very instant', '2026-03-02T03:00:00Z', '03-03T02:00 60'],
    ['begin with one that is still open', '2026-03-02T02:59:59Z', '03-02T02:00 60'],
    ['begin with one that begins now', '2026-03-02T02:00:00Z', '03-02T02:00 60'],
    ['begin with one that is to come', '2026-03-02T01:59:59Z', '03-02T02:00 60'],
  ])('%s', (_what, from, span) => {
    expect(first(spansOf(windowOf('0 2 * * *'), instantMs(from)), 1)).toEqual([span]);
  });

  it('begin with one that has lasted for days', () => {
    const week = windowOf('0 2 1 * *', 'P7D');

    expect(first(spansOf(week, instantMs('2026-03-08T01:59:59Z')), 2)).toEqual([
      '03-01T02:00 10080',
      '04-01T02:00 10080',
    ]);
    expect(first(spansOf(week, instantMs('2026-03-08T02:00:00Z')), 1)).toEqual(['04-01T02:00 10080']);
  });

  it('that touch or overlap within a day are one, others are not', () => {
    const spans = (cron: string, duration: string) =>
      first(spansOf(windowOf(cron, duration), instantMs('2026-03-03T00:00:00Z')), 2);

    expect(spans('0,30 2 * * *', 'PT30M')).toEqual(['03-03T02:00 60', '03-04T02:00 60']);
    expect(spans('0,30 2 * * *', 'PT40M')).toEqual(['03-03T02:00 70', '03-04T02:00 70']);
    expect(spans('0,30 2 * * *', 'PT29M')).toEqual(['03-03T02:00 29', '03-03T02:30 29']);
  });

  it('reach into the day of `until` in every zone, and end soon after it', () => {
    for (const zone of ['UTC', 'Pacific/Kiritimati', 'Pacific/Niue']) {
      const starts = [...spansOf(windowOf('0 * * * *', 'PT1M', 'it', zone), NOON, NOON + DAY)].map(
        ({ start }) => start,
      );

      expect(starts.filter((start) => start < NOON + DAY)).toHaveLength(24);
      expect(Math.max(...starts)).toBeLessThan(NOON + 4 * DAY);
    }
  });

  it('are looked for day by day, and no further than the work that is left', () => {
    const within = (left: number, cron: string) =>
      [...spansOf(windowOf(cron), NOON, NOON + 3_000 * DAY, { left })].length;

    // Yesterday and today are looked at before tomorrow, and a span that is found costs four days of looking.
    expect([0, 2, 3].map((left) => within(left, '0 2 3 3 *'))).toEqual([0, 0, 1]);
    expect(within(30, '0 2 * * *') * 5).toBeLessThanOrEqual(30);
    expect(within(30, '0 2 30 2 *')).toBe(0);
  });
});

describe('the spans of several windows', () => {
  const merged = (...windows: Parameters<typeof mergeSpans>[0]) => {
    const work: Work = { left: 1_000 };
    return told(mergeSpans(windows, NOON, NOON + 2 * DAY, work)).slice(0, 5);
  };

  it('come in one order, whichever window is named first', () => {
    const [night, noon, evening] = [windowOf('0 2 * * *'), windowOf('0 12 * * *'), windowOf('0 20 * * *')];
    const order = ['03-02T12:00 60', '03-02T20:00 60', '03-03T02:00 60', '03-03T12:00 60', '03-03T20:00 60'];

    expect(merged(night, noon, evening)).toEqual(order);
    expect(merged(evening, noon, night)).toEqual(order);
  });

  it('come once for windows that differ in their name alone, and each for those that differ in anything else', () => {
    expect(merged(windowOf('0 2 4 3 *'), windowOf('0 2 4 3 *', 'PT1H', 'other'))).toEqual(['03-04T02:00 60']);
    expect(
      merged(
        windowOf('0 2 4 3 *'),
        windowOf('0 2 4 3 *', 'PT2H'),
        windowOf('0 2 4 3 *', 'PT1H', 'it', 'Europe/Berlin'),
      ),
    ).toEqual(['03-04T01:00 60', '03-04T02:00 60', '03-04T02:00 120']);
  });

  it('go on where one of them has none left, or never had any', () => {
    expect(merged(windowOf('0 2 30 2 *'), windowOf('0 2 3 3 *'), windowOf('0 2 4 3 *'))).toEqual([
      '03-03T02:00 60',
      '03-04T02:00 60',
    ]);
    expect(merged()).toEqual([]);
  });
});
