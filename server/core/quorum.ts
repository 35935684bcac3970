// Who may sign for a role and whether enough did: counted over distinct keys, by the metadata that delegates.
import { fromHex } from '../../shared/encoding/bytes.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import { readArray, readCount, readObject, readText } from '../../shared/trust/field.ts';
import { type KeyObject, loadEd25519Key, type VerificationKey } from '../../shared/trust/key.ts';
import type { Envelope } from '../../shared/trust/metadata.ts';
import type { OfflineRole } from './roles.ts';

export interface Signer {
  readonly key: KeyObject;
  readonly verification: VerificationKey;
}

/** The keys a delegator names for a role, by key id. */
export interface Signers {
  readonly threshold: number;
  readonly keys: ReadonlyMap<string, Signer>;
}

export interface Quorum {
  readonly valid: number;
  readonly needed: number;
}

/** `delegator` is the `signed` part of root for top-level roles, of targets for delegated ones. Error: trust/malformed. */
export function signersOf(delegator: JsonObject, role: string): Signers {
  const isRoot = delegator._type === 'root';
  const scope = isRoot ? delegator : readObject(delegator.delegations, 'targets', 'delegations');
  const members = isRoot
    ? readObject(readObject(scope.roles, 'root', 'roles')[role], 'root', `roles.${role}`)
    : findDelegation(scope, role);
  const allKeys = readObject(scope.keys, role, 'keys');
  const keys = new Map<string, Signer>();
  for (const id of readArray(members.keyids, role, 'keyids')) {
    const keyid = readText(id, role, 'keyids');
    const signer = loadSigner(readObject(allKeys[keyid], role, `keys.${keyid}`));
    if (signer !== null) keys.set(keyid, signer);
  }
  return { threshold: readCount(members.threshold, role, 'threshold', 1), keys };
}

/** Counts each key once, whatever ids and however many signatures it appears under. */
export function countSignatures(envelope: Envelope, signers: Signers): Quorum {
  const valid = new Set<string>();
  for (const { keyid, sig } of envelope.signatures) {
    const signer = signers.keys.get(keyid);
    const signature = fromHex(sig);
    if (signer === undefined || signature === null) continue;
    if (signer.verification.verify(envelope.payload, signature)) valid.add(signer.verification.identity);
  }
  return { valid: valid.size, needed: signers.threshold };
}

export function isReached(quorum: Quorum): boolean {
  return quorum.valid >= quorum.needed;
}

/** The metadata that says who signs for a role. */
export function delegatorOf(role: OfflineRole): 'root' | 'targets' {
  return role === 'root' || role === 'targets' ? 'root' : 'targets';
}

function findDelegation(delegations: JsonObject, role: string): JsonObject {
  const roles = readArray(delegations.roles, 'targets', 'delegations.roles');
  const found = roles.map((value) => readObject(value, 'targets', 'delegations.roles'));
  return readObject(
    found.find((entry) => entry.name === role),
    'targets',
    `the delegation to ${role}`,
  );
}

function loadSigner(object: JsonObject): Signer | null {
  const value = readText(readObject(object.keyval, 'keys', 'keyval').public, 'keys', 'public');
  const key: KeyObject = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: value } };
  const verification = loadEd25519Key({ keytype: 'ed25519', scheme: 'ed25519', public: value });
  return verification === null ? null : { key, verification };
}
