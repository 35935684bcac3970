// Secrets that people and agents carry: made here, kept as their digest only.
import { createHash, randomBytes } from 'node:crypto';
import { toBase64url } from '../../shared/encoding/bytes.ts';

/** 192 bits of chance, base64url. */
export function makeSecret(): string {
  return toBase64url(randomBytes(24));
}

/**
 * What is stored and looked up instead of the secret. Nobody can steer the SHA-256 of a secret they do not know towards
 * a stored one, so the time a lookup takes tells nothing; and a secret this long needs no slow hash.
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
