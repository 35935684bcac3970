// A vendor in memory: keys, releases that walked the pipeline, and the publications made of them.
import { createHash } from 'node:crypto';
import type { ChangeRecord } from '../../shared/change/change.ts';
import { openChange, type StageInput, transition } from '../../shared/change/pipeline.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { type Digest, digestOf } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import type { OnlineKeysReply, PublicationRequest } from '../../shared/protocol/publication.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { keyIdOf, publicKeyFromBytes, type SigningKey, signingKeyFromSeed } from '../../shared/trust/key.ts';
import { signMetadata } from '../../shared/trust/metadata.ts';
import { parseVersion } from '../../shared/version/version.ts';

export const NOW: EpochMs = Date.parse('2026-11-20T12:00:00Z');
/** Far away: tuf-js goes by the real clock. */
const EXPIRES = '2099-01-01T00:00:00Z';

/** A key that is the same in every run. */
export function testKey(name: string): SigningKey {
  return signingKeyFromSeed(createHash('sha256').update(name).digest());
}

export const VENDOR_KEYS = {
  root: testKey('root'),
  targets: testKey('targets'),
  security: testKey('security'),
  halts: testKey('halts'),
  releases: testKey('releases'),
};

export interface VendorDocument {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** What is signed beside it. */
  readonly custom?: JsonObject;
}

export function documentOf(path: string, value: object): VendorDocument {
  return { path, bytes: utf8(`${JSON.stringify(value, null, 2)}\n`) };
}

export const CAPABILITY_PATH = 'capabilities/core/auth/1.0.0.json';

export function capability(
  version: string,
  tree: TreeRef,
  change = 'CHG-1',
  overrides: object = {},
): VendorDocument {
  return documentOf(`capabilities/core/auth/${version}.json`, {
    schema: 'fairlead/capability@1',
    suite: 'core',
    name: 'auth',
    version,
    change: { id: change, revision: 'git:1', scope: 'test', builtAt: formatInstant(NOW) },
    tree,
    service: { driver: 'process', exec: ['node', 'server.js'] },
    ...overrides,
  });
}

export function rolloutOf(document: VendorDocument, version: string, overrides: object = {}): VendorDocument {
  return documentOf(`rollouts/stable/${document.path}`, {
    schema: 'fairlead/rollout@1',
    release: { kind: 'capability', suite: 'core', name: 'auth', version },
    digest: digestOf(document.bytes),
    track: 'stable',
    seed: 's',
    start: formatInstant(NOW),
    waves: [{ percent: 100, after: 'PT0S' }],
    ...overrides,
  });
}

export function advisoryOf(id: string, overrides: object = {}): VendorDocument {
  return documentOf(`advisories/${id}.json`, {
    schema: 'fairlead/advisory@1',
    id,
    title: 'tokens can be used twice',
    severity: 'high',
    cves: [],
    affected: [{ component: 'core/auth', versions: '<1.0.1' }],
    fixed: [{ component: 'core/auth', version: '1.0.1' }],
    published: formatInstant(NOW),
    ...overrides,
  });
}

/** A record that went through every stage up to and with `last`. */
export function changeOf(
  document: VendorDocument,
  version: string,
  tree: TreeRef,
  last: 'build' | 'verification' | 'release' = 'release',
  id = 'CHG-1',
): ChangeRecord {
  const release = digestOf(document.bytes);
  const at = formatInstant(NOW);
  const base = { at, actor: 'tester', outcome: 'passed' } as const;
  const checks = [{ check: 'schema', outcome: 'passed', detail: 'fits' }] as const;
  const events: readonly StageInput[] = [
    { stage: 'build', ...base, details: { release, tree, reproduced: false } },
    { stage: 'verification', ...base, details: { release, checks: [...checks] } },
    { stage: 'release', ...base, details: { release, path: document.path } },
  ];
  const opened = openChange(
    { id, component: 'core/auth', version: parseVersion(version), revision: 'git:1', scope: 'test' },
    at,
    'tester',
  );
  const wanted = events.slice(0, events.findIndex((event) => event.stage === last) + 1);
  return wanted.reduce((record, event) => transition(record, event), opened);
}

export interface RootOptions {
  readonly version?: number;
  readonly signers?: readonly SigningKey[];
  readonly overrides?: JsonObject;
  readonly targetsKey?: SigningKey;
}

