// Proposals in words: what one asks for, and the command that would do the same.
import { describe, expect, it } from 'vitest';
import {
  commandFor,
  describeWish,
  renderProposal,
  renderProposals,
} from '../../../shared/present/proposals.ts';
import { createStyle } from '../../../shared/present/table.ts';
import type { DescribedProposal } from '../../../shared/protocol/proposal.ts';
import { type Wish, wish } from '../../../shared/schema/proposal.ts';

const WINDOW = { name: 'night', cron: '0 2 * * *', duration: 'PT1H', zone: 'UTC' };

const WISHES: readonly (readonly [object, string, string | null])[] = [
  [{ kind: 'deploy' }, 'deploy what is on offer', 'fairlead apply --reason "why"'],
  [{ kind: 'deploy', release: 'core/auth@1.0.1' }, 'deploy core/auth@1.0.1', 'fairlead apply --reason "why"'],
  [
    { kind: 'pin', component: 'core/auth', version: '>=1 <2', expires: '2027-01-01T00:00:00Z' },
    'pin core/auth at >=1 <2 until 2027-01-01T00:00:00Z',
    `fairlead pin add core/auth '>=1 <2' --expires 2027-01-01T00:00:00Z --reason "why"`,
  ],
  [
    { kind: 'pin', component: 'platform', version: '1.2.0' },
    'pin platform at 1.2.0',
    'fairlead pin add platform 1.2.0 --reason "why"',
  ],
  [
    { kind: 'unpin', component: 'core' },
    'take the pin of core away',
    'fairlead pin remove core --reason "why"',
  ],
  [{ kind: 'rollback' }, 'go back to the healthy generation before', 'fairlead rollback --reason "why"'],
  [{ kind: 'rollback', to: 4 }, 'go back to generation 4', 'fairlead rollback --to 4 --reason "why"'],
  [
    { kind: 'rollback', to: 'core/auth@1.0.0' },
    'go back to core/auth@1.0.0',
    'fairlead rollback --to core/auth@1.0.0 --reason "why"',
  ],
  [
    { kind: 'policy', template: { name: 'careful', channel: 'manual' } },
    'policy careful: channel manual',
    'fairlead channel set manual --reason "why"',
  ],
  [
    { kind: 'policy', template: { name: 'careful', channel: 'auto', windows: { allow: [WINDOW] } } },
    'policy careful: channel auto, windows night',
    null,
  ],
  [
    { kind: 'policy', template: { name: 'open', channel: 'auto', windows: {} } },
    'policy open: channel auto, windows none',
    null,
  ],
];

describe('a wish', () => {
  it.each(WISHES)('%j', (wanted, words, command) => {
    const parsed: Wish = wish.parse(wanted);

    expect(describeWish(parsed)).toBe(words);
    expect(commandFor(parsed)).toBe(command);
  });
});

const ONE: DescribedProposal = {
  ...{
    number: 3,
    id: '00000000-0000-4000-8000-000000000001',
    kind: 'unpin',
    asks: 'take the pin of core away',
  },
  ...{ command: 'fairlead pin remove core --reason "why"', reason: 'certified', by: 'token fleet' },
  ...{ received: '2026-03-01T00:00:00Z', expires: '2026-03-31T00:00:00Z', standing: 'propose' },
  ...{ state: 'waiting', answer: null, delivered: false },
};

describe('a list', () => {
  const style = createStyle(false);

  it('says what to type for what waits, and nothing where nothing does', () => {
    expect(renderProposals([], style)).toEqual(['The vendor proposes nothing.']);
    expect(renderProposals([ONE], style)).toContain('  fairlead accept 3 --reason "why"');
    expect(renderProposals([{ ...ONE, state: 'accepted' }], style).join()).not.toContain('fairlead accept');
    expect(renderProposals([ONE, { ...ONE, number: 4 }], style)).toContain('2 wait for you:');
  });

  it('says of one what was answered, and where to follow it', () => {
    const answer = {
      answer: 'accepted',
      code: null,
      text: 'change 7 began',
      by: 'alice',
      change: 7,
      at: ONE.received,
    } as const;

    const lines = renderProposal({ ...ONE, state: 'accepted', answer }, style).join('\n');

    expect(lines).toContain('accepted by alice: change 7 began');
    expect(lines).toContain('fairlead change 7 --watch');
  });
});
