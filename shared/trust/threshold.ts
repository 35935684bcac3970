// The threshold: how many distinct keys of a role have signed.
import { fromHex } from '../encoding/bytes.ts';
import { FairleadError } from '../errors/error.ts';
import { type Key, loadKey, type VerificationKey } from './key.ts';
import type { Envelope, Role } from './metadata.ts';

/** The role that vouches for metadata: its name for errors, and its keys as its own delegator lists them. */
export interface Signer {
  readonly name: string;
  readonly role: Role;
  readonly keys: ReadonlyMap<string, Key>;
}

/**
 * Key ids only say which signature to try with which key. Clients older than go-tuf 0.3.2 counted them: one key listed
 * under two ids then met a threshold of two alone. So keys are counted, by their bytes, and an id that is not the hash
 * of its key has no power: it is not refused either, since other repositories hash fields that we do not know.
 * Signatures that do not verify are passed over, whatever is in them. Error: trust/threshold.
 */
export function verifyThreshold(envelope: Envelope, signer: Signer): void {
  const signed = new Set<string>();
  for (const { keyid, sig } of envelope.signatures) {
    if (signed.size >= signer.role.threshold) break;
    const key = keyOf(signer, keyid);
    if (key === null || signed.has(key.identity)) continue;
    const bytes = fromHex(sig.toLowerCase());
    if (bytes !== null && key.verify(envelope.payload, bytes)) signed.add(key.identity);
  }
  if (signed.size >= signer.role.threshold) return;
  throw new FairleadError('trust/threshold', {
    role: envelope.role,
    signer: signer.name,
    needed: signer.role.threshold,
    valid: signed.size,
  });
}

/** True when a key that may sign in `from` may not in `to`. */
export function isKeyTakenAway(from: Signer, to: Signer): boolean {
  const kept = identitiesOf(to);
  return [...identitiesOf(from)].some((identity) => !kept.has(identity));
}

function identitiesOf(signer: Signer): ReadonlySet<string> {
  const keys = signer.role.keyids.map((keyid) => keyOf(signer, keyid));
  return new Set(keys.flatMap((key) => (key === null ? [] : [key.identity])));
}

function keyOf(signer: Signer, keyid: string): VerificationKey | null {
  if (!signer.role.keyids.includes(keyid)) return null;
  const key = signer.keys.get(keyid);
  return key === undefined ? null : loadKey(key);
}
