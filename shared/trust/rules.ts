// The rules of TUF §5 for each kind of metadata: bytes in, verdict out. Network, disk and clock are not handled here.
//
// - Root: signed by the quorum of the trusted root and by its own, exactly one version later.
// - Timestamp: never older than the trusted one, nor does it name an older snapshot.
// - Snapshot: exactly what the timestamp names; lists every file the trusted one lists, none at a lower version.
// - Targets and delegates: exactly what the snapshot lists, signed as their delegator demands.
// - A role has spoken where enough distinct keys of it have signed.
// - Signatures are verified before anything of the content is read; only root must be read to be verified by itself.
// - Expiry is a rule of its own: cached metadata keeps its power against rollback after it has expired.
import { fromHex } from '../encoding/bytes.ts';
import { type EpochMs, formatInstant } from '../encoding/instant.ts';
import type { JsonObject } from '../encoding/json.ts';
import { FairleadError } from '../errors/error.ts';
import { type Key, loadKey, type VerificationKey } from './key.ts';
import {
  type FileMeta,
  parseEnvelope,
  type Role,
  type Root,
  type SignedPayload,
  type Snapshot,
  type Targets,
  type Timestamp,
  type TopLevelRole,
} from './metadata.ts';
import { parseRoot, parseSnapshot, parseTargets, parseTimestamp } from './parse-metadata.ts';
import { verifyFile } from './target.ts';

/** The role that vouches for metadata: its name for errors, and its keys as its own delegator lists them. */
export interface Signer {
  readonly name: string;
  readonly role: Role;
  readonly keys: ReadonlyMap<string, Key>;
}

/** TUF §5.2: the root that trust starts from. Its own quorum must have signed it; it may have expired. */
export function verifyInitialRoot(bytes: Uint8Array): Root {
  const envelope = parseEnvelope(bytes, 'root');
  const root = parseRoot(envelope.signed, 'root');
  verifyThreshold(envelope, signerOf(root, 'root'));
  return root;
}

/** TUF §5.3.4–5.3.5: the next root. Intermediate roots may have expired (§5.3.6). */
export function verifyNextRoot(trusted: Root, bytes: Uint8Array): Root {
  const envelope = parseEnvelope(bytes, 'root');
  const looked: Looked = new Map();
  // Arbitrary software attack: the old quorum says who may say anything about the future.
  verifyThreshold(envelope, signerOf(trusted, 'root'), looked);
  const root = parseRoot(envelope.signed, 'root');
  verifyThreshold(envelope, signerOf(root, 'root'), looked);
  // Rollback attack, and a gap that would hide a revocation.
  verifyVersion('root', trusted.version + 1, root.version);
  return root;
}

/**
 * TUF §5.3.11: true when a key of the timestamp or snapshot role was taken away. Whoever held it may have signed
 * absurdly high versions (fast-forward attack); the trusted files must then be forgotten, or honest ones look like rollbacks.
 */
export function isRecovery(from: Root, to: Root): boolean {
  return (['timestamp', 'snapshot'] as const).some((role) =>
    isKeyTakenAway(signerOf(from, role), signerOf(to, role)),
  );
}

/** TUF §5.4.2–5.4.3. Returns the trusted timestamp itself when the offered one has the same version. */
export function verifyTimestamp(root: Root, trusted: Timestamp | null, bytes: Uint8Array): Timestamp {
  const offered = open(bytes, 'timestamp', signerOf(root, 'timestamp'), parseTimestamp);
  if (trusted === null) return offered;
  // Rollback attack (§5.4.3.1). Equal versions say the same: the trusted one stays, whatever the new one holds.
  verifyNoRollback('timestamp', trusted.version, offered.version);
  if (offered.version === trusted.version) return trusted;
  // Rollback attack on the snapshot (§5.4.3.2).
  verifyNoRollback('snapshot', trusted.snapshot.version, offered.snapshot.version);
  return offered;
}

/** TUF §5.5.2–5.5.5: the snapshot that the trusted timestamp names. */
export function verifySnapshot(
  root: Root,
  expected: FileMeta,
  trusted: Snapshot | null,
  bytes: Uint8Array,
): Snapshot {
  // Mix-and-match attack: hashes first, they come from verified metadata and are the cheap way out.
  verifyFile(bytes, expected, 'snapshot.json');
  const offered = verifyCachedSnapshot(root, bytes);
  verifyVersion('snapshot', expected.version, offered.version);
  if (trusted !== null) verifySuccession(trusted, offered);
  return offered;
}

