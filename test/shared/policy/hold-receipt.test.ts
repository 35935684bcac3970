// The signed order to hold forced patches: the one that counts, and every other one told apart by what is wrong with it.
import { describe, expect, it } from 'vitest';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { signHold, verifyHold } from '../../../shared/policy/hold-receipt.ts';
import { type HoldReceipt, type HoldStatement, holdReceipt } from '../../../shared/schema/hold-receipt.ts';
import { signingKeyFromSeed } from '../../../shared/trust/key.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';

const NOW = instantMs('2026-03-02T12:00:00Z');
const HOUR = 3_600_000;
const UNTIL = formatInstant(NOW + 48 * HOUR);
const [ada, bob, mallory] = [1, 2, 3].map((byte) => signingKeyFromSeed(new Uint8Array(32).fill(byte)));
const publicOf = (key: typeof ada) => key!.key.keyval.public;
const context = {
  rules: {
    required: 1,
    approvers: [
      { name: 'ada', key: publicOf(ada) },
      { name: 'bob', key: publicOf(bob) },
    ],
  },
  instance: 'here',
  now: NOW,
};

const statementOf = (changes: Partial<HoldStatement> = {}): HoldStatement => ({
  schema: 'fairlead/hold@1',
  until: UNTIL,
  by: 'ada',
  reason: 'surgery',
  instance: 'here',
  at: formatInstant(NOW),
  ...changes,
});
const signed = (changes: Partial<HoldStatement> = {}, key = ada) => signHold(statementOf(changes), key!);
const verify = (receipt: HoldReceipt | undefined) => verifyHold(receipt, UNTIL, context);

describe('a signed hold', () => {
  it.each([
    ['by the first approver', signed()],
    ['by the second', signed({ by: 'bob' }, bob)],
    ['an hour ago', signed({ at: formatInstant(NOW - HOUR) })],
    ['by a clock that is an hour ahead', signed({ at: formatInstant(NOW + HOUR) })],
  ])('counts when it was given %s', (_how, receipt) => {
    expect(() => verify(receipt)).not.toThrow();
    expect(holdReceipt.parse(JSON.parse(JSON.stringify(receipt)))).toEqual(receipt);
  });

  it.each([
    ['ends a millisecond after its hour', -HOUR, 1],
    ['begins no millisecond before it', HOUR, -1],
  ])('%s', (_what, ahead, beyond) => {
    const receipt = signed({ at: formatInstant(NOW + ahead) });
    const act = () => verifyHold(receipt, UNTIL, { ...context, now: NOW + beyond });

    expect(dataOf(refusalOf(act), 'hold/signature-needed').problem).toBe(
      'it was signed more than an hour ago',
    );
  });

  it.each<[string, HoldReceipt | undefined, string]>([
    ['is not there', undefined, 'it is not signed'],
    ['is signed by a stranger', signed({}, mallory), 'its signer is no approver here'],
    [
      'carries an approver’s key over a stranger’s signature',
      { ...signed({}, mallory), key: publicOf(ada) },
      'it is not what was signed',
    ],
    [
      'carries one approver’s key over another’s signature',
      { ...signed({}, bob), key: publicOf(ada) },
      'it is not what was signed',
    ],
    [
      'was altered',
      { ...signed(), statement: statementOf({ reason: 'nothing' }) },
      'it is not what was signed',
    ],
    ['has no signature at all', { ...signed(), signature: 'none' }, 'it is not what was signed'],
    [
      'ends later than what was signed',
      signed({ until: formatInstant(NOW + 24 * HOUR) }),
      'it orders another hold',
    ],
    ['is of another instance', signed({ instance: 'there' }), 'it orders another hold'],
    [
      'is older than an hour',
      signed({ at: formatInstant(NOW - HOUR - 1000) }),
      'it was signed more than an hour ago',
    ],
    [
      'is of the future',
      signed({ at: formatInstant(NOW + HOUR + 1000) }),
      'it was signed more than an hour ago',
    ],
  ])('does not count when it %s', (_how, receipt, problem) => {
    const refusal = refusalOf(() => verify(receipt));

    expect(dataOf(refusal, 'hold/signature-needed')).toEqual({ problem, approvers: 'ada, bob' });
  });
});
