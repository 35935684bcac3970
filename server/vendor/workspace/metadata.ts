// Metadata on disk: every signed version, and per role at most one that waits for more signatures.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { readCount, readInstant } from '../../../shared/trust/field.ts';
import { type Envelope, parseEnvelope } from '../../../shared/trust/metadata.ts';
import type { OfflineRole } from '../core/roles.ts';
import { listFiles } from './workspace.ts';

export interface MetadataFile {
  readonly role: OfflineRole;
  readonly version: number;
  readonly expires: number;
  readonly bytes: Uint8Array;
  readonly envelope: Envelope;
}

/** The newest signed version, null before `init` signed one. */
export async function readNewest(directory: string, role: OfflineRole): Promise<MetadataFile | null> {
  const suffix = `.${role}.json`;
  const versions = (await listFiles(metadataDirectory(directory)))
    .filter((name) => name.endsWith(suffix))
    .map((name) => Number(name.slice(0, -suffix.length)))
    .filter((version) => Number.isSafeInteger(version) && version > 0);
  return versions.length === 0 ? null : readVersion(directory, role, Math.max(...versions));
}

/** The newest signed version of a role that `init` has signed. Error: vendor/no-workspace. */
export async function requireNewest(directory: string, role: OfflineRole): Promise<MetadataFile> {
  const file = await readNewest(directory, role);
  if (file === null) throw new FairleadError('vendor/no-workspace', { directory });
  return file;
}

/** Errors: trust/malformed, vendor/repository-invalid. */
export async function readVersion(
  directory: string,
  role: OfflineRole,
  version: number,
): Promise<MetadataFile | null> {
  const name = `${version}.${role}.json`;
  const bytes = await readIfPresent(join(metadataDirectory(directory), name));
  if (bytes === null) return null;
  const file = parseMetadata(role, bytes);
  if (file.version === version) return file;
  // The next version would be written over one that was signed.
  throw new FairleadError('vendor/repository-invalid', {
    role,
    problem: `${name} holds version ${file.version}; put back the file of that name, or move the copy out of the workspace`,
  });
}

/** What waits for signatures. One whose version was signed meanwhile is only what a killed command left behind. */
export async function readPending(directory: string, role: OfflineRole): Promise<MetadataFile | null> {
  const bytes = await readIfPresent(pendingFile(directory, role));
  if (bytes === null) return null;
  const pending = parseMetadata(role, bytes);
  const newest = await readNewest(directory, role);
  return newest !== null && pending.version <= newest.version ? null : pending;
}

export async function writeSigned(directory: string, file: MetadataFile): Promise<void> {
  await writeVersion(directory, file);
  await removePending(directory, file.role);
}

/** What stands under this version from now on, whatever waits for signatures. */
export async function writeVersion(directory: string, file: MetadataFile): Promise<void> {
  const name = `${file.version}.${file.role}.json`;
  await writeDurably(join(metadataDirectory(directory), name), file.bytes, 0o644);
}

export function writePending(directory: string, file: MetadataFile): Promise<void> {
  return writeDurably(pendingFile(directory, file.role), file.bytes);
}

export async function removePending(directory: string, role: OfflineRole): Promise<void> {
  await rm(pendingFile(directory, role), { force: true });
  await syncDirectory(join(directory, 'repository', 'pending'));
}

/** Error: trust/malformed. */
export function parseMetadata(role: OfflineRole, bytes: Uint8Array): MetadataFile {
  const id = `${role} ${digestOf(bytes)}`;
  const known = parsed.get(id);
  if (known !== undefined) return known;
  const envelope = parseEnvelope(bytes, role);
  const { version, expires } = envelope.signed;
  const file = {
    role,
    version: readCount(version, role, 'version', 1),
    expires: readInstant(expires, role, 'expires'),
    bytes,
    envelope,
  };
  for (const old of parsed.keys()) if (parsed.size >= MOST_PARSED) parsed.delete(old);
  parsed.set(id, file);
  return file;
}

/** One command reads the same few files many times, and of a long history each takes a while. By their bytes. */
const parsed = new Map<string, MetadataFile>();
const MOST_PARSED = 12;

function metadataDirectory(directory: string): string {
  return join(directory, 'repository', 'metadata');
}

function pendingFile(directory: string, role: OfflineRole): string {
  return join(directory, 'repository', 'pending', `${role}.json`);
}
