// Signed approvals: what counts, and every way in which one does not.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { receiptDigest, signReceipt, verifyReceipt } from '../../../shared/policy/receipt.ts';
import {
  type ApprovalStatement,
  approvalReceipt,
  type SignedReceipt,
} from '../../../shared/schema/approval.ts';
import { signingKeyFromSeed } from '../../../shared/trust/key.ts';
import { codeOf } from '../../support/error-code.ts';

const NOW = instantMs('2026-03-02T12:00:00Z');
const DAY_MS = 86_400_000;
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
