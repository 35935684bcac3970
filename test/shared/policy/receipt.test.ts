// Signed approvals: what counts, and every way in which one does not.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import type { Approval } from '../../../shared/policy/decide-input.ts';
import {
  isGenuine,
  isInForce,
  receiptDigest,
  signReceipt,
  verifyReceipt,
  weighApprovals,
} from '../../../shared/policy/receipt.ts';
import {
  type ApprovalStatement,
  approvalReceipt,
  type SignedReceipt,
} from '../../../shared/schema/approval.ts';
import { signingKeyFromSeed } from '../../../shared/trust/key.ts';
import { codeOf, refusalOf } from '../../support/error-code.ts';

const NOW = instantMs('2026-03-02T12:00:00Z');
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const alice = signingKeyFromSeed(new Uint8Array(32).fill(1));
const mallory = signingKeyFromSeed(new Uint8Array(32).fill(2));
const context = {
  rules: { required: 1, approvers: [{ name: 'alice', key: alice.key.keyval.public }] },
  instance: 'here',
  now: NOW,
};

function statement(changes: Partial<ApprovalStatement> = {}): ApprovalStatement {
  return approvalReceipt.parse({
    schema: 'fairlead/receipt@1',
    authority: 'socket',
    statement: {
      schema: 'fairlead/approval@1',
      plan: `sha256:${'a'.repeat(64)}`,
      verdict: 'approve',
      by: 'alice',
      reason: 'tested in staging',
      at: formatInstant(NOW - 1000),
      expires: formatInstant(NOW + DAY_MS),
      ...changes,
    },
  }).statement;
}

const verdictOn = (receipt: SignedReceipt) => codeOf(() => verifyReceipt(receipt, context));

describe('a signed receipt', () => {
  it('counts when an approver signed exactly this', () => {
    const receipt = signReceipt(statement({ ticket: 'OPS-7', instance: 'here' }), alice);

    expect(() => verifyReceipt(receipt, context)).not.toThrow();
    expect(approvalReceipt.parse(JSON.parse(JSON.stringify(receipt)))).toEqual(receipt);
  });

  it.each([
    ['is signed by a key the policy does not name', signReceipt(statement(), mallory), 'approval/stranger'],
    [
      'names an approver’s key but is signed with another',
      { ...signReceipt(statement(), mallory), key: alice.key.keyval.public },
      'approval/altered',
    ],
    [
      'was made for another instance',
      signReceipt(statement({ instance: 'there' }), alice),
      'approval/other-instance',
    ],
    ['has expired', signReceipt(statement({ expires: formatInstant(NOW) }), alice), 'approval/expired'],
    [
      'would be good for a year',
      signReceipt(statement({ expires: formatInstant(NOW + 365 * DAY_MS) }), alice),
      'approval/expired',
    ],
  ] as const)('does not count when it %s', (_how, receipt, code) => {
    expect(verdictOn(receipt)).toBe(code);
  });

  it.each([
    ['in the last second of its life', 1000, null],
    ['for the week that a yes may last', 7 * DAY_MS, null],
    ['by a clock that is an hour ahead', 7 * DAY_MS + HOUR_MS, null],
    ['for a second more than that', 7 * DAY_MS + HOUR_MS + 1000, 'approval/expired'],
  ])('is good or not %s', (_when, ms, code) => {
    const receipt = signReceipt(statement({ expires: formatInstant(NOW + ms) }), alice);
    const act = () => verifyReceipt(receipt, context);

    if (code === null) expect(act).not.toThrow();
    else expect(codeOf(act)).toBe(code);
  });

  it('is too good by a millisecond, and over in the one in which it expires', () => {
    const codes = [
      [7 * DAY_MS + HOUR_MS, -1],
      [1000, 1000],
    ].map(([ahead = 0, now = 0]) => {
      const receipt = signReceipt(statement({ expires: formatInstant(NOW + ahead) }), alice);
      return codeOf(() => verifyReceipt(receipt, { ...context, now: NOW + now }));
    });

    expect(codes).toEqual(['approval/expired', 'approval/expired']);
  });

  it.each(['key', 'signature'] as const)('does not count when its %s is no number at all', (field) => {
    const receipt = { ...signReceipt(statement(), alice), [field]: 'none' };

    expect(isGenuine(receipt)).toBe(false);
  });

  it('says in its refusal who, which plan and until when', () => {
    const refused = (receipt: SignedReceipt) => refusalOf(() => verifyReceipt(receipt, context)).data;
    const expires = formatInstant(NOW);

    expect(refused(signReceipt(statement({ by: 'eve' }), mallory))).toEqual({
      key: mallory.key.keyval.public,
      by: 'eve',
    });
    expect(refused({ ...signReceipt(statement(), mallory), key: alice.key.keyval.public })).toMatchObject({
      by: 'alice',
      plan: expect.stringMatching(/^(?:sha256:)?a+/),
    });
    expect(refused(signReceipt(statement({ instance: 'there' }), alice))).toEqual({
      meant: 'there',
      instance: 'here',
    });
    expect(refused(signReceipt(statement({ expires }), alice))).toMatchObject({ expires });
  });

  it('does not count when any word of it was altered', () => {
    const receipt = signReceipt(statement({ ticket: 'OPS-7', instance: 'here' }), alice);
    const altered: Partial<ApprovalStatement>[] = [
      { plan: statement({ plan: `sha256:${'b'.repeat(64)}` as ApprovalStatement['plan'] }).plan },
      { verdict: 'deny' },
      { by: 'bob' },
      { reason: 'tested in staging!' },
      { ticket: 'OPS-8' },
      { instance: undefined as never },
      { at: formatInstant(NOW) },
      { expires: formatInstant(NOW + 2 * DAY_MS) },
    ];

    const codes = altered.map((change) =>
      verdictOn({ ...receipt, statement: { ...receipt.statement, ...change } }),
    );

    expect(codes).toEqual(altered.map(() => 'approval/altered'));
  });

  it('does not count when any bit of its signature was altered', () => {
    const receipt = signReceipt(statement(), alice);
    fc.assert(
      fc.property(fc.nat({ max: 127 }), fc.integer({ min: 1, max: 15 }), (position, flip) => {
        const digit = (Number.parseInt(receipt.signature[position]!, 16) ^ flip).toString(16);
        const signature =
          receipt.signature.slice(0, position) + digit + receipt.signature.slice(position + 1);
        expect(verdictOn({ ...receipt, signature })).toBe('approval/altered');
      }),
      { numRuns: 40 },
    );
  });

  it('is the same receipt however often it is handed in, and another for another person', () => {
    const mine = signReceipt(statement(), alice);

    expect(receiptDigest(JSON.parse(JSON.stringify(mine)))).toBe(receiptDigest(mine));
    expect(receiptDigest(signReceipt(statement(), mallory))).not.toBe(receiptDigest(mine));
    expect(receiptDigest(signReceipt(statement({ reason: 'again' }), alice))).not.toBe(receiptDigest(mine));
  });
});

