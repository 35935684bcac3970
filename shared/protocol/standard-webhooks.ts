// How a webhook proves who sent it: Standard Webhooks, symmetric signatures (`whsec_…`, `v1,…`), old and new side by side while a secret is rotated.

import { createHmac } from 'node:crypto';
import { toBase64 } from '../encoding/bytes.ts';

export const SECRET_PREFIX = 'whsec_';
/** The specification asks for 24 to 64. */
export const SECRET_BYTES = 32;

/** As receivers' libraries take it. */
export function formatSecret(bytes: Uint8Array): string {
  return SECRET_PREFIX + toBase64(bytes);
}

export interface SignedMessage {
  /** The same for every attempt: by it a receiver knows what it has had. */
  readonly id: string;
  /** Seconds since 1970, of the attempt: receivers refuse what is old, and so what somebody sends a second time. */
  readonly timestamp: number;
  readonly body: string;
}

/** The headers of one attempt. One signature for each secret, the newest first. */
export function signatureHeaders(
  { id, timestamp, body }: SignedMessage,
  secrets: readonly string[],
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}

/** What came of one attempt. `refused` is for good, of this message; `gone` of the receiver; `unsent` says nothing of it, for the way there failed. */
export type Verdict = 'arrived' | 'again' | 'unsent' | 'refused' | 'gone';

/** Whether the receiver has it: any success, and nothing else. */
export function hasArrived({ status }: { readonly status: number | null }): boolean {
  return status !== null && status >= 200 && status < 300;
}

/** What a receiver is sent, as the specification has it. */
export function formatMessage(type: string, at: string, data: object): string {
  return JSON.stringify({ type, timestamp: at, data });
}
