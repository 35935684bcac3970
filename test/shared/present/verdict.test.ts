// The first line: what is the case, in the tone it deserves, and the reasons below it.
import { describe, expect, it } from 'vitest';
import { describeBlockers, describeNewer, describeVerdict } from '../../../shared/present/verdict.ts';
import type { Decision } from '../../../shared/schema/decision.ts';
import { blocker, CURRENT, EXPOSURE, MARKED, OFFERED } from '../../support/answers.ts';
import { recordOf } from '../../support/deployments.ts';

const NEWER = {
  component: 'core/auth',
  from: '1.0.0',
  to: '2.0.0',
  pin: '~1.0',
  pinned: 'core/auth',
  by: 'ada',
  clearWith: 'fairlead pin remove core/auth',
};
const EMERGENCY: Decision['target'] = OFFERED && { ...OFFERED, kind: 'emergency' };
const say = (changes: Partial<Decision>) => describeVerdict({ ...CURRENT, ...changes }, null, MARKED);

describe('the verdict', () => {
  const held = [blocker()];

  it.each<[string, Partial<Decision>, string]>([
    ['nothing on offer', {}, 'good<current: nothing else is on offer>'],
    [
      'a reason though nothing is on offer',
      { blockers: held },
      'good<current: nothing else is on offer: held by ada>',
    ],
    ['one newer', { newer: [NEWER] }, 'good<current: core/auth 2.0.0 is held back by your pin ~1.0>'],
    [
      'several newer',
      { newer: [NEWER, NEWER, NEWER] },
      'good<current: core/auth 2.0.0 is held back by your pin ~1.0, and 2 more>',
    ],
    ['an update to apply', { verdict: 'apply', target: OFFERED }, 'warn<an update is about to be applied>'],
    [
      'a forced patch to apply',
      { verdict: 'apply', target: EMERGENCY },
      'warn<a forced patch is about to be applied>',
    ],
    ['a time to wait for', { verdict: 'wait', blockers: held }, 'warn<an update waits: held by ada>'],
    [
      'a person to wait for',
      { verdict: 'ask', blockers: held },
      'warn<an update waits for you: held by ada>',
    ],
    ['a choice', { verdict: 'held', blockers: held }, 'warn<held: held by ada>'],
    ['something to mend', { verdict: 'blocked', blockers: held }, 'bad<blocked: held by ada>'],
    ['no reason at all', { verdict: 'blocked' }, 'bad<blocked>'],
    [
      'what it is exposed to, each once and before all else',
      {
        exposed: [
          EXPOSURE,
          { ...EXPOSURE, component: 'core/api' },
          { ...EXPOSURE, advisory: 'FL-2026-0004' },
        ],
      },
      'bad<EXPOSED to FL-2026-0003, FL-2026-0004; current: nothing else is on offer>',
    ],
    [
      'more that it is exposed to than a line holds',
      { exposed: Array.from({ length: 12 }, (_, i) => ({ ...EXPOSURE, advisory: `A-${i}` })) },
      'bad<EXPOSED to A-0, A-1, A-2, A-3, A-4, A-5, A-6, A-7, A-8, A-9 and more; current: nothing else is on offer>',
    ],
    [
      'more than the decision lists',
      { exposed: [EXPOSURE], newer: [NEWER], unlisted: { exposed: 7, newer: 4 } },
      'bad<EXPOSED to FL-2026-0003 and more; current: core/auth 2.0.0 is held back by your pin ~1.0, and 4 more>',
    ],
  ])('with %s', (_what, decision, line) => {
    expect(say(decision)).toBe(line);
  });

  it('is the deployment under way, whatever the decision says', () => {
    const record = recordOf(4, ['planned', 'fetching']);
    expect(describeVerdict({ ...CURRENT, verdict: 'blocked' }, record, MARKED)).toBe(
      'warn<change 4 is fetching>',
    );
  });

  it('says of a deployment under way by what it is forced', () => {
    const reason = { kind: 'forced' as const, advisories: ['FL-2026-3', 'FL-2026-4'] };
    const record = recordOf(4, ['planned', 'verifying'], { reason });

    expect(describeVerdict(CURRENT, record, MARKED)).toBe(
      'warn<change 4, forced by FL-2026-3, FL-2026-4, is verifying>',
    );
  });
});

describe('the reasons', () => {
  it('say who clears them, until when, whence they come, and with which command', () => {
    expect(describeBlockers([blocker()], MARKED)).toEqual([
      '- held by ada [hold; admin clears it; policy.hold]',
    ]);
    expect(
      describeBlockers(
        [blocker({ clearsAt: '2026-03-02T10:00:00Z', clearWith: 'fairlead release' })],
        MARKED,
      ),
    ).toEqual([
      '- held by ada [hold; admin clears it, until 2026-03-02T10:00:00Z; policy.hold]',
      '  fairlead release',
    ]);
  });

  it('are of one line each, whatever stands in them', () => {
    const hostile = 'a\nb\u001b[2K';
    const lines = describeBlockers(
      [blocker({ message: hostile, source: hostile, clearWith: hostile })],
      MARKED,
    );

    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toMatch(/[\n\u001b]/);
  });

  it('do not lose a long sentence or command before its five hundredth character', () => {
    const long = 'x'.repeat(500);
    const [reason = '', command = ''] = describeBlockers(
      [blocker({ message: long, clearWith: long })],
      MARKED,
    );

    expect([reason.includes(long), command.includes(long)]).toEqual([true, true]);
  });
});

describe('what is newer', () => {
  it('names the pin that holds it back, and where that pin is when it is elsewhere', () => {
    expect(describeNewer({ ...CURRENT, newer: [NEWER, { ...NEWER, pinned: 'core' }] })).toEqual([
      '- core/auth 2.0.0 is held back by the pin ~1.0 of ada',
      '  fairlead pin remove core/auth',
      '- core/auth 2.0.0 is held back by the pin of core at ~1.0 of ada',
      '  fairlead pin remove core/auth',
    ]);
    expect(describeNewer(CURRENT)).toEqual([]);
  });
});