export function signRoot(online: OnlineKeysReply, options: RootOptions = {}): Uint8Array {
  const snapshot = publicKeyFromBytes(Buffer.from(online.snapshot, 'hex'));
  const timestamp = publicKeyFromBytes(Buffer.from(online.timestamp, 'hex'));
  const targets = options.targetsKey ?? VENDOR_KEYS.targets;
  const role = (keyid: string) => ({ keyids: [keyid], threshold: 1 });
  const { root } = VENDOR_KEYS;
  const signed = {
    _type: 'root',
    spec_version: '1.0.31',
    version: options.version ?? 1,
    expires: EXPIRES,
    consistent_snapshot: true,
    keys: {
      [root.keyid]: root.key,
      [targets.keyid]: targets.key,
      [keyIdOf(snapshot)]: snapshot,
      [keyIdOf(timestamp)]: timestamp,
    },
    roles: {
      root: role(root.keyid),
      targets: role(targets.keyid),
      snapshot: role(keyIdOf(snapshot)),
      timestamp: role(keyIdOf(timestamp)),
    },
    ...options.overrides,
  };
  return signMetadata(signed, options.signers ?? [root]);
}

const DELEGATIONS = [
  { name: 'security', paths: ['advisories/*'], terminating: true },
  { name: 'halts', paths: ['halts/*'], terminating: true },
  {
    name: 'releases',
    paths: ['platform/*', 'suites/*/*', 'capabilities/*/*/*', 'rollouts/*/capabilities/*/*/*'],
    terminating: false,
  },
] as const;

/** Delegations in which the server's key for halts, by its public half, counts beside the vendor's. */
export function guardedDelegations(haltsKey: string, threshold = 1): JsonObject {
  const server = publicKeyFromBytes(Buffer.from(haltsKey, 'hex'));
  const keys = DELEGATIONS.map(({ name }) => VENDOR_KEYS[name]);
  return {
    delegations: {
      keys: Object.fromEntries([...keys.map(({ keyid, key }) => [keyid, key]), [keyIdOf(server), server]]),
      roles: DELEGATIONS.map(({ name, paths, terminating }) => ({
        ...{ name, paths: [...paths], terminating, threshold: name === 'halts' ? threshold : 1 },
        keyids: [VENDOR_KEYS[name].keyid, ...(name === 'halts' ? [keyIdOf(server)] : [])],
      })),
    },
  };
}

export type DelegatedName = (typeof DELEGATIONS)[number]['name'];

export function signTargets(
  version = 1,
  signers = [VENDOR_KEYS.targets],
  overrides: JsonObject = {},
): Uint8Array {
  const keys = DELEGATIONS.map(({ name }) => VENDOR_KEYS[name]);
  const signed = {
    _type: 'targets',
    spec_version: '1.0.31',
    version,
    expires: EXPIRES,
    targets: {},
    delegations: {
      keys: Object.fromEntries(keys.map((key) => [key.keyid, key.key])),
      roles: DELEGATIONS.map(({ name, paths, terminating }) => ({
        name,
        paths: [...paths],
        terminating,
        keyids: [VENDOR_KEYS[name].keyid],
        threshold: 1,
      })),
    },
    ...overrides,
  };
  return signMetadata(signed, signers);
}

export function signRole(
  role: DelegatedName,
  version: number,
  documents: readonly VendorDocument[],
  signers: readonly SigningKey[] = [VENDOR_KEYS[role]],
  overrides: JsonObject = {},
): Uint8Array {
  const targets = Object.fromEntries(
    documents.map(({ path, bytes, custom }) => [
      path,
      {
        ...{ length: bytes.length, hashes: { sha256: createHash('sha256').update(bytes).digest('hex') } },
        ...(custom === undefined ? {} : { custom }),
      },
    ]),
  );
  const signed = {
    _type: 'targets',
    spec_version: '1.0.31',
    version,
    expires: EXPIRES,
    targets,
    ...overrides,
  };
  return signMetadata(signed, signers);
}

/** Metadata by role, documents, records: as the vendor's program sends them. */
export function publicationOf(
  metadata: readonly (readonly [role: string, bytes: Uint8Array])[],
  documents: readonly VendorDocument[] = [],
  changes: readonly ChangeRecord[] = [],
): PublicationRequest {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  return {
    metadata: metadata.map(([role, bytes]) => ({ role, bytes: base64(bytes) })),
    targets: documents.map(({ path, bytes }) => ({ path, bytes: base64(bytes) })),
    changes: [...changes],
  };
}

/** Everything a new repository needs, with nothing released yet. */
export function firstPublication(online: OnlineKeysReply): PublicationRequest {
  return publicationOf([
    ['root', signRoot(online)],
    ['targets', signTargets()],
    ['security', signRole('security', 1, [])],
    ['halts', signRole('halts', 1, [])],
    ['releases', signRole('releases', 1, [])],
  ]);
}

/** The digest of something that is not there. */
export function digestOfText(text: string): Digest {
  return digestOf(utf8(text));
}