describe('a receipt of the agent’s socket', () => {
  it('is genuine without a signature, and another one than a signed one of the same words', () => {
    const socket = { schema: 'fairlead/receipt@1', authority: 'socket', statement: statement() } as const;

    expect(isGenuine(socket)).toBe(true);
    expect(receiptDigest(socket)).not.toBe(receiptDigest(signReceipt(statement(), alice)));
    expect(receiptDigest({ ...socket, statement: statement({ ticket: 'OPS-7' }) })).not.toBe(
      receiptDigest(socket),
    );
  });
});

describe('a yes', () => {
  it.each([
    ['is over in the moment in which it expires', 0, false],
    ['counts until then', 1, true],
    ['counts for a week, and a day by which our clock may have been set back', 8 * DAY_MS, true],
    ['counts no longer ahead than that', 8 * DAY_MS + 1, false],
  ])('%s', (_what, ahead, counts) => {
    expect(isInForce(NOW + ahead, NOW)).toBe(counts);
  });
});

describe('approvals together', () => {
  const PLAN = statement().plan;
  const two = {
    required: 2,
    approvers: [
      { name: 'zoe', key: 'a-key' },
      { name: 'ada', key: 'b-key' },
    ],
  };
  const nobody = { required: 1, approvers: [] };
  const by = (approver: string, changes: Partial<Approval> = {}): Approval => ({
    plan: PLAN,
    verdict: 'approve',
    approver,
    expires: NOW + DAY_MS,
    ...changes,
  });
  const deny = { verdict: 'deny' } as const;

  it.each<[string, typeof two, readonly Approval[], object]>([
    ['none', two, [], { kind: 'missing', given: 0, required: 2 }],
    ['one of two', two, [by('a-key')], { kind: 'missing', given: 1, required: 2 }],
    ['both', two, [by('a-key'), by('b-key')], { kind: 'granted' }],
    ['one twice', two, [by('a-key'), by('a-key')], { kind: 'missing', given: 1, required: 2 }],
    [
      'one of them over',
      two,
      [by('a-key'), by('b-key', { expires: NOW })],
      { kind: 'missing', given: 1, required: 2 },
    ],
    [
      'one of them for another plan',
      two,
      [by('a-key'), by('b-key', { plan: 'another' })],
      { kind: 'missing', given: 1, required: 2 },
    ],
    ['one by a stranger', two, [by('a-key'), by('c-key')], { kind: 'missing', given: 1, required: 2 }],
    [
      'one over the socket, where approvers have keys',
      two,
      [by('a-key'), by('local')],
      { kind: 'missing', given: 1, required: 2 },
    ],
    ['one over the socket, where nobody has', nobody, [by('local')], { kind: 'granted' }],
    [
      'a no, by the name of who gave it',
      two,
      [by('a-key'), by('b-key', deny)],
      { kind: 'denied', by: 'ada' },
    ],
    [
      'a no that is over, which a no never is',
      two,
      [by('a-key'), by('b-key'), by('b-key', { ...deny, expires: NOW })],
      { kind: 'denied', by: 'ada' },
    ],
    [
      'two noes, in whatever order: one of them is told',
      two,
      [by('b-key', deny), by('a-key', deny)],
      { kind: 'denied', by: 'zoe' },
    ],
    [
      'a no of another plan',
      two,
      [by('a-key'), by('b-key'), by('b-key', { ...deny, plan: 'another' })],
      { kind: 'granted' },
    ],
    ['a no by a stranger', nobody, [by('local'), by('c-key', deny)], { kind: 'granted' }],
    ['a no over the socket', nobody, [by('local', deny)], { kind: 'denied', by: 'local' }],
  ])('are %s', (_what, rules, approvals, state) => {
    expect(weighApprovals(rules, PLAN, approvals, NOW)).toEqual(state);
  });
});
