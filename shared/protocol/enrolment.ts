// Enrolment: the one string a customer gets from the vendor, and what agent and server say to each other with it.
import { z } from 'zod';
import { fromBase64url, toBase64url } from '../encoding/bytes.ts';
import { canonicalize } from '../encoding/canonical.ts';
import { FairleadError } from '../errors/error.ts';
import { digest, line } from '../schema/common.ts';
import { parseDocumentBytes } from '../schema/parse-document.ts';

const PREFIX = 'fairlead1_';

const enrolment = z.strictObject({
  /** Base URL of the release server, without a trailing slash. */
  server: z.url({ protocol: /^https?$/, error: 'an http or https URL' }),
  /** Single-use secret; it travels in request bodies only, never in a URL. */
  code: z.string().regex(/^[A-Za-z0-9_-]{22,64}$/, { error: 'an enrolment code' }),
  /** The root metadata to start trust from: its version and the digest of its exact bytes. */
  root: z.strictObject({ version: z.int().min(1), digest }),
});

export type Enrolment = z.output<typeof enrolment>;

export function formatEnrolment(value: Enrolment): string {
  return PREFIX + toBase64url(canonicalize(value));
}

/** Error: enrolment/invalid. */
export function parseEnrolment(text: string): Enrolment {
  const trimmed = text.trim();
  const bytes = trimmed.startsWith(PREFIX) ? fromBase64url(trimmed.slice(PREFIX.length)) : null;
  if (bytes === null)
    throw new FairleadError('enrolment/invalid', { problem: 'it is not an enrolment string' });
  try {
    return parseDocumentBytes(enrolment, bytes, 'the enrolment string');
  } catch (cause) {
    throw new FairleadError('enrolment/invalid', { problem: 'its content is damaged' }, { cause });
  }
}

export const REDEEM_PATH = '/api/v1/enrolments/redeem';

/** POST to REDEEM_PATH. Repeating it with the same code and key gives the same answer. */
export const redeemRequest = z.strictObject({
  /** Of any form: what did not fit would be shown in the refusal, and somebody may send the whole enrolment string. */
  code: z.string(),
  /** Ed25519 public key, base64url. */
  publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/, { error: 'an Ed25519 public key in base64url' }),
  /** The host's own name, shown in the fleet list. */
  hostname: line,
  agentVersion: line,
});

export const redeemReply = z.strictObject({
  instance: z.string().regex(/^[0-9a-f-]{36}$/),
  name: line,
});

export type RedeemRequest = z.output<typeof redeemRequest>;
export type RedeemReply = z.output<typeof redeemReply>;
