// An explanation: what would move and why, what stands against it, and each fact only while it is the case.
import { describe, expect, it } from 'vitest';
import {
  describeContact,
  describeFit,
  describePinState,
  renderCost,
  renderExplanation,
  renderPlan,
} from '../../../shared/present/explanation.ts';
import type { Forecast } from '../../../shared/schema/forecast.ts';
import {
  blocker,
  CURRENT,
  EXPOSURE,
  explanationOf,
  MARKED,
  MOVE,
  OFFERED,
  PLAN,
  PLANNED,
} from '../../support/answers.ts';
import { recordOf } from '../../support/deployments.ts';

const render = (changes: object) => renderExplanation(explanationOf(changes), { style: MARKED, zone: 'UTC' });
const OPENINGS = [{ opens: '2026-03-07T02:00:00Z', closes: null }];
const PIN = {
  pin: { level: 'capability', name: 'core/auth', version: '~1.0', owner: 'ada', reason: 'audit' },
  state: 'active',
  by: [],
};
const FAILURE = { code: 'transport/unreachable', message: 'no answer', hint: '' };
const CONTACT = {
  at: '2026-03-01T10:03:00Z',
  outcome: 'changed',
  failure: null,
  next: '2026-03-01T11:00:00Z',
} as const;

describe('an explanation', () => {
  it('of an install that has nothing to say is the verdict', () => {
    expect(render({})).toEqual(['good<current: nothing else is on offer>']);
  });

  it('of a fix names it, what lets it in, and that nothing else moves', () => {
    const fix = { by: 'policy', advisories: ['FL-1', 'FL-2'], beside: [] };
    const decision = { ...CURRENT, verdict: 'apply', target: OFFERED, fix };

    const lines = render({ decision });

    expect(lines[0]).toContain('a fix of FL-1, FL-2 is about to be applied');
    expect(lines.slice(lines.indexOf('Fix:'))).toEqual([
      'Fix:',
      '  of FL-1, FL-2, let in by policy security',
      '  nothing moves but what the advisories affect',
    ]);
  });

  it.each<[string, object, readonly string[]]>([
    [
      'the decision on the record',
      { recorded: { since: '2026-03-01T10:00:00Z', isSame: true } },
      ['Decided sun 2026-03-01 10:00 UTC (2026-03-01T10:00:00Z), and on the record.'],
    ],
    [
      'that another decision is on the record',
      { recorded: { since: '2026-03-01T10:00:00Z', isSame: false } },
      [
        'Computed just now: the decision on the record, of sun 2026-03-01 10:00 UTC (2026-03-01T10:00:00Z), was another one.',
      ],
    ],
    ['nothing of a record that is not there', { recorded: null }, []],
    [
      'the deployment under way',
      { inProgress: recordOf(4, ['planned']) },
      ['follow it: fairlead change 4 --watch'],
    ],
    [
      'of the reasons against another none that it is itself',
      {
        inProgress: recordOf(4, ['planned']),
        decision: { ...CURRENT, blockers: [blocker({ code: 'deployment-in-progress' }), blocker()] },
      },
      [
        'follow it: fairlead change 4 --watch',
        'Why not now:',
        '  - held by ada [hold; admin clears it; policy.hold]',
      ],
    ],
    [
      'what is exposed',
      { decision: { ...CURRENT, exposed: [EXPOSURE] } },
      ['Exposed:', '  FL-2026-0003 (critical): core/auth 1.0.0'],
    ],
    [
      'more than the decision lists',
      { decision: { ...CURRENT, exposed: [EXPOSURE], newer: [], unlisted: { exposed: 7, newer: 4 } } },
      [
        'Newer:',
        '  - and 4 more',
        'Exposed:',
        '  FL-2026-0003 (critical): core/auth 1.0.0',
        '  and 7 more, none more urgent than these',
      ],
    ],
    [
      'when the server was asked',
      { contact: CONTACT },
      ['Server asked 2m ago: it had news; next time 2026-03-01T11:00:00Z'],
    ],
    [
      'a reason that waits for a window, with the windows',
      {
        decision: { ...CURRENT, verdict: 'wait', blockers: [blocker({ code: 'window-closed' })] },
        openings: OPENINGS,
      },
      [
        'Why not now:',
        '  - held by ada [window-closed; admin clears it; policy.hold]',
        'Next openings:',
        '  sat 2026-03-07 02:00 UTC (2026-03-07T02:00:00Z) and stays open',
      ],
    ],
    [
      'another reason without them',
      { decision: { ...CURRENT, verdict: 'wait', blockers: [blocker()] }, openings: OPENINGS },
      ['Why not now:', '  - held by ada [hold; admin clears it; policy.hold]'],
    ],
    ['a pin', { pins: [PIN] }, ['Pins:', '  core/auth at ~1.0 holds (ada: audit)']],
    [
      'a pin of the platform',
      { pins: [{ ...PIN, pin: { level: 'platform', version: '~1.0', owner: 'ada', reason: 'audit' } }] },
      ['Pins:', '  platform at ~1.0 holds (ada: audit)'],
    ],
  ])('shows %s', (_what, changes, lines) => {
    expect(render(changes).slice(1)).toEqual(lines);
  });
});

