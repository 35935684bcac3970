// Signing a role's next version: enough signatures make it the newest, too few leave it waiting for other people's.
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { readCount } from '../../../shared/trust/field.ts';
import type { SigningKey } from '../../../shared/trust/key.ts';
import { metadataFileOf, type Signature, signPayload } from '../../../shared/trust/metadata.ts';
import type { Signer } from '../../../shared/trust/rules.ts';
import { countSignatures, delegatorOf, isReached, type Quorum, signerFor } from '../core/quorum.ts';
import { expiryOf, OFFLINE_ROLES, type OfflineRole } from '../core/roles.ts';
import { auditAct } from './audit.ts';
import { unlockKeys } from './keys.ts';
import {
  type MetadataFile,
  parseMetadata,
  readNewest,
  readPending,
  requireNewest,
  writePending,
  writeSigned,
} from './metadata.ts';
import type { Session } from './passphrases.ts';

/** Why a role is signed: what the audit says. */
export interface Purpose {
  readonly action: string;
  readonly subject: string;
}

export type SigningResult =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'signed'; readonly role: OfflineRole; readonly version: number }
  | ({ readonly kind: 'pending'; readonly role: OfflineRole; readonly version: number } & Quorum);

/** Errors: vendor/signatures-pending, vendor/no-key, vendor/wrong-passphrase, disk/*. */
export async function signRole(
  session: Session,
  role: OfflineRole,
  signed: JsonObject,
  purpose: Purpose,
): Promise<SigningResult> {
  const pending = await readPending(session.directory, role);
  if (pending !== null) throw await pendingRefusal(session.directory, pending);
  const envelope = { role, signed, signatures: [], payload: canonicalize(signed) };
  return addSignatures(
    session,
    { role, version: readCount(signed.version, role, 'version', 1), envelope },
    purpose,
  );
}

/** Signs the same content as a new version, valid from now on. Errors: those of `signRole`. */
export async function renewRole(
  session: Session,
  role: OfflineRole,
  purpose: Purpose,
): Promise<SigningResult> {
  const { version, envelope } = await requireNewest(session.directory, role);
  const expires = formatInstant(expiryOf(role, session.now()));
  return signRole(session, role, { ...envelope.signed, version: version + 1, expires }, purpose);
}

/** Adds the signatures that the keys at hand can give to what waits. Error: vendor/no-key. */
export async function signPending(session: Session, pending: MetadataFile): Promise<SigningResult> {
  return addSignatures(session, pending, { action: 'sign', subject: pending.role });
}

/** Why a role cannot take another change: signatures given already would be lost. */
export async function pendingRefusal(directory: string, pending: MetadataFile): Promise<FairleadError> {
  const { role, version } = pending;
  const { valid, needed } = await quorumOf(directory, pending);
  return new FairleadError('vendor/signatures-pending', { role, version, valid, needed });
}

/** How far a file is from being valid: the quorum that lacks most, where several must be reached. */
export async function quorumOf(directory: string, file: MetadataFile): Promise<Quorum> {
  const quorums = (await authoritiesOf(directory, file)).map((signer) =>
    countSignatures(file.envelope, signer),
  );
  return quorums.reduce((worst, quorum) =>
    quorum.needed - quorum.valid > worst.needed - worst.valid ? quorum : worst,
  );
}

/** The newest metadata must verify together, as every client will ask of it. Error: vendor/repository-invalid. */
export async function verifyRepository(directory: string): Promise<void> {
  for (const role of OFFLINE_ROLES) {
    const quorum = await quorumOf(directory, await requireNewest(directory, role));
    if (isReached(quorum)) continue;
    const problem = `${quorum.valid} of ${quorum.needed} signatures`;
    throw new FairleadError('vendor/repository-invalid', { role, problem });
  }
}

/** Metadata that has no bytes of its own yet. */
type Draft = Pick<MetadataFile, 'role' | 'version' | 'envelope'>;

async function addSignatures(session: Session, file: Draft, purpose: Purpose): Promise<SigningResult> {
  const { role, version, envelope } = file;
  const made = new Map<string, Signature>();
  const signatureOf = (key: SigningKey) => {
    const signature = made.get(key.keyid) ?? signPayload(envelope.payload, key);
    made.set(key.keyid, signature);
    return signature;
  };
  const authorities = await authoritiesOf(session.directory, file);
  const signedBy = new Set(envelope.signatures.map((signature) => signature.keyid));
  const signWith = (keys: readonly SigningKey[]) => [...envelope.signatures, ...keys.map(signatureOf)];
  const isEnough = (keys: readonly SigningKey[]) =>
    authorities.every((signer) =>
      isReached(countSignatures({ ...envelope, signatures: signWith(keys) }, signer)),
    );
  const mayUse = (keyid: string) =>
    !signedBy.has(keyid) && authorities.some((signer) => signer.role.keyids.includes(keyid));

  const keys = isEnough([]) ? [] : await unlockKeys(session, role, mayUse, isEnough);
  await auditAct(session, purpose.action, purpose.subject, {
    role,
    version: String(version),
    keys: keys.map((key) => key.keyid.slice(0, 12)).join(' '),
    ...(session.reason === undefined ? {} : { reason: session.reason }),
  });
  const next = parseMetadata(role, metadataFileOf(envelope.signed, envelope.payload, signWith(keys)));
  if (isEnough(keys)) {
    await writeSigned(session.directory, next);
    return { kind: 'signed', role, version };
  }
  await writePending(session.directory, next);
  return { kind: 'pending', role, version, ...(await quorumOf(session.directory, next)) };
}

/**
 * Whose quorums a file must reach: its delegator's. A root must satisfy the root before it and itself (TUF §6.1), so
 * that neither old nor new keys alone can move the trust.
 */
async function authoritiesOf(directory: string, file: Draft): Promise<readonly Signer[]> {
  if (file.role !== 'root') {
    const delegator = await requireNewest(directory, delegatorOf(file.role));
    return [signerFor(file.role, delegator.envelope.signed)];
  }
  const newest = await readNewest(directory, 'root');
  const previous = newest === null || newest.version >= file.version ? [] : [newest.envelope.signed];
  return [...previous, file.envelope.signed].map((root) => signerFor('root', root));
}
