// Reasons that depend on one fact among several: the hold in force, the note about this very release.
import { describe, expect, it } from 'vitest';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { quarantinedReason, withheldReason } from '../../../shared/policy/idle-reasons.ts';
import { heldForced, isOfTheFuture } from '../../../shared/policy/local-state.ts';
import { DEFAULT_POLICY } from '../../../shared/schema/policy.ts';

const NOW = instantMs('2026-03-01T10:00:00Z');
const HOUR = 3_600_000;
const holdUntil = (ms: number) => ({
  since: '2026-03-01T00:00:00Z',
  until: new Date(ms).toISOString(),
  reason: 'audit',
  by: 'ada',
});

describe('a hold of forced patches', () => {
  it.each([
    ['is over in its moment', NOW, false],
    ['is in force until then', NOW + 1000, true],
    ['is in force for the three days it may last', NOW + 72 * HOUR, true],
    ['is in force also where the clock was set back by a day since', NOW + 96 * HOUR, true],
    ['is none where the clock was set back by more', NOW + 96 * HOUR + 1000, false],
  ])('%s', (_what, until, held) => {
    const hold = holdUntil(until);

    expect(heldForced({ ...DEFAULT_POLICY, emergencyHold: hold }, NOW)).toEqual(held ? hold : null);
    expect(isOfTheFuture(hold, NOW)).toBe(until > NOW + 96 * HOUR);
  });

  it('is none where nobody holds them', () => {
    expect(heldForced({ ...DEFAULT_POLICY, hold: holdUntil(NOW + HOUR) }, NOW)).toBeNull();
  });
});

describe('a release in quarantine', () => {
  const note = (release: string, reason: string, record: number) =>
    ({
      component: 'core/auth',
      release,
      version: '9.9.9',
      since: '2026-03-01T00:00:00Z',
      reason,
      record,
    }) as never;
  const notes = [note('other', 'slow', 3), note('this', 'stopped running', 7)];
  const withheld = (release: string) =>
    withheldReason(
      { component: 'core/auth', version: '1.0.1', release, why: { kind: 'quarantined' } } as never,
      notes,
    );

  it('is told with its own story, not with that of another', () => {
    const reason = withheld('this');

    expect(reason).toEqual(quarantinedReason('core/auth', '1.0.1', notes[1]));
    expect(JSON.stringify(reason)).toContain(
      'core/auth 1.0.1 is quarantined since change 7: stopped running',
    );
  });

  it('is told without one where none was kept', () => {
    expect(withheld('unknown')).toEqual(quarantinedReason('core/auth', '1.0.1', undefined));
  });
});
