// The documents a role vouches for: stored under their digest, listed in the role's metadata, changed by signing anew.
import { dirname, join } from 'node:path';
import { equalBytes } from '../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { type Digest, digestFromHex, digestOf, hexOf } from '../../../shared/encoding/digest.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { readObject, readText } from '../../../shared/trust/field.ts';
import { formatTargetNotes, type TargetNotes } from '../../../shared/trust/target-notes.ts';
import { draftNext, type OfflineRole } from '../core/roles.ts';
import { type MetadataFile, readPending, requireNewest } from './metadata.ts';
import type { Session } from './passphrases.ts';
import {
  type Purpose,
  pendingRefusal,
  quorumOf,
  type SigningResult,
  signPending,
  signRole,
} from './signing.ts';

/** What a client may know of a document from the metadata alone. */
export interface TargetLabel {
  readonly kind: string;
  readonly name: string;
  readonly version?: string;
  readonly notes?: TargetNotes;
}

export interface TargetDocument {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly label: TargetLabel;
}

export type TargetEdit = TargetDocument | { readonly path: string; readonly bytes: null };

/**
 * Has the role vouch for these documents, or no longer for those with null bytes. Does nothing when it does already:
 * a command killed after signing finds its work done. Errors: vendor/signatures-pending, vendor/no-key, …
 */
export async function changeTargets(
  session: Session,
  role: OfflineRole,
  edits: readonly TargetEdit[],
  purpose: Purpose,
): Promise<SigningResult> {
  const newest = await requireNewest(session.directory, role);
  const pending = await readPending(session.directory, role);
  if (isListed(entriesOf(newest), edits)) return { kind: 'unchanged' };
  const targets = applyEdits(entriesOf(newest), edits);
  if (pending !== null) {
    if (!sameTargets(targets, entriesOf(pending))) throw await pendingRefusal(session.directory, pending);
    return resumePending(session, pending);
  }
  for (const edit of edits) {
    if (edit.bytes !== null) await writeTarget(session.directory, edit.path, edit.bytes);
  }
  return signRole(
    session,
    role,
    draftNext(role, newest.envelope.signed, newest.version + 1, session.now(), targets),
    purpose,
  );
}

/** The same command run again: it adds what its keys can, or says what is still missing. */
async function resumePending(session: Session, pending: MetadataFile): Promise<SigningResult> {
  try {
    return await signPending(session, pending);
  } catch (error) {
    if (!isFairleadError(error, 'vendor/no-key')) throw error;
    const { role, version } = pending;
    return { kind: 'pending', role, version, ...(await quorumOf(session.directory, pending)) };
  }
}

/** Path → SHA-256 of every document a role's metadata lists. */
export function listTargets(file: MetadataFile): ReadonlyMap<string, Digest> {
  const known = listed.get(file);
  if (known !== undefined) return known;
  const list = new Map<string, Digest>();
  for (const [path, entry] of Object.entries(entriesOf(file)))
    list.set(path, digestInEntry(file.role, entry));
  listed.set(file, list);
  return list;
}

/** One command asks for the same list many times. */
const listed = new WeakMap<MetadataFile, ReadonlyMap<string, Digest>>();

/** The exact bytes of a listed document. Error: vendor/repository-invalid when they are not the ones signed. */
export async function readTarget(directory: string, path: string, digest: Digest): Promise<Uint8Array> {
  const bytes = await readIfPresent(targetFile(directory, path, digest));
  if (bytes !== null && digestOf(bytes) === digest) return bytes;
  const problem = `the document ${path} is ${bytes === null ? 'missing' : 'damaged'}`;
  throw new FairleadError('vendor/repository-invalid', { role: 'targets', problem });
}

export async function writeTarget(directory: string, path: string, bytes: Uint8Array): Promise<void> {
  const file = targetFile(directory, path, digestOf(bytes));
  await makeDirectory(dirname(file));
  await writeDurably(file, bytes, 0o644);
}

function targetFile(directory: string, path: string, digest: Digest): string {
  return join(directory, 'repository', 'targets', targetName(path, digest));
}

/** Consistent snapshots (TUF §6.2): the digest stands before the file's name. */
export function targetName(path: string, digest: Digest): string {
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}${hexOf(digest)}.${path.slice(slash)}`;
}

function applyEdits(targets: JsonObject, edits: readonly TargetEdit[]): JsonObject {
  const next = new Map(Object.entries(targets));
  for (const edit of edits) {
    if (edit.bytes === null) next.delete(edit.path);
    else next.set(edit.path, entryOf(edit));
  }
  return Object.fromEntries([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether nothing would change: asked of what is edited, for the rest of a long list stays as it is. */
function isListed(targets: JsonObject, edits: readonly TargetEdit[]): boolean {
  const last = new Map(edits.map((edit) => [edit.path, edit]));
  return [...last.values()].every((edit) => {
    const listed = Object.hasOwn(targets, edit.path) ? targets[edit.path] : undefined;
    if (edit.bytes === null || listed === undefined) return edit.bytes === null && listed === undefined;
    return equalBytes(canonicalize(listed), canonicalize(entryOf(edit)));
  });
}

function entryOf(document: TargetDocument): JsonObject {
  const { kind, name, version, notes = {} } = document.label;
  return {
    length: document.bytes.length,
    hashes: { sha256: hexOf(digestOf(document.bytes)) },
    custom: { kind, name, ...(version === undefined ? {} : { version }), ...formatTargetNotes(notes) },
  };
}

/** The entries of a role's metadata, by path. */
export function entriesOf(file: MetadataFile): JsonObject {
  return readObject(file.envelope.signed.targets, file.role, 'targets');
}

function digestInEntry(role: string, entry: unknown): Digest {
  const hashes = readObject(readObject(entry as JsonObject, role, 'targets').hashes, role, 'hashes');
  return digestFromHex(readText(hashes.sha256, role, 'sha256'));
}

/** In one order of keys: what was read back stands in another than what was just made. */
function sameTargets(a: JsonObject, b: JsonObject): boolean {
  return equalBytes(canonicalize(a), canonicalize(b));
}
