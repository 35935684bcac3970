// Keys as metadata writes them, their ids, and how a key of a known scheme verifies.
import { createHash } from 'node:crypto';
import { fromHex, toHex } from '../encoding/bytes.ts';
import { canonicalize } from '../encoding/canonical.ts';
import type { JsonObject } from '../encoding/json.ts';
import { isPublicKey, keyPairFromSeed, verifySignature } from './ed25519.ts';

/** What signatures and roles call a key: 64 hexadecimal digits for every key of ours. */
export type KeyId = string & { readonly __brand: 'KeyId' };

/** TUF §4.2. Types and schemes nobody here knows are kept: such keys verify nothing. */
export interface Key {
  readonly keytype: string;
  readonly scheme: string;
  /** `keyval.public`: for Ed25519 64 hexadecimal digits. */
  readonly public: string;
}

/** The JSON of an Ed25519 key, as it stands in root metadata and delegations. */
export type KeyObject = {
  readonly keytype: 'ed25519';
  readonly scheme: 'ed25519';
  readonly keyval: { readonly public: string };
};

export interface SigningKey {
  readonly keyid: KeyId;
  readonly key: KeyObject;
  readonly secretKey: Uint8Array;
}

/** A key ready to verify. */
export interface VerificationKey {
  /** Equal for equal keys, however they are spelled and whatever id they carry. */
  readonly identity: string;
  readonly verify: (message: Uint8Array, signature: Uint8Array) => boolean;
}

/** Ed25519 is the one scheme: null for a key of any other, and for one that no honest signer has. */
export function loadKey(key: Key): VerificationKey | null {
  if (key.keytype !== 'ed25519' || key.scheme !== 'ed25519') return null;
  const bytes = fromHex(key.public.toLowerCase());
  if (bytes === null || !isPublicKey(bytes)) return null;
  return {
    identity: `ed25519:${toHex(bytes)}`,
    verify: (message, signature) => verifySignature(bytes, message, signature),
  };
}

/** TUF §4.2: SHA-256 of the key's canonical JSON. */
export function keyIdOf(key: JsonObject): KeyId {
  return createHash('sha256').update(canonicalize(key)).digest('hex') as KeyId;
}

/** The key object of 32 public bytes. */
export function publicKeyFromBytes(bytes: Uint8Array): KeyObject {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: toHex(bytes) } };
}

/** `seed` is 32 secret random bytes. */
export function signingKeyFromSeed(seed: Uint8Array): SigningKey {
  const pair = keyPairFromSeed(seed);
  const key = publicKeyFromBytes(pair.publicKey);
  return { keyid: keyIdOf(key), key, secretKey: pair.secretKey };
}
