// One publication: judged as a whole, then written from the unreferenced to the referenced.
import { dirname } from 'node:path';
import type { ChangeRecord } from '../../shared/change/change.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { type Digest, digestOf, hexOf } from '../../shared/encoding/digest.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { makeDirectory } from '../../shared/node/durable-file.ts';
import { isPresent, readIfPresent } from '../../shared/node/read-file.ts';
import type { PublicationRequest } from '../../shared/protocol/publication.ts';
import { type FindChange, planChanges, verifyReleased } from './change-plan.ts';
import { type Commit, PUBLIC_MODE, type Turn, type WriteFile } from './commit.ts';
import { type Layout, metadataFile, packFile, targetFile } from './layout.ts';
import { type MetadataPlan, planMetadata } from './metadata-plan.ts';
import { type OnlineKeys, publicHalves } from './online-keys.ts';
import { nextVersion, signSnapshot, signTimestamp } from './online-metadata.ts';
import type { RepositoryState } from './state.ts';
import { type PlannedTarget, planTargets } from './target-plan.ts';

export interface PublicationPlan {
  /** Null when the metadata was published before. */
  readonly metadata: MetadataPlan | null;
  readonly targets: readonly PlannedTarget[];
  readonly changes: readonly ChangeRecord[];
}

export interface PublicationContext {
  readonly layout: Layout;
  readonly keys: OnlineKeys;
  readonly findChange: FindChange;
  readonly now: () => EpochMs;
}

/** Nothing is written yet. Errors: trust/*, publication/*, document/*, vendor/*. */
export async function planPublication(
  request: PublicationRequest,
  state: RepositoryState | null,
  { layout, keys, findChange, now }: PublicationContext,
): Promise<PublicationPlan> {
  const metadata = await planMetadata(
    request.metadata.map(({ role, bytes }) => ({ role, bytes: decode(bytes) })),
    {
      state,
      onlineKeys: publicHalves(keys),
      readPublished: (role, version) => readIfPresent(metadataFile(layout, role, version)),
      now: now(),
    },
  );
  const changes = await planChanges(request.changes, findChange);
  if (metadata.roots.length === 0 && metadata.changed.length === 0) {
    return { metadata: null, targets: [], changes };
  }
  const sent = request.targets.map(({ path, bytes }) => ({ path, bytes: decode(bytes) }));
  const { targets, releases } = await planTargets(sent, metadata, {
    published: state?.roles ?? new Map(),
    readStored: (path, sha256) => readIfPresent(targetFile(layout, path, sha256)),
    hasPack: (tree) => hasPack(layout, tree),
  });
  await verifyReleased(releases, changes, findChange);
  return { metadata, targets, changes };
}

export function isEmpty({ metadata, changes }: PublicationPlan): boolean {
  return metadata === null && changes.length === 0;
}

/**
 * Writes everything that no published file refers to yet, so that a failure anywhere leaves the old publication served.
 * What remains to be done stands in the commit. Error: disk/*.
 */
export async function writePublication(
  { metadata, targets, changes }: PublicationPlan,
  state: RepositoryState | null,
  actor: string,
  { layout, keys, now, write, turn }: PublicationContext & { readonly write: WriteFile; readonly turn: Turn },
): Promise<Commit> {
  if (metadata === null) return createCommit({ roots: [], timestamp: null, actor, changes: [...changes] });
  await writeTargets(layout, targets, write);
  // Targets have their digest in the name. Two who sign on one state would give one version to two different files.
  const version = await turn.take(nextVersion(state, now()));
  for (const role of metadata.changed) {
    const file = metadata.roles.get(role);
    if (file !== undefined) {
      await write(metadataFile(layout, role, file.content.version), file.bytes, PUBLIC_MODE);
    }
  }
  const snapshot = signSnapshot(keys, metadata.roles, version, now());
  await write(metadataFile(layout, 'snapshot', snapshot.content.version), snapshot.bytes, PUBLIC_MODE);
  const timestamp = signTimestamp(keys, snapshot, version, now());
  return createCommit({
    roots: metadata.roots.map(({ bytes, content }) => ({ version: content.version, bytes: encode(bytes) })),
    timestamp: encode(timestamp.bytes),
    follows: state?.timestamp.content.version ?? null,
    actor,
    changes: [...changes],
  });
}

export function hasPack(layout: Layout, tree: Digest): Promise<boolean> {
  return isPresent(packFile(layout, hexOf(tree)));
}

/** Each write waits for the disk twice; side by side they wait together. */
const PARALLEL_WRITES = 16;

async function writeTargets(
  layout: Layout,
  targets: readonly PlannedTarget[],
  write: WriteFile,
): Promise<void> {
  const pending = targets.values();
  const work = async () => {
    for (const { path, sha256, bytes } of pending) {
      const file = targetFile(layout, path, sha256);
      await makeDirectory(dirname(file), PUBLIC_DIRECTORY_MODE);
      await write(file, bytes, PUBLIC_MODE);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_WRITES }, work));
}

const PUBLIC_DIRECTORY_MODE = 0o755;

function createCommit(content: Omit<Commit, 'schema' | 'id'>): Commit {
  return { schema: 'fairlead/commit@1', id: digestOf(utf8(JSON.stringify(content))), ...content };
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, 'base64'));
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
