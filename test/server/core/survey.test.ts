// How an offer fares, install by install: whose silence tells of it, and for how long.
import { expect, it } from 'vitest';
import type { Stopped } from '../../../server/core/guard.ts';
import { createSurvey, QUIET_MS, type Surveyed } from '../../../server/core/survey.ts';
import { judgeRollout } from '../../../shared/change/judge.ts';

const HOUR_MS = 3_600_000;
const START = Date.parse('2026-03-02T10:00:00Z');
const CUT = START + 60_000;
const HALTED = CUT + QUIET_MS + 60_000;

/** Of three hundred the first three took it and were cut off; the next wave, after an hour, has twenty-seven. */
function fleetAt(now: number, os = ['debian:12']): readonly Surveyed[] {
  const one = { facts: { os }, outcome: null, byMachine: false, omitted: null, lastSeen: now };
  const cut = { ...one, lastSeen: CUT, offeredAt: START, outcome: 'inProgress' } as const;
  return [
    ...Array.from({ length: 3 }, () => cut),
    ...Array.from({ length: 27 }, () => ({ ...one, offeredAt: START + HOUR_MS })),
    ...Array.from({ length: 270 }, () => ({ ...one, offeredAt: START + 24 * HOUR_MS })),
  ];
}

function judgeAt(now: number, stopped: Stopped | null, fleet = fleetAt(now)) {
  const survey = createSurvey({ since: START, stopped, now });
  for (const one of fleet) survey.add(one);
  const { fare, classes } = survey.result();
  return judgeRollout(0.02, fare, classes);
}

const STOPPED = { class: null, since: HALTED };

it('stops what silences its first wave before the second comes', () => {
  expect(judgeAt(HALTED, null)).toMatchObject({ kind: 'stop', findings: [{ cause: 'silence' }, {}] });
  expect(HALTED).toBeLessThan(START + HOUR_MS);
});

it.each([2, 12, 26, 40, 400])('stands by its halt %s hours later, while they are silent', (hours) => {
  expect(judgeAt(START + hours * HOUR_MS, STOPPED).kind).toBe('stop');
});

it('stands by the halt of a class, whose others go on', () => {
  const stopped = { class: 'os=debian:12', since: HALTED };
  const now = START + 26 * HOUR_MS;
  const others = fleetAt(now, ['rhel:9']).map((one) => ({
    ...one,
    lastSeen: now,
    outcome: 'committed' as const,
  }));

  expect(judgeAt(now, stopped, [...fleetAt(now), ...others])).toMatchObject({ kind: 'stop' });
});

it('lets it go on once they are heard again', () => {
  const now = START + 26 * HOUR_MS;
  const heard = fleetAt(now).map((one) => ({ ...one, lastSeen: now }));

  expect(judgeAt(now, STOPPED, heard).kind).toBe('goes-on');
});
