// Windows and the time that a deployment needs: what is not begun, until when, and what no window is long enough for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { formatAbout } from '../../../shared/policy/window-reasons.ts';
import { isOpen } from '../../../shared/policy/windows.ts';
import { findRoom } from '../../support/finished.ts';
import { decideScenario, policyOf, type Scenario } from '../../support/scenario.ts';

const MINUTE_MS = 60_000;
/** An hour at night, and four on Saturdays. */
const NIGHT = { name: 'night', cron: '0 2 * * *', duration: 'PT1H', zone: 'UTC' };
const SATURDAY = { name: 'saturday', cron: '0 20 * * sat', duration: 'PT4H', zone: 'UTC' };
const BASE: Scenario = {
  releases: { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': {} },
  runs: ['core/auth@1.0.0'],
  policy: { windows: { allow: [NIGHT, SATURDAY] } },
};
/** A Tuesday. */
const at = (time: string) => `2026-03-03T${time}:00Z`;

function decided(scenario: Partial<Scenario>) {
  const { verdict, blockers } = decideScenario({ ...BASE, ...scenario }).decision;
  return {
    verdict,
    codes: blockers.map(({ code }) => code),
    clears: blockers[0]?.clearsAt,
    first: blockers[0],
  };
}

describe('a deployment and its window', () => {
  it.each([
    ['begins where there is time enough', '02:10', 50, {}, 'apply', [], undefined],
    [
      'is not begun a minute later',
      '02:11',
      50,
      {},
      'wait',
      ['window-short'],
      at('02:00').replace('03T', '04T'),
    ],
    [
      'waits for the window that is long enough',
      '02:10',
      90,
      {},
      'wait',
      ['window-short'],
      '2026-03-07T20:00:00Z',
    ],
    ['says so before a short one opens', '01:00', 90, {}, 'wait', ['window-short'], '2026-03-07T20:00:00Z'],
    ['waits for one that is long enough as ever', '01:00', 50, {}, 'wait', ['window-closed'], at('02:00')],
    ['never fits', '02:00', 241, {}, 'held', ['windows-too-short'], undefined],
    [
      'never fits, which is said while none is open',
      '12:00',
      241,
      {},
      'held',
      ['windows-too-short'],
      undefined,
    ],
    ['may be begun by a person who says so', '02:11', 90, { override: ['window'] }, 'apply', [], undefined],
    ['is not begun by one who does not', '02:11', 90, {}, 'wait', ['window-short'], '2026-03-07T20:00:00Z'],
  ] as const)('%s', (_what, time, minutes, command, verdict, codes, clears) => {
    const decision = decided({
      ...{ now: at(time), takes: minutes * MINUTE_MS },
      ...('override' in command ? { command: { override: ['window'] } } : {}),
    });

    expect(decision).toMatchObject({ verdict, codes });
    expect(decision.clears).toBe(clears);
  });

  it('needs what is still to fetch only where that is not fetched ahead', () => {
    const scenario = { now: at('02:10'), takes: 10 * MINUTE_MS, fetches: 55 * MINUTE_MS };
    const ahead = decided(scenario);
    const windows = { allow: [NIGHT, SATURDAY] };

    // It is fetched meanwhile: the next night is long enough for the rest.
    expect(ahead).toMatchObject({ verdict: 'wait', clears: '2026-03-04T02:00:00Z' });
    expect(ahead.first?.message).toMatch(
      /^it needs about 1h 5m with what is still to fetch, 10m without, and/,
    );
    expect(decided({ ...scenario, policy: { windows, fetchAhead: false } })).toMatchObject({
      clears: '2026-03-07T20:00:00Z',
    });
  });

  it('says in instants how much it needs, when the window closes and which one is long enough', () => {
    const { first } = decided({ now: at('02:50'), takes: 13.2 * MINUTE_MS });

    expect(first).toMatchObject({
      message:
        'it needs about 14m, and the window closes at 2026-03-03T03:00:00Z; the next that is long enough opens at 2026-03-04T02:00:00Z',
      ...{ source: 'policy windows', owner: 'time', clearsAt: '2026-03-04T02:00:00Z' },
      clearWith: 'fairlead apply --now --override window --reason "why"',
    });
    expect(decided({ now: at('02:51'), takes: 13.2 * MINUTE_MS }).first).toEqual(first);
  });

  it('says that no window is ever long enough, which is the longest, and what helps', () => {
    const { first } = decided({ now: at('12:00'), takes: 300 * MINUTE_MS });

    expect(first).toMatchObject({
      message:
        'it needs about 5h, and no window of the year to come is long enough: the longest is open for 4h; make one longer with fairlead window add, or go past them once',
      owner: 'admin',
    });
  });

  it.each([
    ['nothing but deny windows, which it would run into', { deny: [NIGHT] }, '01:55', 'wait'],
    ['nothing but deny windows, far from them', { deny: [NIGHT] }, '12:00', 'apply'],
    [
      'a window that is cut by a deny window',
      { allow: [SATURDAY], deny: [{ ...SATURDAY, cron: '30 20 * * *' }] },
      '12:00',
      'held',
    ],
    ['a window that never closes', { allow: [{ ...NIGHT, cron: '* * * * *' }] }, '12:00', 'apply'],
    ['no windows at all', {}, '12:00', 'apply'],
  ] as const)('of %s', (_what, windows, time, verdict) => {
    const takes = verdict === 'held' ? 31 * MINUTE_MS : 10 * MINUTE_MS;

    expect(decided({ now: at(time), takes, policy: { windows } }).verdict).toBe(verdict);
  });

  it('asks nobody to approve what no window is long enough for, and asks for what only waits', () => {
    const policy = { channel: 'manual', windows: { allow: [NIGHT] } };

    expect(decided({ now: at('02:50'), takes: 59 * MINUTE_MS, policy }).codes).toEqual([
      'approval-needed',
      'window-short',
    ]);
    expect(decided({ now: at('02:50'), takes: 61 * MINUTE_MS, policy }).codes).toEqual(['windows-too-short']);
  });

  it('never holds a forced patch back, however long it takes', () => {
    const advisories = {
      'FL-2026-0001': { affected: { 'core/auth': '<1.1.0' }, fixed: ['core/auth@1.1.0'], notice: 'PT48H' },
    };
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10_000 }),
        fc.integer({ min: 0, max: 2_879 }),
        (minutes, after) => {
          const now = formatInstant(instantMs(at('00:00')) + after * MINUTE_MS);
          const scenario = { advisories, now, takes: minutes * MINUTE_MS };
          const { codes } = decided(scenario);
          expect(codes).toEqual(decided({ ...scenario, takes: 0 }).codes);
          expect(codes).not.toContain('window-short');
          expect(codes).not.toContain('windows-too-short');
        },
      ),
    );
  });
});

