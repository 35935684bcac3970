// DSSE envelopes, version 1 (https://github.com/secure-systems-lab/dsse): what is signed says what kind of document it is, so that no signature counts for a document of another kind.

import { z } from 'zod';
import { toBase64, utf8 } from '../encoding/bytes.ts';
import type { VerificationKey } from './key.ts';

/** Of a payload; what we sign so is short. */
const MOST_CHARACTERS = 64 * 1024;
const SIGNATURE_CHARACTERS = 88;

const base64 = z
  .string()
  .max(MOST_CHARACTERS)
  // Another spelling of the same bytes would be another document with the same signature.
  .refine((text) => Buffer.from(text, 'base64').toString('base64') === text, {
    error: 'base64 with padding',
  });

/** Of one signer: all that we sign so is. */
export const dsseEnvelope = z.strictObject({
  payload: base64,
  payloadType: z.string().max(200),
  signatures: z
    .array(z.strictObject({ keyid: z.string().max(64), sig: base64.max(SIGNATURE_CHARACTERS) }))
    .length(1),
});
export type DsseEnvelope = z.output<typeof dsseEnvelope>;

/**
 * PAE of the specification: what is signed in place of the payload. It begins with `DSSEv1`, and what TUF signs is a JSON
 * object: neither can be read as the other, whichever key signed it.
 */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8(payloadType);
  return Buffer.concat([utf8(`DSSEv1 ${type.length} `), type, utf8(` ${payload.length} `), payload]);
}

export function envelopeOf(
  payloadType: string,
  payload: Uint8Array,
  signed: { readonly keyid: string; readonly sig: Uint8Array },
): DsseEnvelope {
  const { keyid, sig } = signed;
  return {
    payload: toBase64(payload),
    payloadType,
    signatures: [{ keyid, sig: toBase64(sig) }],
  };
}

/** The payload, where one of these keys signed it as a document of this type; null for everything else. */
export function openEnvelope(
  envelope: DsseEnvelope,
  payloadType: string,
  keys: ReadonlyMap<string, VerificationKey>,
): Uint8Array | null {
  const [signature] = envelope.signatures;
  const key = keys.get(signature?.keyid ?? '');
  if (signature === undefined || key === undefined || envelope.payloadType !== payloadType) return null;
  const payload = Buffer.from(envelope.payload, 'base64');
  const sig = Buffer.from(signature.sig, 'base64');
  return key.verify(preAuthEncoding(payloadType, payload), sig) ? payload : null;
}
