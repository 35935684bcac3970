// From facts to a decision and its offer: what is compiled, planned and decided is of the same facts, and binds to the same digest.
import { describe, expect, it } from 'vitest';
import { compileInputOf, type Facts } from '../../../agent/core/conclude.ts';
import { compileAnew } from '../../../shared/compile/compile.ts';
import { planDigest } from '../../../shared/compile/plan.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import { recordOf } from '../../support/deployments.ts';
import { factsOf } from '../../support/facts.ts';
import { conclude } from '../../support/finished.ts';
import { movesOf, type Scenario } from '../../support/scenario.ts';

const TWO: Scenario = {
  releases: { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': {} },
  runs: ['core/auth@1.0.0'],
};
const FORCED: Scenario = {
  releases: { ...TWO.releases, 'core/auth@1.0.1': {} },
  runs: ['core/auth@1.0.0'],
  advisories: {
    'FL-1': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] },
    'FL-2': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] },
  },
};
const GO = { actor: 'ada', reason: 'go', override: [] };

describe('a conclusion', () => {
  it.each(['auto', 'manual', 'frozen'])(
    'on channel %s plans for the reason that is shown and run alike',
    (channel) => {
      const facts = factsOf({ ...TWO, policy: { channel } });

      const { offer, decision, emergency } = conclude(facts, null);

      expect(movesOf(offer?.plan ?? null)).toEqual(['core/auth 1.0.0 → 1.1.0']);
      expect(offer?.plan.reason).toEqual({ kind: channel === 'auto' ? 'channel' : 'manual' });
      expect(decision.target).toMatchObject({
        ...{ kind: 'desired', plan: offer === null ? '' : planDigest(offer.plan) },
      });
      expect(emergency.target).toBeNull();
      expect(conclude(facts, GO).offer).toEqual(offer);
    },
  );

  it('of a forced patch is about that, and its plan names every advisory', () => {
    const { offer, decision, emergency } = conclude(
      factsOf({ ...FORCED, policy: { channel: 'frozen' } }),
      null,
    );

    expect(movesOf(offer?.plan ?? null)).toEqual(['core/auth 1.0.0 → 1.0.1']);
    expect(offer?.plan.reason).toEqual({ kind: 'forced', advisories: ['FL-1', 'FL-2'] });
    expect(offer?.target).toBe(emergency.target);
    expect(decision).toMatchObject({ verdict: 'apply', target: { kind: 'emergency' } });
  });

  it('of nothing has no offer', () => {
    const { offer, decision } = conclude(
      factsOf({ releases: { 'core/auth@1.0.0': {} }, runs: ['core/auth@1.0.0'] }),
      null,
    );

    expect([offer, decision.verdict, decision.target]).toEqual([null, 'current', null]);
  });

  it('of what cannot be compiled has no offer either', () => {
    const { offer, decision } = conclude(
      factsOf({
        releases: { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': { requires: { 'core/api': '^1.0.0' } } },
        ...{ runs: ['core/auth@1.0.0'], pins: { 'core/auth': '1.1.0' } },
      }),
      null,
    );

    expect([offer, decision.blockers.map(({ code }) => code)]).toEqual([null, ['pins-conflict']]);
  });

  it('reports the pins', () => {
    const { pins } = conclude(factsOf({ ...TWO, pins: { 'core/auth': '1.0.0' } }), null);

    expect(pins).toMatchObject([{ pin: { name: 'core/auth', version: '1.0.0' }, state: 'active' }]);
  });

  it.each<[string, Partial<Facts>, string]>([
    [
      'quarantine',
      {
        quarantine: [
          { component: 'core/auth', since: '2026-03-01T00:00:00Z', reason: 'red', record: 1 } as never,
        ],
      },
      'quarantined',
    ],
    ['freshness', { freshness: { state: 'expired', expires: 0 } }, 'metadata-expired'],
    ['machine', { host: { deploymentInProgress: true, inconsistent: false } }, 'deployment-in-progress'],
    [
      'damage',
      { host: { deploymentInProgress: false, inconsistent: false, currentDamage: 'it is gone' } },
      'generation-damaged',
    ],
    ['configuration', { config: { kind: 'unreadable', problem: 'no JSON', hint: '' } }, 'config-invalid'],
    ['policy', { policy: { kind: 'unreadable', problem: 'no JSON' } }, 'policy-unreadable'],
  ])('weighs the %s', (_what, change, code) => {
    const facts = factsOf(TWO);
    const release = facts.catalog.releases.find(({ document }) => document.version === '1.1.0')?.digest ?? '';
    const quarantine = change.quarantine?.map((one) => ({ ...one, version: '1.1.0', release }));

    const { decision } = conclude({ ...facts, ...change, ...(quarantine && { quarantine }) } as Facts, null);

    expect(decision.blockers.map((one) => one.code)).toContain(code);
  });

  it('weighs what was tried before, and what was approved', () => {
    const facts = factsOf({ ...TWO, policy: { channel: 'auto' } });
    const plan = conclude(facts, null).offer?.plan;
    if (plan === undefined) throw new Error('nothing is on offer');
    const digest = planDigest(plan);
    const at = new Date(facts.now).toISOString();
    const failed = recordOf(1, [], {
      state: 'abandoned',
      plan: digest,
      stages: [{ state: 'abandoned', at }],
    });
    expect(conclude({ ...facts, records: [failed] }, null).decision).toMatchObject({
      ...{ verdict: 'wait', blockers: [{ code: 'retry-later' }] },
    });

    const asked = factsOf({ ...TWO, policy: { channel: 'manual' } });
    const wanted = conclude(asked, null).decision.target?.plan ?? '';
    const yes = { plan: wanted, verdict: 'approve', approver: 'local', expires: asked.now + 1 } as const;
    expect(conclude(asked, null).decision.verdict).toBe('ask');
    expect(conclude({ ...asked, approvals: [yes] }, null).decision.verdict).toBe('apply');
  });

  it('is of what a compiler of one’s own says', () => {
    let compiled = 0;

    conclude(factsOf(TWO), null, (input) => {
      compiled += 1;
      return compileAnew(input);
    });

    expect(compiled).toBe(1);
  });

  it('plans to fetch what does not run, and nothing of what does', () => {
    const steps = conclude(factsOf(TWO), null).offer?.plan.steps ?? [];
    expect(steps.map(({ bytes }) => bytes > 0)).toEqual([true]);

    const settings = { port: { type: 'integer', default: 1 } };
    const facts = factsOf({ releases: { 'core/auth@1.0.0': { settings } }, runs: ['core/auth@1.0.0'] });
    const auth = { settings: { port: 2 } };
    const config = instanceConfig.parse({
      schema: 'fairlead/instance@1',
      suites: { core: { capabilities: { auth } } },
    });
    const changed =
      conclude({ ...facts, config: { kind: 'readable', config } }, null).offer?.plan.steps ?? [];
    expect(changed.map(({ action, bytes }) => [action, bytes])).toEqual([['reconfigure', 0]]);
  });
});

describe('what is compiled', () => {
  it('is of the facts: who, when, of which class, what runs, what is pinned, and what failed here', () => {
    const facts = factsOf({ ...TWO, pins: { 'core/auth': '1.x' } });
    const quarantine = [{ release: 'a' }, { release: 'b' }] as never;

    const host = { ...facts.host, drivers: ['process'] };

    expect(compileInputOf({ ...facts, quarantine, host, known: { region: ['eu'] } })).toEqual({
      ...{ instance: facts.instance, now: facts.now, catalog: facts.catalog, current: facts.current },
      config: (facts.config as { readonly config: object }).config,
      pins: [expect.objectContaining({ name: 'core/auth', version: '1.x' })],
      fixesFrom: 'critical',
      quarantined: new Set(['a', 'b']),
      facts: { region: ['eu'], drivers: ['process'] },
    });
  });
});
