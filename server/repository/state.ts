// What the repository publishes: the newest root, the metadata of every role, and what the online roles last signed.
import { readdir } from 'node:fs/promises';
import { byCodePoint } from '../../shared/encoding/canonical.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { readIfPresent } from '../../shared/node/read-file.ts';
import { componentNameOf, parseReleasePath } from '../../shared/schema/release-ref.ts';
import { type LookUp, type Resolution, resolveTarget } from '../../shared/trust/delegation.ts';
import {
  parseEnvelope,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '../../shared/trust/metadata.ts';
import { parseRoot, parseSnapshot, parseTargets, parseTimestamp } from '../../shared/trust/parse-metadata.ts';
import { compareVersions, type Version } from '../../shared/version/version.ts';
import type { Expiry } from '../core/expiry.ts';
import { type Layout, metadataDirectory, metadataFile, timestampFile } from './layout.ts';

export interface MetadataFile<Metadata> {
  readonly bytes: Uint8Array;
  readonly content: Metadata;
}

/** Everything the vendor signed: `targets` and every role it delegates to, directly or not. */
export type Roles = ReadonlyMap<string, MetadataFile<Targets>>;

export interface RepositoryState {
  readonly root: MetadataFile<Root>;
  readonly roles: Roles;
  readonly snapshot: MetadataFile<Snapshot>;
  readonly timestamp: MetadataFile<Timestamp>;
}

/** What the timestamp on disk leads to; null when nothing was published yet. */
export async function loadState(layout: Layout): Promise<RepositoryState | null> {
  const bytes = await readIfPresent(timestampFile(layout));
  if (bytes === null) return null;
  const timestamp = { bytes, content: parseTimestamp(parseEnvelope(bytes, 'timestamp').signed, 'timestamp') };
  const snapshot = await load(layout, 'snapshot', timestamp.content.snapshot.version, parseSnapshot);
  const roles = new Map<string, MetadataFile<Targets>>();
  for (const [file, { version }] of snapshot.content.meta) {
    const role = file.replace(/\.json$/, '');
    roles.set(role, await load(layout, role, version, parseTargets));
  }
  const root = await load(layout, 'root', await newestRoot(layout), parseRoot);
  return { root, roles, snapshot, timestamp };
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
  /** By component, the newest first. */
  readonly releases: readonly ReleasedVersion[];
}

export interface ReleasedVersion {
  /** `platform`, a suite's name, or `suite/capability`. */
  readonly component: string;
  readonly version: Version;
}

/** A published advisory, and where its bytes are. */
export interface AdvisoryRef {
  readonly id: string;
  readonly path: string;
  readonly sha256: string;
}

export function describeState(state: RepositoryState | null): Published {
  if (state === null) {
    return { signed: null, version: null, roles: [], expiries: [], advisories: [], releases: [] };
  }
  const { root, roles, snapshot, timestamp } = state;
  return {
    signed: { snapshot: snapshot.content.expires, timestamp: timestamp.content.expires },
    version: timestamp.content.version,
    roles: [['root', root] as const, ...roles].map(([name, { content }]) => `${name} ${content.version}`),
    expiries: listMetadataExpiries(state),
    advisories: listAdvisories(state),
    releases: listReleases(state),
  };
}

/** What agents would find new, and how soon they should look; null where the server only signed again what was there. */
export function newsBetween(before: Published, after: Published): 'emergency' | 'usual' | null {
  if (before.roles.join() === after.roles.join()) return null;
  const digests = ({ advisories }: Published) => advisories.map(({ sha256 }) => sha256).join();
  return digests(before) === digests(after) ? 'usual' : 'emergency';
}

function listAdvisories({ roles }: RepositoryState): readonly AdvisoryRef[] {
  const entries = [...roles.values()].flatMap(({ content }) => [...content.targets]);
  return entries
    .flatMap(([path, { hashes }]) => {
      const id = /^advisories\/(.+)\.json$/.exec(path)?.[1];
      return id === undefined ? [] : [{ id, path, sha256: hashes.get('sha256') ?? '' }];
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function listReleases({ roles }: RepositoryState): readonly ReleasedVersion[] {
  const paths = new Set([...roles.values()].flatMap(({ content }) => [...content.targets.keys()]));
  const found = [...paths].flatMap((path) => {
    const ref = parseReleasePath(path);
    return ref === null ? [] : { component: componentNameOf(ref), version: ref.version };
  });
  return found.sort((a, b) => byCodePoint(a.component, b.component) || compareVersions(b.version, a.version));
}

/** Which role a client finds for a path, and what that role says about it. */
export function resolveIn(roles: Roles, path: string): Resolution {
  const lookUp: LookUp = ({ role }) => roles.get(role)?.content;
  return resolveTarget(path, lookUp);
}

async function load<Metadata>(
  layout: Layout,
  role: string,
  version: number,
  parse: (signed: ReturnType<typeof parseEnvelope>['signed'], role: string) => Metadata,
): Promise<MetadataFile<Metadata>> {
  const path = metadataFile(layout, role, version);
  const bytes = await readIfPresent(path);
  if (bytes === null) throw new FairleadError('disk/unreadable', { path, problem: 'the file is missing' });
  return { bytes, content: parse(parseEnvelope(bytes, role).signed, role) };
}

async function newestRoot(layout: Layout): Promise<number> {
  const names = await readdir(metadataDirectory(layout));
  const versions = names.flatMap((name) => /^(\d+)\.root\.json$/.exec(name)?.[1] ?? []);
  return Math.max(0, ...versions.map(Number));
}
