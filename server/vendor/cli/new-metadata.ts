// Which signed metadata the server lacks, and whether what it has is what was signed here.
import { equalBytes } from '../../../shared/encoding/bytes.ts';
import { digestOf, hexOf } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type FileMeta, parseEnvelope } from '../../../shared/trust/metadata.ts';
import { parseSnapshot, parseTimestamp } from '../../../shared/trust/parse-metadata.ts';
import { OFFLINE_ROLES, type OfflineRole } from '../core/roles.ts';
import { type MetadataFile, readVersion, requireNewest } from '../workspace/metadata.ts';
import type { ServerClient } from './server-client.ts';

/** What the server's snapshot lists, by role. */
export type ServerVersions = ReadonlyMap<string, FileMeta>;

export interface NewMetadata {
  readonly file: MetadataFile;
  /** The version the server has; 0 for none. */
  readonly published: number;
}

export async function readServerVersions(server: ServerClient): Promise<ServerVersions> {
  const timestamp = await server.fetchFile('/repository/metadata/timestamp.json');
  if (timestamp === null) return new Map();
  const { snapshot } = parseTimestamp(parseEnvelope(timestamp, 'timestamp').signed, 'timestamp');
  const bytes = await server.fetchFile(`/repository/metadata/${snapshot.version}.snapshot.json`);
  if (bytes === null) return new Map();
  const { meta } = parseSnapshot(parseEnvelope(bytes, 'snapshot').signed, 'snapshot');
  return new Map([...meta].map(([name, file]) => [name.replace(/\.json$/, ''), file]));
}

/**
 * What the server says it has is a hint only: wrong, it makes us send too much, or it refuses what we send.
 * Errors: vendor/workspace-behind, vendor/signed-apart, vendor/repository-invalid, trust/malformed.
 */
export async function findNewMetadata(
  server: ServerClient,
  directory: string,
  versions: ServerVersions,
): Promise<readonly NewMetadata[]> {
  const found: NewMetadata[] = [];
  for (const role of OFFLINE_ROLES) {
    const newest = await requireNewest(directory, role);
    const listed = versions.get(role);
    const published =
      role === 'root' ? await findPublishedRoot(server, newest.version) : (listed?.version ?? 0);
    if (published > newest.version) {
      throw new FairleadError('vendor/workspace-behind', { role, local: newest.version, published });
    }
    // Halts that the server signed beside ours have been taken over by now.
    if (role !== 'halts')
      await verifyTogether(server, directory, role, published, listed?.hashes?.get('sha256'));
    // Every root on the way is needed to follow the trust; of the other roles only the newest counts.
    for (
      let version = role === 'root' ? published + 1 : newest.version;
      version <= newest.version;
      version++
    ) {
      const file = version > published ? await readVersion(directory, role, version) : null;
      if (file !== null) found.push({ file, published });
    }
  }
  return found;
}

/** Of two copies of a workspace that sign apart, each gives the next version to what it knows: what the other signed would be lost without a word. */
async function verifyTogether(
  server: ServerClient,
  directory: string,
  role: OfflineRole,
  version: number,
  sha256: string | undefined,
): Promise<void> {
  const here = version === 0 ? null : await readVersion(directory, role, version);
  if (here === null || sha256 === hexOf(digestOf(here.bytes))) return;
  const there = await server.fetchFile(`/repository/metadata/${version}.${role}.json`);
  // Other people may have signed the same.
  if (there === null || equalBytes(parseEnvelope(there, role).payload, here.envelope.payload)) return;
  throw new FairleadError('vendor/signed-apart', { role, version });
}

async function findPublishedRoot(server: ServerClient, newest: number): Promise<number> {
  for (let version = newest + 1; version > 0; version--) {
    if ((await server.fetchFile(`/repository/metadata/${version}.root.json`)) !== null) return version;
  }
  return 0;
}
