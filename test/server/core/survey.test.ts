// How an offer fares, install by install: whose silence tells of it, and for how long.
import { describe, expect, it } from 'vitest';
import type { Stopped } from '../../../server/core/guard.ts';
import { createHearing, createSurvey, QUIET_MS, type Surveyed } from '../../../server/core/survey.ts';
import { judgeRollout } from '../../../shared/change/judge.ts';

const HOUR_MS = 3_600_000;
const START = Date.parse('2026-03-02T10:00:00Z');
const NOON = START + 2 * HOUR_MS;
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

function judgeAt(now: number, stopped: Stopped | null, fleet = fleetAt(now), isHearing = true) {
  const survey = createSurvey({ since: START, stopped, isHearing, now });
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

it('goes on where a region falls silent before the second wave reaches it', () => {
  const now = START + HOUR_MS + 16 * 60_000;
  const one = { facts: { os: ['debian:12'] }, outcome: null, byMachine: false, omitted: null, lastSeen: now };
  const silent = { ...one, lastSeen: START + HOUR_MS / 2 };
  const second = { offeredAt: START + HOUR_MS };
  const fleet: readonly Surveyed[] = [
    ...Array.from(
      { length: 6 },
      (_, i) => ({ ...one, offeredAt: START, outcome: i === 0 ? null : 'committed' }) as const,
    ),
    ...Array.from({ length: 80 }, () => ({ ...one, ...second })),
    ...Array.from({ length: 13 }, () => ({ ...silent, ...second })),
    ...Array.from({ length: 901 }, (_, i) => ({
      ...(i < 160 ? silent : one),
      offeredAt: START + 24 * HOUR_MS,
    })),
  ];

  expect(judgeAt(now, null, fleet).kind).toBe('goes-on');
});

it('lets it go on once they are heard again', () => {
  const now = START + 26 * HOUR_MS;
  const heard = fleetAt(now).map((one) => ({ ...one, lastSeen: now }));

  expect(judgeAt(now, STOPPED, heard).kind).toBe('goes-on');
});

it('says nothing of silence while the server hears nobody, and of failures what it knows', () => {
  const failed = fleetAt(HALTED).map((one) =>
    one.outcome === null ? one : { ...one, outcome: 'failed' as const },
  );

  expect(judgeAt(HALTED, null, fleetAt(HALTED), false).kind).toBe('goes-on');
  expect(judgeAt(HALTED, null, failed, false)).toMatchObject({
    kind: 'stop',
    findings: [{ cause: 'rate' }, {}],
  });
});

describe('a server that heard nobody for twenty minutes', () => {
  const MINUTE_MS = 60_000;

  it.each([
    ['is sure while somebody speaks', [[START, START + 20 * MINUTE_MS]], START + 20 * MINUTE_MS, true],
    ['is sure where nobody ever was', [[null, START]], START, true],
    ['is not', [[START, START + 21 * MINUTE_MS]], START + 21 * MINUTE_MS, false],
    [
      'is not for an hour after somebody came back',
      [
        [START, NOON],
        [NOON, NOON],
      ],
      NOON + HOUR_MS,
      false,
    ],
    [
      'is sure again when all had an hour',
      [
        [START, NOON],
        [NOON, NOON],
      ],
      NOON + HOUR_MS + 1,
      true,
    ],
    ['is sure again where it was a clock that ran ahead', [[START, NOON]], NOON - 1, true],
  ] as const)('%s', (_name, notes, at, expected) => {
    const hearing = createHearing();
    for (const [newest, now] of notes) hearing.note(newest, now);

    expect(hearing.isSure(at)).toBe(expected);
  });
});
