// Receipts for the heads of installs' logs, signed beside the loop that takes reports; and whose keys they are signed with.
import { type KeyObject, sign } from 'node:crypto';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { encodeReceipt, RECEIPT_TYPE, type Witnessed } from '../../shared/protocol/receipt.ts';
import { type DsseEnvelope, envelopeOf, preAuthEncoding } from '../../shared/trust/dsse.ts';
import { privateKeyOf } from '../../shared/trust/ed25519.ts';
import type { SigningKey } from '../../shared/trust/key.ts';
import type { Root } from '../../shared/trust/metadata.ts';
import { verifyInitialRoot } from '../../shared/trust/rules.ts';
import { metadataName } from './names.ts';
import type { RepositoryStore } from './store.ts';

export type SignReceipt = (instance: string, witnessed: Witnessed, at: EpochMs) => Promise<DsseEnvelope>;

/** A signature takes 30 µs, in a thread of the pool. */
export function createReceiptSigner({ keyid, secretKey }: SigningKey): SignReceipt {
  const key = privateKeyOf(secretKey);
  return async (instance, witnessed, at) => {
    const said = { schema: 'fairlead/receipt@1', instance, at: formatInstantMs(at) } as const;
    const payload = encodeReceipt({ ...said, ...witnessed });
    const sig = await signBeside(preAuthEncoding(RECEIPT_TYPE, payload), key);
    return envelopeOf(RECEIPT_TYPE, payload, { keyid, sig });
  };
}

/** An algorithm of null: the key's own, which hashes by itself (PureEdDSA). */
function signBeside(message: Uint8Array, key: KeyObject): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(null, message, key, (error, sig) => {
      if (error === null) resolve(sig);
      else reject(error);
    });
  });
}

/** Every root that the repository has shown: receipts of any time are signed with keys that one of them names. */
export async function readRoots(store: RepositoryStore): Promise<readonly Root[]> {
  const roots: Root[] = [];
  for (let version = 1; ; version++) {
    const stored = await store.read(metadataName('root', version));
    if (stored === null) return roots;
    roots.push(verifyInitialRoot(stored.bytes));
  }
}
