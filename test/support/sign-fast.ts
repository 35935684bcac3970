// Ed25519 signing through node:crypto: tests that sign hundreds of times need not wait for JavaScript curves.
import { createPrivateKey, sign } from 'node:crypto';
import { toHex } from '../../shared/encoding/bytes.ts';
import { canonicalize } from '../../shared/encoding/canonical.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import type { SigningKey } from '../../shared/trust/key.ts';
import { metadataFileOf } from '../../shared/trust/metadata.ts';

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** What shared/trust/metadata.ts writes, signed natively. */
export function signFast(signed: JsonObject, keys: readonly SigningKey[]): Uint8Array {
  const payload = canonicalize(signed);
  const signatures = keys.map((key) => {
    const der = Buffer.concat([PKCS8_PREFIX, key.secretKey.subarray(0, 32)]);
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    return { keyid: key.keyid, sig: toHex(sign(null, payload, privateKey)) };
  });
  return Uint8Array.from(metadataFileOf(signed, payload, signatures));
}
