// Ed25519: tweetnacl makes keys, node:crypto signs, and verifies behind a check strict enough that every implementation gives one answer.
import { createPrivateKey, createPublicKey, sign as cryptoSign, type KeyObject, verify } from 'node:crypto';
import nacl from 'tweetnacl';

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;
export const SEED_BYTES = 32;

export interface KeyPair {
  readonly publicKey: Uint8Array;
  /** 64 bytes: the seed and the public key. */
  readonly secretKey: Uint8Array;
}

/** `seed` is 32 secret random bytes. */
export function keyPairFromSeed(seed: Uint8Array): KeyPair {
  return nacl.sign.keyPair.fromSeed(seed);
}

/** The 64-byte signature of `message`. */
export function sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  return Uint8Array.from(cryptoSign(null, message, privateKeyOf(secretKey)));
}

/** For whoever signs often with one key, or beside the loop. */
export function privateKeyOf(secretKey: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8_PREFIX, secretKey.subarray(0, SEED_BYTES)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return key;
}

/**
 * Strict verification (RFC 8032 §5.1.7 without its leeway). A second encoding of the same signature (S + L) would let
 * anyone mint "another" signature, and a small-order key verifies signatures nobody made. What OpenSSL refuses of this
 * by itself is not relied upon: it differs between its versions. Never throws.
 */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return (
    isPublicKey(publicKey) &&
    signature.length === SIGNATURE_BYTES &&
    isPrimeOrderEncoding(signature.subarray(0, 32)) &&
    isBelow(signature.subarray(32), GROUP_ORDER) &&
    verifyNatively(publicKey, message, signature)
  );
}

/** An algorithm of null: the key's own, which hashes by itself (PureEdDSA). */
function verifyNatively(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, publicKey]),
      format: 'der',
      type: 'spki',
    });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}

/** True for 32 bytes that may encode an honest key: canonical, not of small order. */
export function isPublicKey(bytes: Uint8Array): boolean {
  return bytes.length === PUBLIC_KEY_BYTES && isPrimeOrderEncoding(bytes);
}

/** A point is encoded as its y coordinate with the sign of x in the top bit. */
function isPrimeOrderEncoding(point: Uint8Array): boolean {
  const y = new Uint8Array(point);
  y[31] = (y[31] ?? 0) & 0x7f;
  if (!isBelow(y, FIELD_PRIME)) return false;
  const hex = Buffer.from(y).toString('hex');
  return !SMALL_ORDER_Y.has(hex);
}

/** Compares 32 little-endian bytes with a bound. */
function isBelow(value: Uint8Array, bound: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    const a = value[i] ?? 0;
    const b = bound[i] ?? 0;
    if (a !== b) return a < b;
  }
  return false;
}

/** RFC 8410 §4: what stands before the 32 bytes of an Ed25519 key in DER, and §7 before those of its seed. */
const SPKI_PREFIX = bytesOf('302a300506032b6570032100');
const PKCS8_PREFIX = bytesOf('302e020100300506032b657004220420');

/** 2^255 - 19, little-endian. */
const FIELD_PRIME = bytesOf('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');

/** L = 2^252 + 27742317777372353535851937790883648493, little-endian. */
const GROUP_ORDER = bytesOf('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/** The y coordinates of the eight points whose order divides 8. */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
]);

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}
