// A TUF repository in memory that tests change at will, honestly or not, and serve to a client.

import { createHash } from 'node:crypto';
import type { GetOptions, HttpAnswer } from '../../agent/adapters/server/http-client.ts';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { DIFFERENCES_KEPT, makeDifference } from '../../shared/trust/difference.ts';
import { type SigningKey, signingKeyFromSeed } from '../../shared/trust/key.ts';
import { signMetadata } from '../../shared/trust/metadata.ts';

/** The present of every test. */
export const NOW = Date.parse('2026-06-01T00:00:00Z');
export const DAY_MS = 86_400_000;
const METADATA_URL = 'https://repository.test/metadata/';
export const REPOSITORY_URLS = {
  metadata: METADATA_URL,
  targets: 'https://repository.test/targets/',
  packs: 'https://repository.test/',
};

// Tests write any JSON they like into metadata, wrong types included.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Signed = any;

export interface DelegationOptions {
  readonly paths?: readonly string[];
  readonly pathHashPrefixes?: readonly string[];
  readonly terminating?: boolean;
  readonly threshold?: number;
  readonly keys?: readonly SigningKey[];
}

let keysMade = 0;

/** A new Ed25519 key, the same in every run. */
export function newKey(): SigningKey {
  keysMade += 1;
  return signingKeyFromSeed(createHash('sha256').update(`test key ${keysMade}`).digest());
}

export class RepositorySimulator {
  /** The `signed` part of each role as it will be published next. */
  readonly signed = new Map<string, Signed>();
  /** Who signs each role. */
  readonly signers = new Map<string, SigningKey[]>();
  /** What is served: every version of each role, oldest first; version N of a role is at index N-1. */
  readonly published = new Map<string, Uint8Array[]>();
  /** What is served as targets, by path and by hash in consistent snapshots. */
  readonly artifacts = new Map<string, Uint8Array>();
  /** `root 2`, `timestamp`, `snapshot 1`, or the path of a target, in the order asked for. */
  readonly requests: string[] = [];
  /** Statuses other than 200, by the same names. */
  readonly failures = new Map<string, number>();
  listsHashes = false;
  /** Other than honest ones, by the names they are asked for: `releases 1..2`. */
  readonly differences = new Map<string, Uint8Array>();
  isOfBeforeDifferences = false;

  constructor() {
    const expires = formatInstant(NOW + 30 * DAY_MS);
    const base = { spec_version: '1.0.31', version: 1, expires };
    this.signed.set('root', { _type: 'root', ...base, consistent_snapshot: true, keys: {}, roles: {} });
    this.signed.set('timestamp', { _type: 'timestamp', ...base, meta: { 'snapshot.json': { version: 1 } } });
    this.signed.set('snapshot', { _type: 'snapshot', ...base, meta: {} });
    this.signed.set('targets', { _type: 'targets', ...base, targets: {} });
    for (const role of ['root', 'timestamp', 'snapshot', 'targets']) this.setKeys(role, [newKey()]);
    this.publish('targets', 'snapshot', 'timestamp', 'root');
  }

  get root(): Signed {
    return this.signed.get('root');
  }

  get timestamp(): Signed {
    return this.signed.get('timestamp');
  }

  get snapshot(): Signed {
    return this.signed.get('snapshot');
  }

  get targets(): Signed {
    return this.signed.get('targets');
  }

  /** Replaces a top-level role's keys and signers. */
  setKeys(role: string, keys: readonly SigningKey[], threshold = 1): void {
    for (const { keyid, key } of keys) this.root.keys[keyid] = key;
    this.root.roles[role] = { keyids: keys.map(({ keyid }) => keyid), threshold };
    this.signers.set(role, [...keys]);
  }

  /** Signs what the roles say now, each as its next version, and updates snapshot and timestamp in memory. */
  publish(...roles: readonly string[]): void {
    for (const role of roles) {
      const signed = this.signed.get(role);
      if (this.published.has(role)) signed.version += 1;
      this.publishAs(role, Uint8Array.from(signMetadata(signed, this.signers.get(role) ?? [])));
      if (role === 'snapshot') this.timestamp.meta['snapshot.json'] = this.#metaOf(role);
      else if (role !== 'root' && role !== 'timestamp')
        this.snapshot.meta[`${role}.json`] = this.#metaOf(role);
    }
  }

  /** Serves these bytes as the next version. */
  publishAs(role: string, bytes: Uint8Array): void {
    this.published.set(role, [...(this.published.get(role) ?? []), bytes]);
  }

  /** Takes all published versions of a role away; its next publication keeps the version it has. */
  withdraw(role: string): void {
    this.published.delete(role);
  }

  /** The bytes served now. */
  current(role: string): Uint8Array {
    const bytes = this.published.get(role)?.at(-1);
    if (bytes === undefined) throw new Error(`${role} is not published`);
    return bytes;
  }