describe('the plan of an explanation', () => {
  const row = [
    '  COMPONENT  FROM   TO     WHY     FETCH   WAY BACK',
    '  core/auth  1.0.0  1.0.1  latest  9.1 MB  yes',
  ];
  const offered = {
    plan: PLANNED,
    moves: [MOVE],
    decision: { ...CURRENT, verdict: 'wait', target: OFFERED },
  };

  it.each<[string, object, string]>([
    ['on offer', offered, `On offer: plan ${PLAN}`],
    [
      'forced',
      { ...offered, decision: { ...offered.decision, target: { ...OFFERED, kind: 'emergency' } } },
      `Forced: plan ${PLAN}`,
    ],
    [
      'under way',
      { ...offered, inProgress: recordOf(4, ['planned'], { plan: PLAN }) },
      `Under way: plan ${PLAN}`,
    ],
    [
      'on offer beside another that is under way',
      { ...offered, inProgress: recordOf(4, ['planned']) },
      `On offer: plan ${PLAN}`,
    ],
  ])('says that it is %s', (_what, changes, heading) => {
    expect(renderPlan(explanationOf(changes))).toEqual([heading, ...row]);
  });

  it('is not there when nothing is on offer', () => {
    expect(renderPlan(explanationOf({ moves: [MOVE] }))).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['a first install', { action: 'install', from: null }, 'core/auth  none  1.0.1  latest  9.1 MB  yes'],
    [
      'a removal',
      { action: 'remove', to: null, origin: null, bytes: 0 },
      'core/auth  1.0.0  removed  remove  0 B    yes',
    ],
    [
      'changed settings',
      { action: 'reconfigure', to: '1.0.0', bytes: 0 },
      'core/auth  1.0.0  settings only  latest  0 B    yes',
    ],
    ['a snapshot', { reversible: 'snapshot' }, 'core/auth  1.0.0  1.0.1  latest  9.1 MB  by snapshot'],
    [
      'an undeclared way back',
      { reversible: 'undeclared' },
      'core/auth  1.0.0  1.0.1  latest  9.1 MB  undeclared',
    ],
    ['the most that can come', { atMost: true }, 'core/auth  1.0.0  1.0.1  latest  at most 9.1 MB  yes'],
    ['no way back', { reversible: 'no' }, 'core/auth  1.0.0  1.0.1  latest  9.1 MB  NO'],
  ])('shows %s', (_what, changes, line) => {
    const shown = renderPlan(explanationOf({ ...offered, moves: [{ ...MOVE, ...changes }] }));
    expect(shown.at(-1)?.trim()).toBe(line);
  });
});

