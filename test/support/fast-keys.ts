// Ed25519 through node:crypto: tests that sign and verify hundreds of times need not wait for JavaScript curves.
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { toHex } from '../../shared/encoding/bytes.ts';
import { canonicalize } from '../../shared/encoding/canonical.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import { type LoadKey, loadEd25519Key, type SigningKey } from '../../shared/trust/key.ts';

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** What shared/trust/key.ts accepts, verified natively. That both agree is tested with the Ed25519 code. */
export const loadFastKey: LoadKey = (key) => {
  const known = loadEd25519Key(key);
  if (known === null) return null;
  const der = Buffer.concat([SPKI_PREFIX, Buffer.from(key.public, 'hex')]);
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return { ...known, verify: (message, signature) => verify(null, message, publicKey, signature) };
};

/** What shared/trust/metadata.ts writes, signed natively. */
export function signFast(signed: JsonObject, keys: readonly SigningKey[]): Uint8Array {
  const payload = canonicalize(signed);
  const signatures = keys.map((key) => {
    const der = Buffer.concat([PKCS8_PREFIX, key.secretKey.subarray(0, 32)]);
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    return { keyid: key.keyid, sig: toHex(sign(null, payload, privateKey)) };
  });
  return Uint8Array.from(Buffer.from(`${JSON.stringify({ signatures, signed })}\n`));
}
