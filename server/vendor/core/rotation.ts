// Exchanging keys: the keyring as root and targets name it, and the same with one role's keys changed.
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type Key, type KeyObject, keyIdOf } from '../../../shared/trust/key.ts';
import { parseRoot } from '../../../shared/trust/parse-metadata.ts';
import { type Signer, signerOf } from '../../../shared/trust/rules.ts';
import { signerFor } from './quorum.ts';
import { type Keyring, OFFLINE_ROLES, type OfflineRole, type RoleKeys } from './roles.ts';

/** `root` and `targets` are the `signed` parts of the newest metadata. */
export function keyringOf(root: JsonObject, targets: JsonObject): Keyring {
  const offline = OFFLINE_ROLES.map((role) => {
    const delegator = role === 'root' || role === 'targets' ? root : targets;
    return [role, roleKeysOf(signerFor(role, delegator))] as const;
  });
  const parsed = parseRoot(root, 'root');
  return {
    ...(Object.fromEntries(offline) as Record<OfflineRole, RoleKeys>),
    snapshot: roleKeysOf(signerOf(parsed, 'snapshot')),
    timestamp: roleKeysOf(signerOf(parsed, 'timestamp')),
  };
}

export interface KeyChange {
  readonly add: readonly KeyObject[];
  /** Key ids, or their first eight digits or more. */
  readonly remove: readonly string[];
  /** Unchanged when null. */
  readonly threshold: number | null;
}

/** Error: vendor/option-invalid when a key to remove is not there, or too few would remain. */
export function exchangeKeys(role: RoleKeys, change: KeyChange): RoleKeys {
  const removed = new Set(change.remove.map((prefix) => findKey(role, prefix)));
  const kept = role.keys.filter(({ keyid }) => !removed.has(keyid));
  const added = change.add.map((key) => ({ keyid: keyIdOf(key), key }));
  const fresh = added.filter(({ keyid }) => !kept.some((key) => key.keyid === keyid));
  const keys = [...kept, ...fresh];
  const threshold = change.threshold ?? role.threshold;
  if (threshold >= 1 && threshold <= keys.length) return { threshold, keys };
  const form = `a number from 1 to ${keys.length}, the keys the role would have`;
  throw new FairleadError('vendor/option-invalid', { option: '--threshold', value: String(threshold), form });
}

function findKey(role: RoleKeys, prefix: string): string {
  const found = role.keys.filter(({ keyid }) => keyid.startsWith(prefix));
  const [key] = found;
  if (prefix.length >= 8 && found.length === 1 && key !== undefined) return key.keyid;
  const form = `one of: ${role.keys.map(({ keyid }) => keyid.slice(0, 12)).join(', ')}`;
  throw new FairleadError('vendor/option-invalid', { option: '--remove', value: prefix, form });
}

function roleKeysOf(signer: Signer): RoleKeys {
  const keys = signer.role.keyids.flatMap((keyid) => {
    const key = signer.keys.get(keyid);
    return key === undefined ? [] : [toMember(key)];
  });
  return { threshold: signer.role.threshold, keys };
}

function toMember(key: Key): RoleKeys['keys'][number] {
  const object: KeyObject = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: key.public } };
  return { keyid: keyIdOf(object), key: object };
}
