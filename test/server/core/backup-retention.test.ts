// Which backups stay: by their age, by their room, and whatever clocks say.
import { describe, expect, it } from 'vitest';
import { nameSet, parseSet, type SetName } from '../../../server/core/backup-names.ts';
import { isBackupDue, selectExpired } from '../../../server/core/backup-retention.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];
const LIST = 'a'.repeat(32);

const setAt = (sequence: number, at: number, bytes = 1) => nameSet({ sequence, at, bytes, list: LIST });

/** One each minute, of long ago one each hour, thinned out each time as a server does. */
function live(ms: number, bytes = 1, most?: number): readonly SetName[] {
  let kept: readonly SetName[] = [];
  for (let at = NOW - ms, sequence = 1; at <= NOW; at += at < NOW - 2 * DAY ? HOUR : MINUTE, sequence++) {
    const all = [...kept, setAt(sequence, at, bytes)];
    const gone = new Set(selectExpired(all, at, most));
    kept = all.filter((one) => !gone.has(one));
  }
  return kept;
}

const agesOf = (sets: readonly SetName[]) => sets.map(({ at }) => NOW - at).toSorted((a, b) => a - b);

describe('what is kept', () => {
  it('is everything of the last hour, one in five minutes of the day, and one a day of thirty days', () => {
    const ages = agesOf(live(31.2 * DAY));
    const within = (from: number, to: number) => ages.filter((age) => age > from && age <= to);

    expect(within(-1, HOUR)).toHaveLength(61);
    expect(within(HOUR, DAY).length).toBeGreaterThanOrEqual(23 * 12);
    expect(within(HOUR, DAY).length).toBeLessThanOrEqual(23 * 12 + 2);
    expect(within(DAY, 30 * DAY).length).toBeGreaterThanOrEqual(29);
    expect(within(DAY, 30 * DAY).length).toBeLessThanOrEqual(31);
    expect(within(30 * DAY, Number.POSITIVE_INFINITY)).toEqual([]);
  });

  it('always holds the newest, of whatever time it says it is', () => {
    const old = [setAt(1, NOW - 100 * DAY), setAt(2, NOW - 90 * DAY)];
    expect(selectExpired(old, NOW)).toEqual([old[0]]);
    expect(selectExpired([setAt(1, NOW + 100 * DAY)], NOW)).toEqual([]);
  });

  it('has less of the day before it has fewer days, where it takes too much room', () => {
    const kept = live(10 * DAY, 10, 400);
    const ages = agesOf(kept);

    expect(kept.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(400);
    expect(ages.filter((age) => age > DAY).length).toBeGreaterThanOrEqual(8);
    expect(ages.filter((age) => age <= DAY).length).toBeGreaterThanOrEqual(20);
  });

  it('is the newest alone where nothing else has room', () => {
    const sets = [setAt(1, NOW - HOUR, 50), setAt(2, NOW - MINUTE, 50), setAt(3, NOW, 500)];
    expect(
      selectExpired(sets, NOW, 100)
        .map(({ sequence }) => sequence)
        .toSorted(),
    ).toEqual([1, 2]);
  });
});

describe('a name', () => {
  it('says again what it was made of, to the second', () => {
    const made = setAt(12, NOW + 345, 4_096);
    expect(parseSet(made.name)).toEqual(made);
    expect(made.at).toBe(NOW);
  });

  it.each(['sets/1', 'data/000000001-20261120T120000Z', 'sets/000000001-20261120T120000Z-1-xyz'])(
    'is none: %s',
    (name) => {
      expect(parseSet(name)).toBeNull();
    },
  );
});

describe('the next one', () => {
  const last = (ago: number, tookMs: number) => ({ at: new Date(NOW - ago).toISOString(), tookMs });

  it.each([
    ['where there is none', null, true],
    ['a minute after one that took a second', last(MINUTE, 1_000), true],
    ['half a minute after it', last(MINUTE / 2, 1_000), false],
    ['a minute after one that took ten', last(MINUTE, 10_000), false],
    ['two hundred seconds after it', last(200_000, 10_000), true],
    ['five minutes after one that took a minute', last(5 * MINUTE, MINUTE), true],
    ['after one of tomorrow: the clock was ahead', last(-DAY, 1_000), true],
  ])('is due %s', (_what, mark, isDue) => {
    expect(isBackupDue(mark, NOW)).toBe(isDue);
  });
});