describe('the cost of a plan', () => {
  it('is what it fetches, stops and starts, how long it takes, and the way back', () => {
    const two = { ...PLANNED, stop: ['core/auth', 'core/api'], start: ['core/api'] } as typeof PLANNED;

    expect(
      renderCost(two, {
        interruptionMs: 65_000,
        moves: [{ bytes: 1000 }, { bytes: 500 }],
        rollbackMs: 90_000,
      }),
    ).toEqual([
      'Fetches   at most 1.5 kB',
      'Stops     core/auth, then core/api',
      'Starts    core/api',
      'Takes     about 1m 5s, the longest of the last deployments; going back takes as long',
      'Way back  fairlead rollback --reason "why"; nothing is lost; at most 1m 30s',
    ]);
  });

  it('claims nothing that is not known, and counts the bytes of the plan where no moves are given', () => {
    const [fetches, stops, starts, takes, back] = renderCost(
      { ...PLANNED, stop: [], start: [], reversible: 'no' },
      { interruptionMs: null },
    );

    expect([fetches, stops, starts]).toEqual([
      'Fetches   at most 7 B',
      'Stops     nothing',
      'Starts    nothing',
    ]);
    expect(takes).toBe('Takes     no deployment has been measured here yet');
    expect(back).toBe('Way back  NONE: the new version may not be left for an older one');
  });

  it('says of a forecast how much comes, how long each part takes, and on what that rests', () => {
    const forecast = {
      ...{ bytes: 12_000, fetchMs: 4_000, prepareMs: 900, interruptionMs: 21_000, soakMs: 300_000 },
      ...{ totalMs: 325_900, runs: 4 },
    };
    const lines = (change: Partial<Forecast>) =>
      renderCost(PLANNED, { interruptionMs: null, forecast: { ...forecast, ...change } });

    expect(lines({})[0]).toBe('Fetches   12.0 kB');
    expect(lines({})).toContain(
      'Takes     about 6m (4s to fetch, 1s before the first stop, 21s until all is healthy, 5m watched); by the last 4 deployments here',
    );
    expect(lines({ runs: 1 })[3]).toMatch(/; by the last deployment here$/);
    expect(lines({ imagesMs: 30_000 })[3]).toContain(
      '(4s to fetch, 30s for images, 1s before the first stop,',
    );
    expect(lines({ imagesMs: null })[3]).toContain(
      '5m watched), and as long as its images take beyond that, which is not known here; by',
    );
    expect(lines({ atMost: true })[0]).toBe('Fetches   at most 12.0 kB');
    expect(lines({ bytes: 0, fetchMs: 0 })[0]).toBe('Fetches   nothing: all of it is here');
    expect(lines({ bytes: 0, fetchMs: 0, unknownImages: 2 })[0]).toBe(
      'Fetches   2 images of unknown size from a registry',
    );
    expect(lines({ atMost: true, unknownImages: 1 })[0]).toBe(
      'Fetches   at most 12.0 kB, and 1 image of unknown size from a registry',
    );
    expect(lines({ fetchMs: null, runs: 0, prepareMs: 0, interruptionMs: 0, totalMs: 300_000 })).toContain(
      'Takes     about 5m (5m watched), and as long as fetching takes, which was never measured here; no history yet: what the releases declare, and no more',
    );
  });

  it('says of an open window whether it is long enough', () => {
    const at = '2026-03-01T10:00:00Z';
    let decision = { blockers: [blocker({ code: 'window-short' })] };
    const room = (opens: string, closes: string | null, totalMs: number) =>
      describeFit({ ...{ at, decision }, openings: [{ opens, closes }] }, { totalMs } as Forecast);

    expect(room(at, '2026-03-01T10:06:00Z', 360_001)).toEqual([
      'Window    open for 6m more: TOO SHORT for it',
    ]);
    decision = { blockers: [] };
    expect(room(at, '2026-03-01T10:06:00Z', 360_000)).toEqual(['Window    open for 6m more: enough']);
    expect(room(at, '2026-03-01T10:06:00Z', 360_001)).toEqual([
      'Window    open for 6m more: shorter than it takes, which does not hold it back',
    ]);
    expect(room(at, null, 360_001)).toEqual([]);
    expect(room('2026-03-01T11:00:00Z', '2026-03-01T12:00:00Z', 1)).toEqual([]);
    expect(describeFit({ at, openings: [], decision }, { totalMs: 1 } as Forecast)).toEqual([]);
  });

  it.each([
    ['snapshot', /go back to a snapshot/],
    ['undeclared', /NOBODY DECLARED/],
  ] as const)('says what a way back means that is %s', (reversible, words) => {
    expect(renderCost({ ...PLANNED, reversible }, { interruptionMs: null }).at(-1)).toMatch(words);
  });
});

describe('a pin', () => {
  const stateOf = (changes: object) => {
    const [pin] = explanationOf({ pins: [{ ...PIN, ...changes }] }).pins;
    return pin === undefined ? '' : describePinState(pin);
  };

  it.each<[string, object, string]>([
    ['holds', {}, 'holds'],
    ['has expired', { state: 'expired' }, 'EXPIRED: it holds nothing'],
    ['is overridden', { state: 'overridden', by: ['FL-1', 'FL-2'] }, 'OVERRIDDEN by FL-1, FL-2'],
    ['names nothing', { state: 'unmatched' }, 'names nothing here'],
    ['protects nothing', { problem: 'no such version' }, 'IN VAIN: no such version'],
  ])('%s', (_what, changes, words) => {
    expect(stateOf(changes)).toBe(words);
  });
});

describe('the last contact', () => {
  it.each([
    ['news', CONTACT, 'it had news'],
    ['nothing new', { ...CONTACT, outcome: 'unchanged' as const }, 'nothing new'],
    ['a failure', { ...CONTACT, outcome: 'failed' as const, failure: FAILURE }, 'no answer'],
  ])('tells %s', (_what, contact, outcome) => {
    expect(describeContact(contact, '2026-03-01T10:05:00Z')).toBe(
      `Server asked 2m ago: ${outcome}; next time 2026-03-01T11:00:00Z`,
    );
  });

  it('is never in the future, though the clock was set back', () => {
    expect(describeContact(CONTACT, '2026-03-01T09:00:00Z')).toMatch(/^Server asked 0ms ago/);
  });
});