describe('the room in windows', () => {
  const fields = fc.record({
    cron: fc.constantFrom('0 2 * * *', '30 1 * * sun', '0 */6 * * *', '15 22 1 * *', '0 12 29 2 *'),
    duration: fc.constantFrom('PT15M', 'PT1H', 'PT90M', 'PT5H'),
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe'),
  });
  const some = fc.array(fields, { maxLength: 3 });

  it('is where every minute of what is needed is open, and nowhere before', () => {
    const need = fc.integer({ min: 1, max: 120 });
    fc.assert(
      fc.property(some, some, need, fc.integer({ min: 0, max: 525_600 }), (allow, deny, minutes, after) => {
        const named = (all: readonly object[]) => all.map((one, n) => ({ name: `w${n}`, ...one }));
        const { windows } = policyOf({ windows: { allow: named(allow), deny: named(deny) } });
        const from = instantMs('2026-01-01T00:00:00Z') + after * MINUTE_MS;
        const needMs = minutes * MINUTE_MS;
        const { first, fits } = findRoom(windows, from, () => needMs);
        const isAllOpen = (start: number) => {
          for (let n = minutes - 1; n >= 0; n -= 5) if (!isOpen(windows, start + n * MINUTE_MS)) return false;
          return isOpen(windows, start);
        };
        if (fits !== null) expect(isAllOpen(fits.opens)).toBe(true);
        // A day before it, or before nothing: none of them would do.
        const until = Math.min(fits?.opens ?? Number.POSITIVE_INFINITY, from + 1_440 * MINUTE_MS);
        for (let start = from; start < until; start += 15 * MINUTE_MS) expect(isAllOpen(start)).toBe(false);
        if (first === null) expect(isOpen(windows, from)).toBe(false);
      }),
      { numRuns: 25 },
    );
  });
});

describe('a time in the words of a person', () => {
  it.each([
    [0, '0s'],
    [1, '1s'],
    [119_001, '2m'],
    [120_001, '3m'],
    [840_000, '14m'],
    [3_600_001, '1h 1m'],
  ])('of %i ms is %s', (ms, text) => {
    expect(formatAbout(ms)).toBe(text);
  });
});