  initialRoot(): Uint8Array {
    const bytes = this.published.get('root')?.[0];
    if (bytes === undefined) throw new Error('no root');
    return bytes;
  }

  /** Adds a delegation after the others; the delegate says nothing yet and is not published. */
  delegate(delegator: string, role: string, options: DelegationOptions = {}): void {
    const parent = this.signed.get(delegator);
    const keys = options.keys ?? [newKey()];
    parent.delegations ??= { keys: {}, roles: [] };
    for (const { keyid, key } of keys) parent.delegations.keys[keyid] = key;
    parent.delegations.roles.push({
      name: role,
      keyids: keys.map(({ keyid }) => keyid),
      threshold: options.threshold ?? 1,
      terminating: options.terminating ?? false,
      ...(options.pathHashPrefixes === undefined
        ? { paths: options.paths ?? ['*'] }
        : { path_hash_prefixes: options.pathHashPrefixes }),
    });
    if (!this.signers.has(role)) this.signers.set(role, [...keys]);
    if (!this.signed.has(role)) {
      this.signed.set(role, {
        ...structuredClone(this.targets),
        version: 1,
        targets: {},
        delegations: undefined,
      });
      delete this.signed.get(role).delegations;
    }
  }

  /** Lists a target in a role and serves its bytes. */
  addTarget(role: string, path: string, content: string | Uint8Array, algorithms = ['sha256']): void {
    const bytes = Buffer.from(content);
    const hashes = Object.fromEntries(algorithms.map((name) => [name, hashOf(name, bytes)]));
    this.signed.get(role).targets[path] = { length: bytes.length, hashes };
    this.serve(path, bytes, Object.values(hashes));
  }

  /** Serves bytes under a target's names without listing them. */
  serve(path: string, bytes: Uint8Array, hashes: readonly string[]): void {
    const slash = path.lastIndexOf('/') + 1;
    this.artifacts.set(path, bytes);
    for (const hash of hashes)
      this.artifacts.set(`${path.slice(0, slash)}${hash}.${path.slice(slash)}`, bytes);
  }

  /** The fake network. Obeys byte caps and etags as the real client does. */
  readonly get = async (url: string, options: GetOptions): Promise<HttpAnswer> => {
    const { status, bytes } = this.answer(new URL(url).pathname);
    if (status !== 200) return { kind: 'missing', status };
    if (bytes.length > options.maxBytes) throw new Error(`${url} is longer than ${options.maxBytes}`);
    const etag = `"${hashOf('sha256', bytes)}"`;
    return options.etag === etag ? { kind: 'not-modified' } : { kind: 'body', bytes, etag };
  };

  /** What is served at `…/metadata/…` or `…/targets/…`. */
  answer(pathname: string): { readonly status: number; readonly bytes: Uint8Array } {
    const [, area = '', ...rest] = pathname.split('/');
    const path = rest.map(decodeURIComponent).join('/');
    const found = area === 'metadata' ? this.#findMetadata(rest.join('/')) : this.#findTarget(path);
    const status = found.bytes === undefined ? 404 : (this.failures.get(found.name) ?? 200);
    this.requests.push(found.name);
    return { status, bytes: found.bytes ?? new Uint8Array() };
  }

  #findTarget(path: string): { readonly name: string; readonly bytes: Uint8Array | undefined } {
    return { name: path, bytes: this.artifacts.get(path) };
  }

  #findMetadata(file: string): { readonly name: string; readonly bytes: Uint8Array | undefined } {
    const [difference, from, to, of = ''] = /^(\d+)\.\.(\d+)\.(.*)\.diff$/.exec(file) ?? [];
    if (difference !== undefined) {
      const versions = this.published.get(decodeURIComponent(of));
      const [old, next] = [versions?.[Number(from) - 1], versions?.[Number(to) - 1]];
      const isKept = Number(to) - Number(from) <= DIFFERENCES_KEPT && !this.isOfBeforeDifferences;
      const made = isKept && old !== undefined && next !== undefined ? makeDifference(old, next) : null;
      const name = `${decodeURIComponent(of)} ${from}..${to}`;
      return { name, bytes: this.differences.get(name) ?? made ?? undefined };
    }
    const name = file.replace(/\.json$/, '');
    const match = /^(\d+)\.(.*)$/.exec(name);
    const isVersioned = match?.[2] === 'root' || (this.root.consistent_snapshot && match !== null);
    const role = decodeURIComponent(isVersioned ? (match?.[2] ?? '') : name);
    const versions = this.published.get(role);
    if (!isVersioned) return { name: role, bytes: versions?.at(-1) };
    return { name: `${role} ${match?.[1]}`, bytes: versions?.[Number(match?.[1]) - 1] };
  }

  #metaOf(role: string) {
    const { version } = this.signed.get(role);
    const bytes = this.current(role);
    const hashes = { sha256: hashOf('sha256', bytes) };
    return this.listsHashes ? { version, length: bytes.length, hashes } : { version };
  }
}

export function hashOf(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}
