// What a decision tells beside its verdict: when each reason ends, which holes are open, what comes along, what stays behind.
import { describe, expect, it } from 'vitest';
import { planDigest } from '../../../shared/compile/plan.ts';
import { recordOf } from '../../support/deployments.ts';
import { decide } from '../../support/finished.ts';
import { type AdvisorySpec, decideScenario, type Scenario } from '../../support/scenario.ts';

const BASE: Scenario = {
  releases: { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': {} },
  runs: ['core/auth@1.0.0'],
};
const FIX: AdvisorySpec = { affected: { 'core/auth': '<1.1.0' }, fixed: ['core/auth@1.1.0'] };
const HOLD = { since: '2026-03-01T00:00:00Z', until: '2026-03-03T07:00:00Z', reason: 'audit', by: 'ada' };
const NIGHT = { name: 'night', cron: '0 2 * * *', duration: 'PT1H', zone: 'UTC' };
const ALWAYS = { name: 'always', cron: '* * * * *', duration: 'P1D', zone: 'UTC' };

const endsOf = (scenario: Partial<Scenario>) =>
  decideScenario({ ...BASE, ...scenario }).decision.blockers.map(({ code, clearsAt }) => [code, clearsAt]);

describe('a reason that time ends', () => {
  const forced = (
    advisories: Scenario['advisories'],
    windows: object = { allow: [NIGHT] },
  ): Partial<Scenario> => ({
    advisories: advisories ?? {},
    policy: { windows },
  });

  it.each<[string, Partial<Scenario>, string, string | undefined]>([
    [
      'a wave comes',
      { releases: { ...BASE.releases, 'core/auth@1.1.0': { rollout: { after: 'P9D' } } } },
      'rollout-wave',
      '2026-03-10T00:00:00Z',
    ],
    [
      'a halt expires',
      { halts: { 'core/auth@1.1.0': '2026-03-03T05:00:00Z' } },
      'rollout-halted',
      '2026-03-03T05:00:00Z',
    ],
    ['a hold ends', { policy: { hold: HOLD } }, 'hold', HOLD.until],
    [
      'a hold of forced patches ends, which holds ordinary ones too',
      { policy: { emergencyHold: HOLD } },
      'hold',
      HOLD.until,
    ],
    ['a window opens', { policy: { windows: { allow: [NIGHT] } } }, 'window-closed', '2026-03-03T02:00:00Z'],
    ['no window ever opens', { policy: { windows: { deny: [ALWAYS] } } }, 'window-closed', undefined],
    [
      'a forced patch is no longer held',
      { ...forced({ 'FL-1': FIX }), policy: { emergencyHold: HOLD } },
      'emergency-hold',
      HOLD.until,
    ],
    [
      'a window opens within the notice',
      forced({ 'FL-1': { ...FIX, notice: 'P2D' } }),
      'window-closed',
      '2026-03-03T02:00:00Z',
    ],
    [
      'the notice is over before a window opens',
      forced({ 'FL-1': { ...FIX, notice: 'PT13H' } }),
      'window-closed',
      '2026-03-02T13:00:00Z',
    ],
    [
      'the deadline comes before the notice is over',
      forced({ 'FL-1': { ...FIX, notice: 'P2D', deadline: '2026-03-02T18:00:00Z' } }),
      'window-closed',
      '2026-03-02T18:00:00Z',
    ],
    [
      'the notice is over where no window ever opens',
      forced({ 'FL-1': { ...FIX, notice: 'P2D' } }, { deny: [ALWAYS] }),
      'window-closed',
      '2026-03-04T00:00:00Z',
    ],
    [
      'the shorter of two notices is over',
      forced({ 'FL-1': { ...FIX, notice: 'P2D' }, 'FL-2': { ...FIX, notice: 'PT14H' } }),
      'window-closed',
      '2026-03-02T14:00:00Z',
    ],
    [
      'its own notice is over, whatever another order says that it does not answer',
      forced({
        'FL-1': { ...FIX, notice: 'PT15H' },
        'FL-2': { affected: { 'core/api': '*' }, notice: 'PT13H' },
      }),
      'window-closed',
      '2026-03-02T15:00:00Z',
    ],
    ['nothing but a person', { policy: { channel: 'frozen' } }, 'channel-frozen', undefined],
  ])('says when %s', (_when, scenario, code, ends) => {
    expect(endsOf(scenario)).toContainEqual([code, ends]);
  });

  it('is none any more once it has ended', () => {
    const over = { ...HOLD, until: '2026-03-02T12:00:00Z' };

    expect(endsOf({ policy: { hold: over, emergencyHold: over } })).toEqual([]);
  });

  it('names both holds where both are set, and the command of each', () => {
    const { decision } = decideScenario({
      ...BASE,
      policy: { hold: { ...HOLD, by: 'bob' }, emergencyHold: HOLD },
    });

    expect(decision.blockers.map(({ message, clearWith }) => [message, clearWith])).toEqual([
      ['held by bob: audit', 'fairlead release --reason "why"'],
      ['held by ada: audit', 'fairlead release --emergency --reason "why"'],
    ]);
  });
});

describe('a forced patch within its notice', () => {
  const at = (now: string, windows: object) =>
    decideScenario({ ...BASE, now, advisories: { 'FL-1': { ...FIX, notice: 'PT13H' } }, policy: { windows } })
      .decision.verdict;

  it.each([
    ['waits a second before its end', '2026-03-02T12:59:59Z', { allow: [NIGHT] }, 'wait'],
    ['waits no longer at its end', '2026-03-02T13:00:00Z', { allow: [NIGHT] }, 'apply'],
    ['does not wait in a window', '2026-03-02T02:30:00Z', { allow: [NIGHT] }, 'apply'],
  ])('%s', (_what, now, windows, verdict) => {
    expect(at(now, windows)).toBe(verdict);
  });
});

describe('a plan that did not commit', () => {
  // Planned at 10:01:00, abandoned a second later: a pause of a minute from there.
  const verdictAt = (now: string, more: Partial<Scenario> = {}) =>
    decideScenario({
      ...BASE,
      now,
      attempts: (plan) => [recordOf(1, ['planned', 'abandoned'], { plan })],
      ...more,
    }).decision.blockers.map(({ code, clearsAt }) => `${code} ${clearsAt}`);
  const HELD = ['retry-later 2026-03-01T10:02:01Z'];

  it.each([
    ['not before it was made, as its clock has it', '2026-03-01T10:01:00Z', []],
    ['from its end', '2026-03-01T10:01:01Z', HELD],
    ['just until its pause is over', '2026-03-01T10:02:00Z', HELD],
    ['no longer then', '2026-03-01T10:02:01Z', []],
  ])('is left alone %s', (_when, now, reasons) => {
    expect(verdictAt(now)).toEqual(reasons);
    expect(verdictAt(now, { command: {} })).toEqual([]);
  });

  it('holds back a forced patch as well, and says what went wrong', () => {
    const advisories = { 'FL-1': FIX };
    const { input, plan } = decideScenario({ ...BASE, advisories });
    const failure = { code: 'deploy/unhealthy', message: 'it stopped running' };
    const told = (failed: typeof failure | null) => {
      const attempt = recordOf(1, ['planned', 'abandoned'], { plan: planDigest(plan!), failure: failed });
      const scenario = { ...BASE, advisories, now: '2026-03-01T10:01:30Z', attempts: () => [attempt] };
      return decideScenario(scenario).decision.blockers;
    };

    expect(input.emergency.plan).toEqual(plan);
    expect(told(failure)).toMatchObject([
      { code: 'retry-later', message: expect.stringMatching(/change 1 .*: it stopped running$/) },
    ]);
    expect(told(null)).toMatchObject([
      { code: 'retry-later', message: expect.stringMatching(/: no failure was recorded$/) },
    ]);
  });
});

describe('the holes', () => {
  const LOW: AdvisorySpec = { affected: { 'core/auth': '1.0.0' }, severity: 'low' };

  it.each<[string, Partial<Scenario>, 'emergency' | 'desired' | null]>([
    ['beside a forced patch', { advisories: { 'FL-1': FIX } }, 'emergency'],
    ['beside an update', { advisories: { 'FL-1': { ...FIX, severity: 'high' } } }, 'desired'],
    ['beside nothing at all', { releases: { 'core/auth@1.0.0': {} }, advisories: { 'FL-1': LOW } }, null],
  ])('are told %s', (_where, scenario, target) => {
    const { decision } = decideScenario({ ...BASE, ...scenario });

    expect(decision.target?.kind ?? null).toBe(target);
    expect(decision.exposed).toMatchObject([{ advisory: 'FL-1', component: 'core/auth', version: '1.0.0' }]);
  });

  it('are none on an empty instance', () => {
    const { releases } = BASE;

    expect(
      decideScenario({ releases, advisories: { 'FL-1': { ...FIX, fixed: [] } } }).decision.exposed,
    ).toEqual([]);
  });

  it.each<[string, Partial<Scenario>, readonly string[]]>([
    [
      'said beside what blocks the update that would not close them',
      { releases: { ...BASE.releases, 'core/auth@1.1.0': { settings: { key: { type: 'string' } } } } },
      ['settings-invalid', 'unfixable'],
    ],
    [
      'not said beside an update that only waits',
      { policy: { windows: { allow: [NIGHT] } } },
      ['window-closed'],
    ],
    ['not said beside an update that is applied', {}, []],
  ])('which nothing fixes are %s', (_where, scenario, codes) => {
    const advisories = { 'FL-1': { affected: { 'core/auth': '*' } } };

    expect(endsOf({ advisories, ...scenario }).map(([code]) => code)).toEqual(codes);
  });

  it('that an update would bring in anew are told by it, those that are open already are not', () => {
    const critical = (versions: string): AdvisorySpec => ({ affected: { 'core/auth': versions } });
    const reasons = (advisories: Scenario['advisories']) =>
      endsOf({ advisories: advisories ?? {}, pins: { 'core/auth': '1.1.0' } }).map(([code]) => code);

    expect(reasons({ 'FL-1': critical('1.1.0') })).toEqual(['target-exposed']);
    expect(reasons({ 'FL-1': { ...critical('1.1.0'), severity: 'high' } })).toEqual([]);
    expect(reasons({ 'FL-1': critical('>=1.0.0') })).toEqual([]);
  });
});

describe('the target', () => {
  it('is named by its manifest and its plan, and only a fix that adopts a setting says so', () => {
    const forced = decideScenario({ ...BASE, advisories: { 'FL-1': FIX } });
    const desired = decideScenario(BASE);

    for (const { decision, plan } of [forced, desired]) {
      expect(decision.target).toMatchObject({ manifest: plan?.to, plan: planDigest(plan!) });
      expect(decision).not.toHaveProperty('adopted');
    }
  });

  it('that adopts settings names them', () => {
    const { input } = decideScenario({ ...BASE, advisories: { 'FL-1': FIX } });
    const adopted = [{ component: 'core/auth', key: 'token' }] as never;
    const emergency = { ...input.emergency, result: { ...input.emergency.result, adopted } };

    expect(decide({ ...input, emergency })).toMatchObject({ target: { kind: 'emergency' }, adopted });
  });

  it('that pins keep back is newer, and is not told where nobody knows the pins', () => {
    const pinned: Scenario = { ...BASE, pins: { 'core/auth': '1.0.0' } };

    expect(decideScenario(pinned).decision.newer).toMatchObject([
      { component: 'core/auth', to: '1.1.0', by: 'admin' },
    ]);
    expect(decideScenario({ ...pinned, config: 'unreadable' }).decision).not.toHaveProperty('newer');
    expect(decideScenario(BASE).decision).not.toHaveProperty('newer');
  });

  it('is asked about by its digest, with a key where approvers have one', () => {
    const approvers = [{ name: 'ada', key: 'a'.repeat(64) }];
    const commandFor = (approvals: object) => {
      const { decision, plan } = decideScenario({ ...BASE, policy: { channel: 'manual', approvals } });
      return decision.blockers.map(({ clearWith }) => clearWith?.replace(planDigest(plan!), 'PLAN'));
    };

    expect(commandFor({})).toEqual(['fairlead approve PLAN --reason "why"']);
    expect(commandFor({ approvers })).toEqual(['fairlead approve PLAN --key FILE --reason "why"']);
  });

  it('that failed here as a whole is not tried again, not even by hand', () => {
    const { input, plan } = decideScenario({ ...BASE, policy: { channel: 'manual' } });
    const note = {
      component: 'core/auth',
      version: '1.1.0',
      release: plan!.to,
      reason: 'settings',
      record: 7,
    };
    const codes = (release: string) =>
      decide({
        ...input,
        quarantine: [{ ...note, release }],
        command: { actor: 'ada', reason: 'why', override: [] },
      }).blockers.map(({ code }) => code);

    expect(codes(plan!.to)).toEqual(['quarantined']);
    expect(codes('another')).toEqual([]);
  });

  it('that was refused says who refused it, and whence that is known', () => {
    const { decision } = decideScenario({ ...BASE, approvals: [{ by: 'local', says: 'deny' }] });

    expect(decision.blockers).toEqual([
      {
        code: 'approval-denied',
        owner: 'admin',
        message: 'local has refused this plan',
        source: 'approvals',
      },
    ]);
  });

  it('is not asked about while a deployment is under way', () => {
    const codes = endsOf({ policy: { channel: 'manual' }, host: { deploymentInProgress: true } });

    expect(codes).toEqual([['deployment-in-progress', undefined]]);
  });
});
