// Keys and signatures in receipts: so many lower-case hexadecimal digits, every digit among them, and nothing around them.
import { describe, expect, it } from 'vitest';
import { approvalReceipt } from '../../../shared/schema/approval.ts';
import { holdReceipt } from '../../../shared/schema/hold-receipt.ts';

const DIGITS = '0123456789abcdef';
const at = '2026-03-01T10:00:00Z';
const later = '2026-03-02T10:00:00Z';
const said = { by: 'alice', reason: 'tested', at };
const receipt = {
  schema: 'fairlead/receipt@1',
  authority: 'key',
  statement: {
    schema: 'fairlead/approval@1',
    plan: `sha256:${'a'.repeat(64)}`,
    verdict: 'approve',
    expires: later,
    ...said,
  },
};
const hold = { statement: { schema: 'fairlead/hold@1', until: later, instance: 'one', ...said } };

describe.each([
  ['an approval', approvalReceipt, receipt],
  ['a hold', holdReceipt, hold],
] as const)('the key and the signature of %s', (_what, schema, rest) => {
  const parses = (key: string, signature: string) => schema.safeParse({ ...rest, key, signature }).success;

  it('are 64 and 128 hexadecimal digits', () => {
    expect(parses(DIGITS.repeat(4), DIGITS.repeat(8))).toBe(true);
  });

  it.each([
    ['one digit too few', (text: string) => text.slice(1)],
    ['one digit too many', (text: string) => `${text}0`],
    ['a capital', (text: string) => `A${text.slice(1)}`],
    ['another letter', (text: string) => `g${text.slice(1)}`],
    ['a line break behind them', (text: string) => `${text}\n`],
  ])('are refused with %s', (_slip, change) => {
    expect(parses(change(DIGITS.repeat(4)), DIGITS.repeat(8))).toBe(false);
    expect(parses(DIGITS.repeat(4), change(DIGITS.repeat(8)))).toBe(false);
  });

  it('name the instance in 64 characters at most', () => {
    const named = (instance: string) =>
      schema.safeParse({
        ...rest,
        statement: { ...rest.statement, instance },
        key: DIGITS.repeat(4),
        signature: DIGITS.repeat(8),
      }).success;

    expect([named('a'.repeat(64)), named('a'.repeat(65))]).toEqual([true, false]);
  });
});
