// The pass: what an agent gets for one signature, and proves each request with for an hour without sending a secret.
import { createHmac, hash, hkdfSync, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { utf8 } from '../encoding/bytes.ts';

/** `Authorization: Fairlead-Pass PASS.AT.PROOF`: `AT` in seconds, by the agent's clock. */
export const PASS_SCHEME = 'Fairlead-Pass';
/** Beside the answer to a signed request that asked for one: `PASS.POINT.SECONDS`. */
export const PASS_HEADER = 'fairlead-pass';
/** RFC 9530: what of the body the proof speaks for. */
export const CONTENT_DIGEST = 'content-digest';

/** SHA-256 of a body's bytes, as that header says it. */
export const contentDigest = z
  .string()
  .regex(/^sha-256=:[A-Za-z0-9+/]{43}=:$/, { error: 'a Content-Digest' });

/** An X25519 public key (RFC 7748), base64url. */
const point = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
/** The claim with which an agent asks for a pass; an earlier server reads over it, and answers no pass. */
export const passClaim = point.optional().catch(undefined);

/** Which key of the server's sealed it, and what is sealed. */
export const PASS = /^[A-Za-z0-9_-]{1,32}\.[A-Za-z0-9_-]{1,1500}$/;

export const PASS_LIFETIME_SECONDS = 3_600;

export interface PassOffer {
  readonly pass: string;
  /** The server's half of the secret. */
  readonly point: string;
  /** How long it may be used. */
  readonly seconds: number;
}

export function formatOffer({ pass, point: half, seconds }: PassOffer): string {
  return [pass, half, seconds].join('.');
}

/** Null for what no server of ours says. */
export function parseOffer(text: string): PassOffer | null {
  const [key = '', sealed = '', half = '', seconds = '', ...more] = text.split('.');
  const pass = `${key}.${sealed}`;
  const isOffer = PASS.test(pass) && point.safeParse(half).success && /^\d{1,5}$/.test(seconds);
  if (!isOffer || more.length > 0) return null;
  return { pass, point: half, seconds: Math.min(Number(seconds), PASS_LIFETIME_SECONDS) };
}

/** RFC 5869. Both sides have it from their own half and the other's point; who only reads along has neither half. */
export function passSecret(agreed: Uint8Array, asked: string, answered: string): Buffer {
  return Buffer.from(hkdfSync('sha256', agreed, utf8(asked + answered), utf8('fairlead pass'), 32));
}

/** What a proof is of: nothing that decides what a request does may be exchanged for something else. */
export interface Proven {
  readonly method: string;
  /** From `/api/v1/` on, with its query: a proxy may serve the server below a path of its own. */
  readonly target: string;
  readonly at: number;
  /** The value of Content-Digest; null without a body. */
  readonly digest: string | null;
}

/** HMAC-SHA256, base64url. */
export function proofOf(secret: Uint8Array | KeyObject, { method, target, at, digest }: Proven): string {
  return createHmac('sha256', secret)
    .update(`${method}\n${target}\n${at}\n${digest ?? ''}`)
    .digest('base64url');
}

export function targetOf(url: string): string {
  return url.slice(Math.max(0, url.indexOf('/api/v1/')));
}

export function contentDigestOf(bytes: Uint8Array): string {
  return `sha-256=:${hash('sha256', bytes, 'base64')}:`;
}