/** A snapshot from disk: once trusted, and maybe older than the timestamp says by now. It still forbids rollbacks. */
export function verifyCachedSnapshot(root: Root, bytes: Uint8Array): Snapshot {
  return open(bytes, 'snapshot', signerOf(root, 'snapshot'), parseSnapshot);
}

/** TUF §5.6.2–5.6.4, for the top-level targets and for delegates alike. `signer` comes from the delegator. */
export function verifyTargets(role: string, signer: Signer, expected: FileMeta, bytes: Uint8Array): Targets {
  verifyFile(bytes, expected, `${role}.json`);
  const targets = open(bytes, role, signer, parseTargets);
  verifyVersion(role, expected.version, targets.version);
  return targets;
}

/** What the snapshot lists for a role. Error: trust/role-unlisted. */
export function expectedTargets(snapshot: Snapshot, role: string): FileMeta {
  const meta = snapshot.meta.get(`${role}.json`);
  if (meta === undefined) throw new FairleadError('trust/role-unlisted', { role });
  return meta;
}

/** Freeze attack (TUF §5.3.10, §5.4.4, §5.5.6, §5.6.5): expiry must lie after the fixed update start time. */
export function verifyFresh(role: string, expires: EpochMs, reference: EpochMs): void {
  if (expires > reference) return;
  throw new FairleadError('trust/expired', {
    role,
    expires: formatInstant(expires),
    reference: formatInstant(reference),
  });
}

/**
 * Key ids only say which signature to try with which key. Clients older than go-tuf 0.3.2 counted them: one key listed
 * under two ids then met a threshold of two alone. So keys are counted, by their bytes, and an id that is not the hash
 * of its key has no power: it is not refused either, since other repositories hash fields that we do not know.
 * Signatures that do not verify are passed over, whatever is in them. Error: trust/threshold.
 */
export function verifyThreshold(envelope: SignedPayload, signer: Signer, looked: Looked = new Map()): void {
  const signed = new Set<string>();
  for (const { keyid, sig } of envelope.signatures) {
    if (signed.size >= signer.role.threshold) break;
    const key = keyOf(signer, keyid);
    if (key === null || signed.has(key.identity)) continue;
    const made = `${key.identity} ${sig}`;
    const isValid = looked.get(made) ?? isMadeBy(key, sig, envelope.payload);
    looked.set(made, isValid);
    if (isValid) signed.add(key.identity);
  }
  if (signed.size >= signer.role.threshold) return;
  throw new FairleadError('trust/threshold', {
    role: envelope.role,
    signer: signer.name,
    needed: signer.role.threshold,
    valid: signed.size,
  });
}

/** Whether this key made that signature, of one payload: a quorum that stays signs for the old root and the new one at once. */
type Looked = Map<string, boolean>;

function isMadeBy(key: VerificationKey, sig: string, payload: Uint8Array): boolean {
  const bytes = fromHex(sig.toLowerCase());
  return bytes !== null && key.verify(payload, bytes);
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

export function signerOf(root: Root, role: TopLevelRole): Signer {
  return { name: 'root', role: root.roles[role], keys: root.keys };
}

/** The signer a delegator names for one of its delegates; null when it delegates nothing to that name. */
export function delegateSigner(delegator: string, targets: Targets, role: string): Signer | null {
  const delegate = targets.delegations.find(({ name }) => name === role);
  return delegate === undefined ? null : { name: delegator, role: delegate, keys: targets.keys };
}

function open<Metadata>(
  bytes: Uint8Array,
  role: string,
  signer: Signer,
  parse: (signed: JsonObject, role: string) => Metadata,
): Metadata {
  const envelope = parseEnvelope(bytes, role);
  verifyThreshold(envelope, signer);
  return parse(envelope.signed, role);
}

/** TUF §5.5.5: rollback of a single targets file, or its removal, behind a newer snapshot. */
function verifySuccession(trusted: Snapshot, offered: Snapshot): void {
  // §5.4.3.2 sees to it already, but for a disk that lost its timestamp.
  verifyNoRollback('snapshot', trusted.version, offered.version);
  for (const [file, { version }] of trusted.meta) {
    const role = file.replace(/\.json$/, '');
    const next = offered.meta.get(file);
    if (next === undefined) throw new FairleadError('trust/role-removed', { role });
    verifyNoRollback(role, version, next.version);
  }
}

function verifyNoRollback(role: string, trusted: number, offered: number): void {
  if (offered < trusted) throw new FairleadError('trust/rollback', { role, trusted, offered });
}

function verifyVersion(role: string, expected: number, offered: number): void {
  if (offered !== expected) {
    throw new FairleadError('trust/version-mismatch', { role, expected, offered });
  }
}
