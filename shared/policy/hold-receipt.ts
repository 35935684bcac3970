// Signing the order to hold forced patches, and the checks it passes before it holds anything.
import { fromHex, toHex } from '../encoding/bytes.ts';
import { canonicalize } from '../encoding/canonical.ts';
import { instantMs } from '../encoding/instant.ts';
import { FairleadError } from '../errors/error.ts';
import type { HoldReceipt, HoldStatement } from '../schema/hold-receipt.ts';
import { sign, verifySignature } from '../trust/ed25519.ts';
import type { SigningKey } from '../trust/key.ts';
import type { ReceiptContext } from './receipt.ts';

/** It is given on the spot: an old order must not come back after the hold was released. */
const GOOD_FOR_MS = 3_600_000;

export function signHold(statement: HoldStatement, key: SigningKey): HoldReceipt {
  const signature = toHex(sign(key.secretKey, canonicalize({ ...statement })));
  return { statement, key: key.key.keyval.public, signature };
}

/** `until` is when the hold that is asked for ends. Error: hold/signature-needed. */
export function verifyHold(
  receipt: HoldReceipt | undefined,
  until: string,
  { rules, instance, now }: ReceiptContext,
): void {
  const refuse = (problem: string) =>
    new FairleadError('hold/signature-needed', {
      problem,
      approvers: rules.approvers.map(({ name }) => name).join(', '),
    });
  if (receipt === undefined) throw refuse('it is not signed');
  const { statement } = receipt;
  if (!rules.approvers.some(({ key }) => key === receipt.key)) throw refuse('its signer is no approver here');
  const key = fromHex(receipt.key);
  const signature = fromHex(receipt.signature);
  const isSigned =
    key !== null && signature !== null && verifySignature(key, canonicalize({ ...statement }), signature);
  if (!isSigned) throw refuse('it is not what was signed');
  if (statement.until !== until || statement.instance !== instance) throw refuse('it orders another hold');
  if (Math.abs(now - instantMs(statement.at)) > GOOD_FOR_MS)
    throw refuse('it was signed more than an hour ago');
}
