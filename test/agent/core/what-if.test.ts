// What if: each supposition takes away what it names and nothing else, and the answer is the one that would be given.
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../../agent/core/conclude.ts';
import { momentOf } from '../../../agent/core/what-if.ts';
import type { Assumption } from '../../../shared/protocol/admin.ts';
import { factsOf } from '../../support/facts.ts';
import { concludeIf } from '../../support/finished.ts';
import { NOW, type Scenario } from '../../support/scenario.ts';

const TWO: Scenario = {
  releases: { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': {} },
  runs: ['core/auth@1.0.0'],
};
const FORCED: Scenario = {
  ...TWO,
  advisories: { 'FL-1': { affected: { 'core/auth': '<1.1.0' }, fixed: ['core/auth@1.1.0'] } },
};
const NIGHT = { allow: [{ name: 'night', cron: '0 2 * * *', duration: 'PT4H', zone: 'UTC' }] };
const HOLD = { since: '2026-03-02T00:00:00Z', until: '2026-03-03T00:00:00Z', reason: 'audit', by: 'ada' };
const KEYS = ['a', 'b'].map((name) => ({ name, key: name.repeat(64) }));

const verdictIf = (facts: Facts, ...assume: Assumption[]) => {
  const { verdict, blockers } = concludeIf(facts, { assume }).decision;
  return [verdict, ...blockers.map(({ code }) => code)];
};

describe('supposing', () => {
  it.each<[Assumption, string, Scenario, readonly string[], readonly string[]]>([
    ['window', 'open', { ...TWO, policy: { windows: NIGHT } }, ['wait', 'window-closed'], ['apply']],
    ['released', 'the hold', { ...TWO, policy: { hold: HOLD } }, ['held', 'hold'], ['apply']],
    [
      'released',
      'the hold of forced patches',
      { ...FORCED, policy: { emergencyHold: HOLD } },
      ['held', 'emergency-hold'],
      ['apply'],
    ],
    ['unpinned', 'pins', { ...TWO, pins: { 'core/auth': '1.0.0' } }, ['current'], ['apply']],
    ['auto', 'the channel', { ...TWO, policy: { channel: 'frozen' } }, ['held', 'channel-frozen'], ['apply']],
    [
      'approved',
      'the only yes there is',
      { ...TWO, policy: { channel: 'manual' } },
      ['ask', 'approval-needed'],
      ['apply'],
    ],
    [
      'approved',
      'as many as it takes',
      { ...TWO, policy: { channel: 'manual', approvals: { required: 2, approvers: KEYS } } },
      ['ask', 'approval-needed'],
      ['apply'],
    ],
  ])('%s: %s', (assumption, _what, scenario, before, then) => {
    const facts = factsOf(scenario);

    expect(verdictIf(facts)).toEqual(before);
    expect(verdictIf(facts, assumption)).toEqual(then);
    const others = (['window', 'released', 'unpinned', 'auto', 'approved'] as const).filter(
      (one) => one !== assumption && !(one === 'auto' && assumption === 'approved'),
    );
    expect(verdictIf(facts, ...others)).toEqual(before);
  });

  it('another moment asks the same of that moment', () => {
    const facts = factsOf({ ...TWO, policy: { windows: NIGHT } });

    expect(concludeIf(facts, { at: '2026-03-03T03:00:00Z', assume: [] }).decision.verdict).toBe('apply');
    expect([
      momentOf(facts, { at: '2026-03-03T03:00:00Z', assume: [] }),
      momentOf(facts, { assume: [] }),
    ]).toEqual(['2026-03-03T03:00:00Z', NOW]);
  });

  it('approvals asks nobody where nothing is on offer', () => {
    expect(
      verdictIf(factsOf({ releases: { 'core/auth@1.0.0': {} }, runs: ['core/auth@1.0.0'] }), 'approved'),
    ).toEqual(['current']);
  });

  it('everything leaves a policy that cannot be read as it is', () => {
    const facts: Facts = { ...factsOf(TWO), policy: { kind: 'unreadable', problem: 'damaged' } as never };

    expect(verdictIf(facts, 'window', 'released', 'unpinned', 'auto')).toContain('policy-unreadable');
  });
});
