// Signing an approval, and the checks a signed one passes before it counts here.
import { fromHex, toHex } from '../encoding/bytes.ts';
import { canonicalize } from '../encoding/canonical.ts';
import { type Digest, digestOfValue, shortDigest } from '../encoding/digest.ts';
import { type EpochMs, instantMs } from '../encoding/instant.ts';
import { FairleadError } from '../errors/error.ts';
import type { ApprovalReceipt, ApprovalStatement, SignedReceipt } from '../schema/approval.ts';
import type { Approvals } from '../schema/policy.ts';
import { sign, verifySignature } from '../trust/ed25519.ts';
import type { SigningKey } from '../trust/key.ts';
import type { Approval } from './decide-input.ts';

/** A yes is good for a week: long enough for a change board, short enough not to surprise anybody. */
export const APPROVAL_LIFETIME_MS = 7 * 24 * 3_600_000;

/** An approver's clock may be a little ahead of ours. */
export const CLOCK_LEEWAY_MS = 3_600_000;

/** Ours is set right by more at times. */
const OWN_LEEWAY_MS = 24 * 3_600_000;

/** Whether a yes still counts. One that ends later than any may was given under a clock that has been set back since. */
export function isInForce(expires: EpochMs, now: EpochMs): boolean {
  return now < expires && expires <= now + APPROVAL_LIFETIME_MS + OWN_LEEWAY_MS;
}

export function signReceipt(statement: ApprovalStatement, key: SigningKey): SignedReceipt {
  return {
    schema: 'fairlead/receipt@1',
    authority: 'key',
    statement,
    key: key.key.keyval.public,
    signature: toHex(sign(key.secretKey, signedBytes(statement))),
  };
}

/** The receipt's identity: the same statement by the same key is the same receipt, however often it is signed. */
export function receiptDigest(receipt: ApprovalReceipt): Digest {
  const key = receipt.authority === 'key' ? receipt.key : null;
  return digestOfValue({ key, statement: toHex(signedBytes(receipt.statement)) });
}

export interface ReceiptContext {
  readonly rules: Approvals;
  readonly instance: string;
  readonly now: EpochMs;
}

/**
 * Whether it was used before, and whether its plan is on offer, only the agent knows.
 * Errors: approval/stranger, approval/altered, approval/other-instance, approval/expired.
 */
export function verifyReceipt(receipt: SignedReceipt, { rules, instance, now }: ReceiptContext): void {
  const { statement } = receipt;
  const plan = shortDigest(statement.plan);
  if (!rules.approvers.some((approver) => approver.key === receipt.key)) {
    throw new FairleadError('approval/stranger', { key: receipt.key, by: statement.by });
  }
  if (!isGenuine(receipt)) {
    throw new FairleadError('approval/altered', { plan, by: statement.by });
  }
  if (statement.instance !== undefined && statement.instance !== instance) {
    throw new FairleadError('approval/other-instance', { meant: statement.instance, instance });
  }
  // A signer could write any date: no yes outlives the agreed lifetime here, whatever it says of itself.
  const expires = instantMs(statement.expires);
  if (expires <= now || expires > now + APPROVAL_LIFETIME_MS + CLOCK_LEEWAY_MS) {
    throw new FairleadError('approval/expired', { plan, expires: statement.expires });
  }
}

/** The key signed exactly this. What came through the socket carries no signature. */
export function isGenuine(receipt: ApprovalReceipt): boolean {
  if (receipt.authority === 'socket') return true;
  const key = fromHex(receipt.key) ?? NOTHING;
  const signature = fromHex(receipt.signature) ?? NOTHING;
  return verifySignature(key, signedBytes(receipt.statement), signature);
}

const NOTHING = new Uint8Array();

function signedBytes({ ticket, instance, ...statement }: ApprovalStatement): Uint8Array {
  return canonicalize({
    ...statement,
    ...(ticket === undefined ? {} : { ticket }),
    ...(instance === undefined ? {} : { instance }),
  });
}

export type ApprovalState =
  | { readonly kind: 'granted' }
  | { readonly kind: 'denied'; readonly by: string }
  | { readonly kind: 'missing'; readonly given: number; readonly required: number };

/** The approver where the policy names no keys: the permission of the agent's socket is the authority then. */
export const LOCAL_APPROVER = 'local';

/**
 * A yes expires; a no is final for its plan. Receipts for any other plan, and of people the policy does not name,
 * count for nothing.
 */
export function weighApprovals(
  rules: Approvals,
  plan: string,
  approvals: readonly Approval[],
  now: EpochMs,
): ApprovalState {
  const names = new Map(rules.approvers.map((approver) => [approver.key, approver.name]));
  if (names.size === 0) names.set(LOCAL_APPROVER, LOCAL_APPROVER);
  const receipts = approvals.filter((one) => one.plan === plan && names.has(one.approver));
  const denials = receipts.filter((one) => one.verdict === 'deny').map((one) => one.approver);
  const [denier] = denials.toSorted();
  if (denier !== undefined) return { kind: 'denied', by: names.get(denier) ?? denier };
  const given = new Set(receipts.filter((one) => isInForce(one.expires, now)).map((one) => one.approver))
    .size;
  return given >= rules.required ? { kind: 'granted' } : { kind: 'missing', given, required: rules.required };
}
