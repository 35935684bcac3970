// The table of blockers, walked: for each a case that raises it, its verdict, who clears it and with which command.
import { describe, expect, it } from 'vitest';
import { BLOCKER_RULES, type BlockerCode, MOST_REASONS } from '../../../shared/policy/blockers.ts';
import type { Blocker } from '../../../shared/schema/decision.ts';
import { parseRef } from '../../../shared/schema/release-ref.ts';
import { recordOf } from '../../support/deployments.ts';
import { factsOf } from '../../support/facts.ts';
import { conclude, findWay } from '../../support/finished.ts';
import { decideScenario, type Scenario } from '../../support/scenario.ts';

const RELEASES = { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': {} };
const RUNS = ['core/auth@1.0.0'];
const BASE: Scenario = { releases: RELEASES, runs: RUNS };
const FORCED: Scenario = {
  ...BASE,
  advisories: {
    'FL-2026-0001': { affected: { 'core/auth': '<1.1.0' }, fixed: ['core/auth@1.1.0'], notice: 'PT48H' },
  },
};
const HOLD = { since: '2026-03-01T00:00:00Z', until: '2026-03-03T00:00:00Z', reason: 'audit', by: 'alice' };
const WINDOW = { name: 'night', cron: '0 2 * * *', duration: 'PT1H', zone: 'UTC' };
const API = { 'core/api@1.0.0': {}, 'core/api@2.0.0': { requires: { 'core/auth': '^1.1.0' } } };

/** Asked of the decision, or of the way to a release where only that raises it. */
type Case = Partial<Scenario> & { readonly way?: string };

const CASES: Readonly<Record<BlockerCode, Case>> = {
  'policy-unreadable': { policy: 'unreadable' },
  'config-invalid': { config: 'unreadable' },
  'metadata-missing': { freshness: 'never' },
  'metadata-expired': { freshness: 'expired' },
  'clock-behind': { freshness: 'clock-behind' },
  'deployment-inconsistent': { host: { inconsistent: true } },
  'generation-damaged': { host: { currentDamage: 'generation 3, which runs, cannot be read' } },
  'deployment-in-progress': { host: { deploymentInProgress: true } },
  'settings-invalid': {
    releases: { ...RELEASES, 'core/auth@1.1.0': { settings: { key: { type: 'string' } } } },
  },
  'requirements-conflict': {
    releases: { 'core/auth@1.0.0': { requires: { 'core/none': '^1.0.0' } } },
    suites: { core: { capabilities: { auth: {} } } },
    runs: ['core/auth@1.0.0'],
  },
  'target-exposed': {
    advisories: { 'FL-2026-0001': { affected: { 'core/auth': '1.1.0' } } },
    pins: { 'core/auth': '1.1.0' },
  },
  unfixable: {
    runs: ['core/auth@1.1.0'],
    advisories: { 'FL-2026-0001': { affected: { 'core/auth': '*' } } },
  },
  'fix-quarantined': {
    quarantined: ['core/auth@1.1.0'],
    ...(FORCED.advisories === undefined ? {} : { advisories: FORCED.advisories }),
  },
  'fix-pinned': {
    pins: { 'core/auth': '1.0.0' },
    policy: { security: { from: 'high' } },
    advisories: {
      'FL-2026-0001': { affected: { 'core/auth': '<1.1.0' }, fixed: ['core/auth@1.1.0'], severity: 'high' },
    },
  },
  'quarantine-unreadable': { host: { quarantineDamage: 'it cannot be read' } },
  quarantined: { quarantined: ['core/auth@1.1.0'] },
  withdrawn: {
    releases: { ...RELEASES, 'core/auth@1.1.0': { rollout: 'withdrawn' } },
    way: 'core/auth@1.1.0',
  },
  'not-offered': { releases: { ...RELEASES, 'core/auth@1.1.0': { rollout: false } }, way: 'core/auth@1.1.0' },
  'not-enabled': {
    releases: { ...RELEASES, 'extra/mail@1.0.0': {} },
    suites: { core: {} },
    way: 'extra/mail@1.0.0',
  },
  'driver-not-enabled': { host: { drivers: ['systemd'] } },
  'not-reversible': {
    releases: { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': { reversible: 'no' } },
    runs: ['core/auth@1.1.0'],
    way: 'core/auth@1.0.0',
  },
  'rollout-halted': { halts: { 'core/auth@1.1.0': '2026-03-04T00:00:00Z' } },
  'rollout-paused': { releases: { ...RELEASES, 'core/auth@1.1.0': { rollout: 'paused' } } },
  'rollout-wave': { releases: { ...RELEASES, 'core/auth@1.1.0': { rollout: { after: 'P9D' } } } },
  'rollout-class': {
    releases: {
      ...RELEASES,
      'core/auth@1.1.0': { rollout: { after: 'PT0S', classes: [{ driver: ['systemd'] }] } },
    },
  },
  'fact-unknown': {
    releases: {
      ...RELEASES,
      'core/auth@1.1.0': { rollout: { after: 'PT0S', classes: [{ region: ['eu'] }] } },
    },
  },
  'order-wave': {
    advisories: {
      'FL-2026-0001': {
        affected: { 'core/auth': '<1.1.0' },
        fixed: ['core/auth@1.1.0'],
        forcedFrom: '2026-03-03T00:00:00Z',
      },
    },
  },
  'retry-later': {
    now: '2026-03-01T10:01:30Z',
    releases: {
      'core/auth@1.0.0': {},
      'core/auth@1.1.0': {},
    },
  },
  'pins-conflict': {
    releases: { ...RELEASES, ...API },
    runs: ['core/auth@1.0.0', 'core/api@1.0.0'],
    pins: { 'core/auth': '1.0.0', 'core/api': '2.0.0' },
  },
  'pins-hold-back': {
    releases: { ...RELEASES, ...API },
    runs: ['core/auth@1.0.0', 'core/api@1.0.0'],
    pins: { 'core/auth': '1.0.0' },
  },
  'pin-needed': {
    releases: { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': {}, 'core/auth@1.2.0': {} },
    way: 'core/auth@1.1.0',
  },
  hold: { policy: { hold: HOLD } },
  'emergency-hold': {
    policy: { emergencyHold: HOLD },
    ...(FORCED.advisories === undefined ? {} : { advisories: FORCED.advisories }),
  },
  'channel-frozen': { policy: { channel: 'frozen' } },
  'approval-denied': { policy: { channel: 'manual' }, approvals: [{ by: 'local', says: 'deny' }] },
  'approval-needed': { policy: { channel: 'manual' } },
  'window-closed': { policy: { windows: { allow: [WINDOW] } } },
  'window-short': {
    now: '2026-03-02T02:50:00Z',
    takes: 15 * 60_000,
    policy: { windows: { allow: [WINDOW] } },
  },
  'windows-too-short': { takes: 90 * 60_000, policy: { windows: { allow: [WINDOW] } } },
  'more-reasons': { runs: ['core/auth@1.1.0'], advisories: unfixable(MOST_REASONS + 1) },
};

/** Advisories that no fix is named for. */
function unfixable(count: number): NonNullable<Scenario['advisories']> {
  const ids = Array.from({ length: count }, (_, i) => `FL-2026-${String(i + 1).padStart(4, '0')}`);
  return Object.fromEntries(ids.map((id) => [id, { affected: { 'core/auth': '*' } }]));
}

function blockersOf({ way, ...scenario }: Case): readonly Blocker[] {
  const whole = { ...BASE, ...scenario };
  if (way !== undefined) return findWay(factsOf(whole), parseRef(way)).blockers;
  return decideScenario(whole).decision.blockers;
}

describe.each(Object.entries(CASES))('the blocker %s', (code, { way, ...scenario }) => {
  const whole: Scenario = { ...BASE, ...scenario };
  const attempted: Scenario =
    code === 'retry-later'
      ? { ...whole, attempts: (plan) => [recordOf(1, ['planned', 'abandoned'], { plan })] }
      : whole;
  const rule = BLOCKER_RULES[code as BlockerCode];
  const found = () =>
    way === undefined
      ? decideScenario(attempted).decision.blockers.find((one) => one.code === code)
      : blockersOf({ way, ...scenario }).find((one) => one.code === code);

  it('is raised, with the owner and the command that the table has', () => {
    const blocker = found();

    expect(blocker).toMatchObject({ code, owner: rule.owner });
    expect(blocker?.clearWith === undefined).toBe(rule.clear === null);
    expect(blocker?.clearWith ?? '').not.toMatch(/[{}]|undefined/);
  });

  it('makes the verdict no lighter than its own', () => {
    if (way !== undefined) return;
    const order = ['blocked', 'held', 'ask', 'wait'];
    const { verdict, target } = decideScenario(attempted).decision;

    // Reasons against something better do not stop what is on offer all the same.
    if (target === null || found() !== undefined) {
      expect(order.indexOf(verdict)).toBeLessThanOrEqual(order.indexOf(rule.verdict));
    }
    expect(order).toContain(verdict);
  });
});

describe('more reasons than anybody reads', () => {
  const told = (count: number) =>
    decideScenario({ ...BASE, runs: ['core/auth@1.1.0'], advisories: unfixable(count) }).decision.blockers;

  it('are told as far as that, the weightiest first, and then how many there are besides', () => {
    const blockers = told(MOST_REASONS + 20);

    expect(blockers).toHaveLength(MOST_REASONS);
    expect(blockers.at(-1)).toMatchObject({
      code: 'more-reasons',
      message: 'there are 21 more reasons, none weightier than these',
    });
  });

  it('are all told while they are few enough', () => {
    expect(told(MOST_REASONS).map(({ code }) => code)).toEqual(Array(MOST_REASONS).fill('unfixable'));
  });
});

describe('more holes and more newer versions than anybody reads', () => {
  it('are told the most urgent first, and then how many there are besides', () => {
    const advisories = unfixable(MOST_REASONS + 20);
    const { decision } = decideScenario({ ...BASE, runs: ['core/auth@1.1.0'], advisories });

    expect(decision.exposed).toHaveLength(MOST_REASONS);
    expect(decision.unlisted).toEqual({ exposed: 20, newer: 0 });
  });

  it('are all told while they are few enough', () => {
    const advisories = unfixable(MOST_REASONS);
    const { decision } = decideScenario({ ...BASE, runs: ['core/auth@1.1.0'], advisories });

    expect(decision).not.toHaveProperty('unlisted');
  });
});

describe('what nobody can read', () => {
  it.each(['policy', 'config'] as const)('offers nothing ordinary and asks nobody: %s', (file) => {
    const facts = factsOf({ ...BASE, policy: { channel: 'manual' } });
    const unreadable = { kind: 'unreadable', problem: 'it ends early', hint: 'mend it' } as const;

    const { decision, offer } = conclude({ ...facts, [file]: unreadable }, null);

    expect(decision).toMatchObject({ verdict: 'blocked', target: null });
    expect(offer).toBeNull();
    expect(decision.blockers.map(({ code }) => code)).not.toContain('approval-needed');
  });

  it.each(['policy', 'config'] as const)('stops no forced patch: %s', (file) => {
    const unreadable = { kind: 'unreadable', problem: 'it ends early', hint: 'mend it' } as const;

    const { decision } = conclude({ ...factsOf(FORCED), [file]: unreadable }, null);

    expect(decision).toMatchObject({ verdict: 'apply', target: { kind: 'emergency' } });
  });

  it('is overridden by no command', () => {
    const facts = factsOf(BASE);
    const unreadable = { kind: 'unreadable', problem: 'it ends early', hint: 'mend it' } as const;
    const command = { actor: 'alice', reason: 'now', override: ['window', 'health'] } as const;

    expect(conclude({ ...facts, config: unreadable }, command).decision.verdict).toBe('blocked');
  });
});

describe('reasons name who did it', () => {
  it('for a fix that the operator rolled back', () => {
    const { decision } = decideScenario({ ...FORCED, quarantined: ['core/auth@1.1.0'] });

    expect(decision.blockers.slice(0, 1)).toMatchObject([
      {
        code: 'fix-quarantined',
        owner: 'admin',
        message: expect.stringMatching(/1\.1\.0 .*change 7.*rolled back by alice/),
        clearWith: 'fairlead quarantine lift core/auth --reason "why"',
      },
    ]);
  });

  it('for a release that failed here', () => {
    const { decision } = decideScenario({ ...BASE, quarantined: ['core/auth@1.1.0'] });

    expect(decision.blockers[0]?.message).toMatch(/change 7.*rolled back by alice/);
  });

  it.each([
    ['a fix', FORCED],
    ['a release', BASE],
  ])('without the lines of the log of %s: they are told where the failure is', (_, scenario) => {
    const { decision } = decideScenario({ ...scenario, quarantined: ['core/auth@1.1.0'] });

    expect(JSON.stringify(decision)).toContain('it was slow');
    expect(JSON.stringify(decision)).not.toContain('out of memory');
  });
});

describe('a plan that did not commit', () => {
  it('is left alone by the agent beside every other reason, and not by the operator', () => {
    const attempts: NonNullable<Scenario['attempts']> = (plan) => [
      recordOf(1, ['planned', 'abandoned'], { plan }),
    ];
    const scenario: Scenario = { ...BASE, now: '2026-03-01T10:01:30Z', attempts };

    const codes = (more: Partial<Scenario>) =>
      decideScenario({ ...scenario, ...more }).decision.blockers.map(({ code }) => code);

    expect(codes({ policy: { channel: 'frozen' } })).toEqual(['channel-frozen', 'retry-later']);
    expect(codes({ command: {} })).toEqual([]);
  });
});
