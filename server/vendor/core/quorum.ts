// How far a role is from its quorum: which keys its delegator names, and how many of them have signed.
import { fromHex } from '../../../shared/encoding/bytes.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { malformed } from '../../../shared/trust/field.ts';
import { loadKey } from '../../../shared/trust/key.ts';
import type { Envelope } from '../../../shared/trust/metadata.ts';
import { parseRoot, parseTargets } from '../../../shared/trust/parse-metadata.ts';
import { delegateSigner, type Signer, signerOf } from '../../../shared/trust/rules.ts';
import type { OfflineRole } from './roles.ts';

export interface Quorum {
  readonly valid: number;
  readonly needed: number;
}

/** The role whose metadata says who signs for a role. */
export function delegatorOf(role: OfflineRole): 'root' | 'targets' {
  return role === 'root' || role === 'targets' ? 'root' : 'targets';
}

/** `delegator` is the `signed` part of the metadata of `delegatorOf(role)`. Error: trust/malformed. */
export function signerFor(role: OfflineRole, delegator: JsonObject): Signer {
  if (role === 'root' || role === 'targets') return signerOf(parseRoot(delegator, 'root'), role);
  const signer = delegateSigner('targets', parseTargets(delegator, 'targets'), role);
  if (signer === null) throw malformed('targets', 'delegations', `a list with a role ${role}`);
  return signer;
}

/** Counts each key once, whatever ids and however many signatures it appears under. */
export function countSignatures(envelope: Envelope, signer: Signer): Quorum {
  const valid = new Set<string>();
  for (const { keyid, sig } of envelope.signatures) {
    const listed = signer.role.keyids.includes(keyid) ? signer.keys.get(keyid) : undefined;
    const key = listed === undefined ? null : loadKey(listed);
    const signature = fromHex(sig);
    if (key === null || signature === null) continue;
    if (key.verify(envelope.payload, signature)) valid.add(key.identity);
  }
  return { valid: valid.size, needed: signer.role.threshold };
}

export function isReached(quorum: Quorum): boolean {
  return quorum.valid >= quorum.needed;
}
