// Publishing: what the server lacks of the workspace's signed repository, sent so that it is accepted whole or not at all.
import type { ChangeRecord } from '../../../shared/change/change.ts';
import { equalBytes, toBase64 } from '../../../shared/encoding/bytes.ts';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import {
  haltsKeyReply,
  onlineKeysReply,
  type PublicationRequest,
  publicationReply,
} from '../../../shared/protocol/publication.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { type Release, release } from '../../../shared/schema/release.ts';
import { parseReleasePath } from '../../../shared/schema/release-ref.ts';
import type { Keyring, OfflineRole, RoleKeys } from '../core/roles.ts';
import { readChange } from '../workspace/changes.ts';
import { readPublished, type Signed, writePublished } from '../workspace/documents.ts';
import { followHalts } from '../workspace/halts.ts';
import { publicPart } from '../workspace/keys.ts';
import { listKnownChanges } from '../workspace/known-changes.ts';
import { readVersion } from '../workspace/metadata.ts';
import type { Session } from '../workspace/passphrases.ts';
import { verifyRepository } from '../workspace/signing.ts';
import { listTargets, readTarget } from '../workspace/targets.ts';
import { openWorkspace, type VendorConfig } from '../workspace/workspace.ts';
import {
  findNewMetadata,
  type NewMetadata,
  readServerVersions,
  type ServerVersions,
} from './new-metadata.ts';
import { uploadPatches } from './patches.ts';
import { type ServerClient, withServer } from './server-client.ts';
import { uploadPacks, uploadSboms } from './uploads.ts';

export interface Published {
  readonly packs: number;
  readonly metadata: number;
  readonly targets: number;
  readonly changes: number;
}

/** Errors: vendor/repository-invalid, vendor/workspace-behind, vendor/signed-apart, vendor/other-repository, vendor/server-unreachable, vendor/server-refused. */
export async function publish(session: Session): Promise<Published> {
  const { config } = await openWorkspace(session.directory);
  await verifyRepository(session.directory);
  const work = async (server: ServerClient) => {
    await verifyFirstRoot(server, config.server, session.directory);
    return publishTo(server, session);
  };
  const next = 'send what was signed, which is kept: fairlead-vendor publish';
  return withServer(config, work, { next, note: session.out.note });
}

/** The first root never changes: another one is another vendor's repository, or another attempt at this one. */
async function verifyFirstRoot(server: ServerClient, url: string, directory: string): Promise<void> {
  const served = await server.fetchFile('/repository/metadata/1.root.json');
  const local = await readVersion(directory, 'root', 1);
  if (served !== null && local !== null && !equalBytes(served, local.bytes)) {
    throw new FairleadError('vendor/other-repository', { server: url });
  }
}

/** Before halts are signed: what the server signed by itself is known here. Where it is away, `publish` sees to it. */
export async function followServerHalts(session: Session): Promise<void> {
  if (!session.publish) return;
  const { config } = await openWorkspace(session.directory);
  try {
    await withServer(config, async (server) => {
      await verifyFirstRoot(server, config.server, session.directory);
      await follow(server, session, await readServerVersions(server));
    });
  } catch (error) {
    if (!isFairleadError(error, 'vendor/server-unreachable')) throw error;
  }
}

async function follow(server: ServerClient, session: Session, versions: ServerVersions): Promise<void> {
  const version = versions.get('halts')?.version ?? 0;
  if (version > 0) await followHalts(session, version, (name) => server.fetchFile(`/repository/${name}`));
}

async function publishTo(server: ServerClient, session: Session): Promise<Published> {
  const { directory } = session;
  const versions = await readServerVersions(server);
  await follow(server, session, versions);
  const metadata = await findNewMetadata(server, directory, versions);
  const targets = await collectTargets(directory, metadata);
  const releases = targets.flatMap(({ path, bytes, digest }) =>
    parseReleasePath(path) === null
      ? []
      : { path, bytes, digest, document: parseDocumentBytes(release, bytes, path) },
  );
  const packs = await uploadPacks(server, session, releases);
  await uploadSboms(server, session, releases);
  // Before anybody is told of the release: no agent, cache or mirror learns that there are none yet.
  await uploadPatches(
    server,
    session,
    releases.map(({ document }) => document),
    metadata.length > 0,
  );
  const published = await readPublished(directory);
  const changes = await collectChanges(directory, releases, published);
  if (metadata.length + changes.length > 0) {
    const request: PublicationRequest = {
      metadata: metadata.map(({ file }) => ({ role: file.role, bytes: toBase64(file.bytes) })),
      targets: targets.map(({ path, bytes }) => ({ path, bytes: toBase64(bytes) })),
      changes: [...changes],
    };
    await server.post('/api/v1/publications', request, publicationReply);
    await writePublished(directory, published, changes);
  }
  return { packs, metadata: metadata.length, targets: targets.length, changes: changes.length };
}

/** Those behind new releases, and those that moved on since the server last took them. */
async function collectChanges(
  directory: string,
  releases: readonly Signed<Release>[],
  published: ReadonlyMap<string, Digest>,
): Promise<readonly ChangeRecord[]> {
  const behind = new Set(releases.map(({ document }) => document.change.id));
  const known = await listKnownChanges(directory);
  const moved = known.filter(({ id, digest }) => behind.has(id) || published.get(id) !== digest);
  return Promise.all(moved.map(({ id }) => readChange(directory, id)));
}

interface TargetBytes {
  readonly path: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** The documents listed by new metadata that the version the server has did not list. */
async function collectTargets(
  directory: string,
  metadata: readonly NewMetadata[],
): Promise<readonly TargetBytes[]> {
  const collected: TargetBytes[] = [];
  for (const { file, published } of metadata) {
    if (file.role === 'root') continue;
    const before = await listPublishedTargets(directory, file.role, published);
    for (const [path, digest] of listTargets(file)) {
      if (before.get(path) === digest) continue;
      collected.push({ path, digest, bytes: await readTarget(directory, path, digest) });
    }
  }
  return collected;
}

async function listPublishedTargets(
  directory: string,
  role: OfflineRole,
  version: number,
): Promise<ReadonlyMap<string, Digest>> {
  const file = version === 0 ? null : await readVersion(directory, role, version);
  return file === null ? new Map() : listTargets(file);
}

/** The public halves that the server signs with. */
export async function fetchOnlineKeys(
  config: VendorConfig,
): Promise<Pick<Keyring, 'snapshot' | 'timestamp'>> {
  const { snapshot, timestamp } = await withServer(config, (server) =>
    server.get('/api/v1/online-keys', onlineKeysReply),
  );
  return {
    snapshot: { threshold: 1, keys: [publicPart(snapshot)] },
    timestamp: { threshold: 1, keys: [publicPart(timestamp)] },
  };
}

/** The public half of the key by which the server halts rollouts. Error: vendor/no-halts-key. */
export async function fetchHaltsKey(config: VendorConfig): Promise<RoleKeys['keys'][number]> {
  const halts = await withServer(config, (server) => server.get('/api/v1/halts-key', haltsKeyReply)).then(
    (reply) => reply.halts,
    (error: unknown) => {
      // A server of an earlier version knows no such address.
      if (isFairleadError(error, 'vendor/server-refused') && error.data.status === 404) return null;
      throw error;
    },
  );
  if (halts === null) throw new FairleadError('vendor/no-halts-key', { server: config.server });
  return publicPart(halts);
}
