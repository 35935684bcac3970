// One publication: judged as a whole, then written from the unreferenced to the referenced.
import type { ChangeRecord } from '../../shared/change/change.ts';
import { toBase64, utf8 } from '../../shared/encoding/bytes.ts';
import { type Digest, digestOf, hexOf } from '../../shared/encoding/digest.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { forEachBounded } from '../../shared/node/turns.ts';
import type { PublicationRequest } from '../../shared/protocol/publication.ts';
import { type FindChange, planChanges, verifyReleased } from './change-plan.ts';
import { type Commit, type Halted, showUnder, type Turn } from './commit.ts';
import { makeDifferences } from './differences.ts';
import { type MetadataPlan, planMetadata } from './metadata-plan.ts';
import { metadataName, packName, sbomName, targetName } from './names.ts';
import { type OnlineKeys, publicHalves } from './online-keys.ts';
import { nextVersion, signSnapshot, signTimestamp } from './online-metadata.ts';
import { verifyKept } from './retention.ts';
import type { RepositoryState } from './state.ts';
import type { RepositoryStore } from './store.ts';
import { type PlannedTarget, planTargets } from './target-plan.ts';

export interface PublicationPlan {
  /** Null when the metadata was published before. */
  readonly metadata: MetadataPlan | null;
  readonly targets: readonly PlannedTarget[];
  readonly changes: readonly ChangeRecord[];
}

/** Who publishes, and which halts of the server's own come out with it. */
export interface Publishing {
  readonly actor: string;
  readonly halted: readonly Halted[];
}

export interface PublicationContext {
  readonly store: RepositoryStore;
  readonly keys: OnlineKeys;
  readonly findChange: FindChange;
  readonly now: () => EpochMs;
}

/** Nothing is written yet. Errors: trust/*, publication/*, document/*, vendor/*. */
export async function planPublication(
  request: PublicationRequest,
  state: RepositoryState | null,
  { store, keys, findChange, now }: PublicationContext,
): Promise<PublicationPlan> {
  const metadata = await planMetadata(
    request.metadata.map(({ role, bytes }) => ({ role, bytes: decode(bytes) })),
    {
      state,
      onlineKeys: publicHalves(keys),
      readPublished: (role, version) => bytesOf(store, metadataName(role, version)),
      now: now(),
    },
  );
  const changes = await planChanges(request.changes, findChange);
  if (metadata.roots.length === 0 && metadata.changed.length === 0) {
    return { metadata: null, targets: [], changes };
  }
  verifyKept(state?.roles ?? new Map(), metadata.roles, now());
  const sent = request.targets.map(({ path, bytes }) => ({ path, bytes: decode(bytes) }));
  const { targets, releases } = await planTargets(sent, metadata, {
    published: state?.roles ?? new Map(),
    readStored: (path, sha256) => bytesOf(store, targetName(path, sha256)),
    hasPack: (tree) => hasPack(store, tree),
    hasSbom: (tree, sbom) => hasSbom(store, tree, sbom),
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
  { actor, halted }: Publishing,
  { store, keys, now, turn }: PublicationContext & { readonly turn: Turn },
): Promise<Commit> {
  if (metadata === null) return createCommit({ roots: [], timestamp: null, actor, changes: [...changes] });
  await writeTargets(store, targets);
  // Targets have their digest in the name. Two who sign on one state would give one version to two different files.
  const version = await turn.take(nextVersion(state, now()));
  for (const role of metadata.changed) {
    const file = metadata.roles.get(role);
    if (file === undefined) continue;
    // Another process may have published this version by now, with other bytes.
    const shown = { name: metadataName(role, file.content.version), bytes: file.bytes };
    for (const { name, bytes } of [shown, ...(await makeDifferences(store, shown))])
      await showUnder(name, bytes, { store, turn });
  }
  const snapshot = signSnapshot(keys, metadata.roles, version, now());
  await store.write(metadataName('snapshot', version), snapshot.bytes);
  const timestamp = signTimestamp(keys, snapshot, version, now());
  return createCommit({
    roots: metadata.roots.map(({ bytes, content }) => ({ version: content.version, bytes: toBase64(bytes) })),
    timestamp: toBase64(timestamp.bytes),
    follows: state?.timestamp.content.version ?? null,
    actor,
    changes: [...changes],
    documents: targets.slice(0, MOST_NAMED).map(({ path }) => path),
    ...(halted.length === 0 ? {} : { halted: [...halted] }),
  });
}

export async function hasPack(store: RepositoryStore, tree: Digest): Promise<boolean> {
  return (await store.tagOf(packName(hexOf(tree)))) !== null;
}

export async function hasSbom(store: RepositoryStore, tree: Digest, sbom: Digest): Promise<boolean> {
  return (await store.tagOf(sbomName(hexOf(tree), hexOf(sbom)))) !== null;
}

async function bytesOf(store: RepositoryStore, name: string): Promise<Uint8Array | null> {
  return (await store.read(name))?.bytes ?? null;
}

/** For the log: what was published, not each of ten thousand releases. */
const MOST_NAMED = 50;

/** Each write waits for the store twice; side by side they wait together. */
const PARALLEL_WRITES = 16;

async function writeTargets(store: RepositoryStore, targets: readonly PlannedTarget[]): Promise<void> {
  await forEachBounded(targets, PARALLEL_WRITES, ({ path, sha256, bytes }) =>
    store.write(targetName(path, sha256), bytes),
  );
}

function createCommit(content: Omit<Commit, 'schema' | 'id'>): Commit {
  return { schema: 'fairlead/commit@1', id: digestOf(utf8(JSON.stringify(content))), ...content };
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, 'base64'));
}
