// What the repository publishes: the newest root, the metadata of every role, and what the online roles last signed.
import { equalBytes } from '../../shared/encoding/bytes.ts';
import { byCodePoint } from '../../shared/encoding/canonical.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { forEachBounded } from '../../shared/node/turns.ts';
import { componentNameOf, orderTermsPath, parseReleasePath } from '../../shared/schema/release-ref.ts';
import { type LookUp, type Resolution, resolveTarget } from '../../shared/trust/delegation.ts';
import {
  type FileMeta,
  parseEnvelope,
  type Root,
  type SignedPayload,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '../../shared/trust/metadata.ts';
import { parseRoot, parseSnapshot, parseTargets, parseTimestamp } from '../../shared/trust/parse-metadata.ts';
import { delegateSigner } from '../../shared/trust/rules.ts';
import { verifyFile } from '../../shared/trust/target.ts';
import { compareVersions, type Version } from '../../shared/version/version.ts';
import type { Expiry } from '../core/expiry.ts';
import { METADATA, metadataName, TIMESTAMP } from './names.ts';
import type { RepositoryStore } from './store.ts';

export interface MetadataFile<Metadata> {
  readonly bytes: Uint8Array;
  readonly content: Metadata;
}

/** What the vendor signed, with its signatures: each publication verifies them anew, and nothing is parsed for that. */
export interface RoleFile extends MetadataFile<Targets> {
  readonly envelope: SignedPayload;
}

/** Everything the vendor signed: `targets` and every role it delegates to, directly or not. */
export type Roles = ReadonlyMap<string, RoleFile>;

export interface RepositoryState {
  readonly root: MetadataFile<Root>;
  readonly roles: Roles;
  readonly snapshot: MetadataFile<Snapshot>;
  readonly timestamp: MetadataFile<Timestamp>;
}

/** Each costs the way to the store and back; side by side they wait together. */
const PARALLEL_READS = 16;

/**
 * What the timestamp in the store leads to; null when nothing was published yet. Nothing is taken that the file above it
 * does not name: what somebody put in its place would be signed with the next snapshot.
 * What is known already is not parsed again where its very bytes stand there. Errors: server/repository-damaged, and those of the store.
 */
export async function loadState(
  store: RepositoryStore,
  known: Roles = new Map(),
): Promise<RepositoryState | null> {
  const stored = await store.read(TIMESTAMP);
  if (stored === null) return null;
  const timestamp = opener('timestamp', parseTimestamp)(stored.bytes);
  const listedAs = timestamp.content.snapshot;
  const snapshot = await load(store, 'snapshot', listedAs, opener('snapshot', parseSnapshot));
  const roles = new Map<string, RoleFile>();
  const listed = [...snapshot.content.meta].map(
    ([file, meta]) => [file.replace(/\.json$/, ''), meta] as const,
  );
  await forEachBounded(listed, PARALLEL_READS, async ([role, meta]) => {
    const before = known.get(role);
    const open = (bytes: Uint8Array) =>
      before !== undefined && equalBytes(before.bytes, bytes) ? before : openRole(role, bytes);
    roles.set(role, await load(store, role, meta, open));
  });
  const newest = { version: await newestRoot(store), length: null, hashes: null };
  return { root: await load(store, 'root', newest, opener('root', parseRoot)), roles, snapshot, timestamp };
}

/** Nothing of it is verified. Error: trust/malformed. */
export function openRole(role: string, bytes: Uint8Array): RoleFile {
  const { signed, ...envelope } = parseEnvelope(bytes, role);
  return { bytes, content: parseTargets(signed, role), envelope };
}

/** When the metadata of each role ends; nothing before the first publication. */
export function listMetadataExpiries(state: RepositoryState | null): readonly Expiry[] {
  if (state === null) return [];
  const { root, snapshot, timestamp, roles } = state;
  return [...Object.entries({ root, snapshot, timestamp }), ...roles].map(([name, { content }]) => ({
    kind: 'metadata',
    name,
    at: content.expires,
  }));
}

/** What everybody but the publisher knows of what is published. */
export interface Published {
  /** When what the server itself signed expires; null before the first publication. */
  readonly signed: { readonly snapshot: EpochMs; readonly timestamp: EpochMs } | null;
  /** Of the timestamp; null before the first publication. */
  readonly version: number | null;
  /** What the vendor signed, root included, each as `name version`. */
  readonly roles: readonly string[];
  readonly expiries: readonly Expiry[];
  /** By id. */
  readonly advisories: readonly AdvisoryRef[];
  /** By their paths. */
  readonly rollouts: readonly DocumentRef[];
  readonly halts: readonly DocumentRef[];
  /** Whether a halt that this server signs alone counts. */
  readonly mayHalt: boolean;
  /** By component, the newest first. */
  readonly releases: readonly ReleasedVersion[];
}

export interface ReleasedVersion extends DocumentRef {
  /** `platform`, a suite's name, or `suite/capability`. */
  readonly component: string;
  readonly version: Version;
}

/** A published document, and where its bytes are. */
export interface DocumentRef {
  readonly path: string;
  readonly sha256: string;
}

export interface AdvisoryRef extends DocumentRef {
  readonly id: string;
  /** The digest of what its order says beyond it. */
  readonly terms?: string;
}

const NOTHING: Published = {
  ...{ signed: null, version: null, roles: [], expiries: [] },
  ...{ advisories: [], rollouts: [], halts: [], mayHalt: false, releases: [] },
};

/** `haltsKey` is the public half of the server's own. */
export function describeState(state: RepositoryState | null, haltsKey: string | null): Published {
  if (state === null) return NOTHING;
  const { root, roles, snapshot, timestamp } = state;
  const documents = listDocuments(state);
  const below = (folder: string) => documents.filter(({ path }) => path.startsWith(folder));
  return {
    signed: { snapshot: snapshot.content.expires, timestamp: timestamp.content.expires },
    version: timestamp.content.version,
    roles: [['root', root] as const, ...roles].map(([name, { content }]) => `${name} ${content.version}`),
    expiries: listMetadataExpiries(state),
    advisories: listAdvisories(documents),
    rollouts: below('rollouts/'),
    halts: below('halts/'),
    mayHalt: haltsKey !== null && mayHalt(state, haltsKey),
    releases: listReleases(documents),
  };
}

/** What agents would find new, and how soon they should look; null where the server only signed again what was there. */
export function newsBetween(before: Published, after: Published): 'emergency' | 'usual' | null {
  if (before.roles.join() === after.roles.join()) return null;
  const digests = ({ advisories, halts }: Published) =>
    [
      ...advisories.map(({ sha256, terms = '' }) => sha256 + terms),
      ...halts.map(({ sha256 }) => sha256),
    ].join();
  return digests(before) === digests(after) ? 'usual' : 'emergency';
}

/** One signature of this key, by its public half, makes a halt count. */
export function mayHalt({ roles }: RepositoryState, key: string): boolean {
  const targets = roles.get('targets')?.content;
  const delegate = targets === undefined ? null : delegateSigner('targets', targets, 'halts');
  if (delegate === null) return false;
  const { keyids, threshold } = delegate.role;
  return threshold === 1 && keyids.some((keyid) => delegate.keys.get(keyid)?.public.toLowerCase() === key);
}

function listDocuments({ roles }: RepositoryState): readonly DocumentRef[] {
  const entries = [...roles.values()].flatMap(({ content }) => [...content.targets]);
  return entries
    .map(([path, { hashes }]) => ({ path, sha256: hashes.get('sha256') ?? '' }))
    .sort((a, b) => byCodePoint(a.path, b.path));
}

function listAdvisories(documents: readonly DocumentRef[]): readonly AdvisoryRef[] {
  const digests = new Map(documents.map(({ path, sha256 }) => [path, sha256]));
  return documents
    .flatMap((one) => {
      const id = /^advisories\/([^.]+)\.json$/.exec(one.path)?.[1];
      if (id === undefined) return [];
      const terms = digests.get(orderTermsPath(id));
      return [{ id, ...one, ...(terms === undefined ? {} : { terms }) }];
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function listReleases(documents: readonly DocumentRef[]): readonly ReleasedVersion[] {
  const byPath = new Map(documents.map((one) => [one.path, one]));
  const found = [...byPath.values()].flatMap((one) => {
    const ref = parseReleasePath(one.path);
    return ref === null ? [] : { ...one, component: componentNameOf(ref), version: ref.version };
  });
  return found.sort((a, b) => byCodePoint(a.component, b.component) || compareVersions(b.version, a.version));
}

/** Which role a client finds for a path, and what that role says about it. */
export function resolveIn(roles: Roles, path: string): Resolution {
  const lookUp: LookUp = ({ role }) => roles.get(role)?.content;
  return resolveTarget(path, lookUp);
}

function opener<Metadata>(role: string, parse: (signed: JsonObject, role: string) => Metadata) {
  return (bytes: Uint8Array): MetadataFile<Metadata> => ({
    bytes,
    content: parse(parseEnvelope(bytes, role).signed, role),
  });
}

async function load<File extends MetadataFile<{ readonly version: number }>>(
  store: RepositoryStore,
  role: string,
  expected: FileMeta,
  open: (bytes: Uint8Array) => File,
): Promise<File> {
  const name = metadataName(role, expected.version);
  const damaged = (problem: string, cause?: unknown) =>
    new FairleadError('server/repository-damaged', { repository: store.place, name, problem }, { cause });
  const stored = await store.read(name);
  if (stored === null) throw damaged('it is missing');
  try {
    verifyFile(stored.bytes, expected, name);
    const file = open(stored.bytes);
    const { version } = file.content;
    if (version !== expected.version) throw damaged(`it holds version ${version}`);
    return file;
  } catch (cause) {
    throw isFairleadError(cause, 'server/repository-damaged') ? cause : damaged('it has other bytes', cause);
  }
}

async function newestRoot(store: RepositoryStore): Promise<number> {
  let newest = 0;
  for await (const name of store.list(METADATA)) {
    const version = /\/(\d+)\.root\.json$/.exec(name)?.[1];
    newest = Math.max(newest, Number(version ?? 0));
  }
  return newest;
}
