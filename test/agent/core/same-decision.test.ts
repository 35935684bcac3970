// What makes two decisions the same: everything they say, and not the order in which their words stand.
import { expect, it } from 'vitest';
import { isSameDecision } from '../../../agent/core/conclude.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { type Decision, decision } from '../../../shared/schema/decision.ts';

const digest = (text: string) => digestOf(Buffer.from(text));
const DECISION: Decision = decision.parse({
  verdict: 'blocked',
  target: { kind: 'desired', manifest: digest('to'), plan: digest('plan') },
  blockers: [{ code: 'channel-frozen', message: 'frozen', source: 'channel', owner: 'admin' }],
  newer: [
    {
      ...{ component: 'core/auth', from: '1.0.0', to: '2.0.0', pin: '~1.0', pinned: 'core', by: 'ada' },
      clearWith: 'fairlead pin remove core',
    },
  ],
  adopted: [{ component: 'core/auth', key: 'port' }],
  exposed: [{ advisory: 'FL-2026-0001', severity: 'critical', component: 'core/auth', version: '1.0.0' }],
});

it('is the same with its words in another order', () => {
  const turned = Object.fromEntries(Object.entries(DECISION).reverse()) as Decision;

  expect(isSameDecision(DECISION, turned)).toBe(true);
});

it.each([
  ['verdict', { verdict: 'wait' }],
  ['target', { target: null }],
  ['blockers', { blockers: [] }],
  ['newer', { newer: undefined }],
  ['adopted', { adopted: [] }],
  ['exposed', { exposed: [] }],
] as const)('is another one where its %s differs', (_, change) => {
  expect(isSameDecision(DECISION, { ...DECISION, ...change } as Decision)).toBe(false);
});
