// SHA-256 digests as branded text: `sha256:` and 64 hexadecimal digits.
import { createHash, hash } from 'node:crypto';
import { canonicalize } from './canonical.ts';
import type { JsonValue } from './json.ts';

export type Digest = string & { readonly __brand: 'Digest' };

export const DIGEST_PATTERN = /^sha256:[0-9a-f]{64}$/;

export function digestOf(bytes: Uint8Array): Digest {
  return digestFromHex(hash('sha256', bytes));
}

/** Of bytes that come in pieces. */
export function createDigester(): { update(bytes: Uint8Array): void; end(): Digest } {
  const sha256 = createHash('sha256');
  return { update: (bytes) => void sha256.update(bytes), end: () => digestFromHex(sha256.digest('hex')) };
}

/** The digest of a value's canonical JSON: the identity of manifests, plans and records. */
export function digestOfValue(value: JsonValue): Digest {
  return digestOf(canonicalize(value));
}

export function isDigest(text: string): text is Digest {
  return DIGEST_PATTERN.test(text);
}

/** `hex` must be 64 lower-case hexadecimal digits. */
export function digestFromHex(hex: string): Digest {
  return `sha256:${hex}` as Digest;
}

export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** The first twelve hexadecimal digits, for people. */
export function shortDigest(digest: Digest): string {
  return hexOf(digest).slice(0, 12);
}

const DIGESTS = /\b([0-9a-f]{12})[0-9a-f]{52}\b/g;

/** Every digest in a sentence cut short, so that an address made of them leaves room for what is wrong with it. */
export function shortenDigests(text: string): string {
  return text.replace(DIGESTS, '$1…');
}
