// From the `signed` part of metadata to its type: strict about what the specification names, open to what it does not.
import { instantMs } from '../encoding/instant.ts';
import type { JsonObject, JsonValue } from '../encoding/json.ts';
import { malformed, readArray, readBoolean, readCount, readInstant, readObject, readText } from './field.ts';
import type { Key } from './key.ts';
import {
  type DelegatedRole,
  type FileMeta,
  type Hashes,
  MAX_LISTED,
  type Role,
  type Root,
  type Snapshot,
  type TargetFile,
  type Targets,
  type Timestamp,
  TOP_LEVEL_ROLES,
} from './metadata.ts';
import { parseTargetNotes } from './target-notes.ts';

/** TUF §4.3. Error: trust/malformed, as of all four. */
export function parseRoot(signed: JsonObject, role: string): Root {
  const base = parseBase(signed, role, 'root');
  const roles = readObject(signed.roles, role, 'roles');
  const consistent = signed.consistent_snapshot;
  return {
    ...base,
    consistentSnapshot: consistent !== undefined && readBoolean(consistent, role, 'consistent_snapshot'),
    keys: parseKeys(signed.keys, role),
    roles: {
      root: parseRole(roles.root, role, 'roles.root'),
      timestamp: parseRole(roles.timestamp, role, 'roles.timestamp'),
      snapshot: parseRole(roles.snapshot, role, 'roles.snapshot'),
      targets: parseRole(roles.targets, role, 'roles.targets'),
    },
  };
}

/** TUF §4.6. */
export function parseTimestamp(signed: JsonObject, role: string): Timestamp {
  const base = parseBase(signed, role, 'timestamp');
  const meta = readObject(signed.meta, role, 'meta');
  return {
    ...base,
    snapshot: parseFileMeta(meta['snapshot.json'], role, 'snapshot.json'),
    signedAt: parseSignedAt(signed.signed_at, base.expires),
  };
}

/** TUF §4.4. */
export function parseSnapshot(signed: JsonObject, role: string): Snapshot {
  const entries = Object.entries(readObject(signed.meta, role, 'meta'));
  return {
    ...parseBase(signed, role, 'snapshot'),
    meta: new Map(entries.map(([name, value]) => [name, parseFileMeta(value, role, name)])),
  };
}

/** TUF §4.5, the top-level role and every delegated one. */
export function parseTargets(signed: JsonObject, role: string): Targets {
  const base = parseBase(signed, role, 'targets');
  const targets = new Map<string, TargetFile>();
  const listed = readObject(signed.targets, role, 'targets');
  for (const path in listed) targets.set(path, parseTargetFile(listed[path], role, path));
  if (signed.delegations === undefined) return { ...base, targets, delegations: [], keys: new Map() };
  const delegations = readObject(signed.delegations, role, 'delegations');
  // Succinct delegations (TAP 15) are not supported: the paths they would cover are found nowhere.
  const roles =
    delegations.roles === undefined ? [] : readArray(delegations.roles, role, 'delegations.roles');
  requireBounded(roles.length, role, 'delegations.roles');
  const delegated = distinct(
    roles.map((value) => parseDelegatedRole(value, role)),
    role,
  );
  requireBounded(
    delegated.reduce((sum, { scope }) => sum + sizeOf(scope), 0),
    role,
    'paths',
  );
  return { ...base, targets, delegations: delegated, keys: parseKeys(delegations.keys, role) };
}

function parseBase(signed: JsonObject, role: string, type: string) {
  if (signed._type !== type) throw malformed(role, '_type', `"${type}"`);
  // Minor versions only add fields, which every reader must tolerate.
  if (!/^1(?:\.\d+){1,2}$/.test(readText(signed.spec_version, role, 'spec_version'))) {
    throw malformed(role, 'spec_version', 'a version 1 of the TUF specification');
  }
  return {
    version: readCount(signed.version, role, 'version', 1),
    expires: readInstant(signed.expires, role, 'expires'),
  };
}

/** Another repository may use the name for something else: what cannot be the time of signing is not one. */
function parseSignedAt(value: JsonValue | undefined, expires: number): number | null {
  const ms = typeof value === 'string' ? instantMs(value) : Number.NaN;
  return ms <= expires ? ms : null;
}

function parseKeys(value: JsonValue | undefined, role: string): ReadonlyMap<string, Key> {
  const entries = Object.entries(readObject(value, role, 'keys'));
  requireBounded(entries.length, role, 'keys');
  return new Map(entries.map(([keyid, key]) => [keyid, parseKey(readObject(key, role, keyid), role)]));
}

function parseKey(key: JsonObject, role: string): Key {
  const keyval = readObject(key.keyval, role, 'keyval');
  return {
    keytype: readText(key.keytype, role, 'keytype'),
    scheme: readText(key.scheme, role, 'scheme'),
    public: typeof keyval.public === 'string' ? keyval.public : '',
  };
}

function parseRole(value: JsonValue | undefined, role: string, field: string): Role {
  const object = readObject(value, role, field);
  return {
    keyids: readTexts(object.keyids, role, 'keyids'),
    // A threshold of zero would be met by no signature at all.
    threshold: readCount(object.threshold, role, 'threshold', 1),
  };
}

function parseDelegatedRole(value: JsonValue, role: string): DelegatedRole {
  const object = readObject(value, role, 'delegations.roles');
  const name = readText(object.name, role, 'name');
  // A delegate called "root" would be stored over the root metadata.
  if (name === '' || TOP_LEVEL_ROLES.some((topLevel) => topLevel === name)) {
    throw malformed(role, 'name', 'a name that a delegated role may have');
  }
  const terminating = object.terminating;
  return {
    ...parseRole(object, role, name),
    name,
    terminating: terminating !== undefined && readBoolean(terminating, role, 'terminating'),
    scope: parseScope(object, role),
  };
}

function parseScope(object: JsonObject, role: string): DelegatedRole['scope'] {
  const { paths, path_hash_prefixes: prefixes } = object;
  if ((paths === undefined) === (prefixes === undefined)) {
    throw malformed(role, 'delegations.roles', 'roles with either "paths" or "path_hash_prefixes"');
  }
  return paths === undefined
    ? { kind: 'hash-prefixes', prefixes: readTexts(prefixes, role, 'path_hash_prefixes') }
    : { kind: 'paths', patterns: readTexts(paths, role, 'paths') };
}

function sizeOf(scope: DelegatedRole['scope']): number {
  return scope.kind === 'paths' ? scope.patterns.length : scope.prefixes.length;
}

function readTexts(value: JsonValue | undefined, role: string, field: string): readonly string[] {
  const texts = readArray(value, role, field);
  requireBounded(texts.length, role, field);
  return texts.map((text) => readText(text, role, field));
}

function requireBounded(count: number, role: string, field: string): void {
  if (count > MAX_LISTED) throw malformed(role, field, `a list of at most ${MAX_LISTED}`);
}

/** TUF §4.5: a role name stands once in a delegations object. */
function distinct(roles: readonly DelegatedRole[], role: string): readonly DelegatedRole[] {
  if (new Set(roles.map(({ name }) => name)).size !== roles.length) {
    throw malformed(role, 'delegations.roles', 'a list of distinct names');
  }
  return roles;
}

function parseTargetFile(value: JsonValue | undefined, role: string, path: string): TargetFile {
  const object = readObject(value, role, path);
  const notes = parseTargetNotes(object.custom);
  const length = readCount(object.length, role, path, 0);
  const hashes = parseHashes(object.hashes, role, path);
  return notes === null ? { length, hashes } : { length, hashes, notes };
}

function parseFileMeta(value: JsonValue | undefined, role: string, name: string): FileMeta {
  const object = readObject(value, role, name);
  const { length, hashes } = object;
  return {
    version: readCount(object.version, role, name, 1),
    length: length === undefined ? null : readCount(length, role, name, 1),
    hashes: hashes === undefined ? null : parseHashes(hashes, role, name),
  };
}

function parseHashes(value: JsonValue | undefined, role: string, name: string): Hashes {
  const hashes = new Map<string, string>();
  const object = readObject(value, role, name);
  for (const algorithm in object) hashes.set(algorithm, readHash(object[algorithm], role, name));
  if (hashes.size === 0) throw malformed(role, name, 'an entry with a hash');
  return hashes;
}

/** Hashes stand in URLs and file names: nothing but digits may get there. */
function readHash(value: JsonValue | undefined, role: string, name: string): string {
  const hash = readText(value, role, name).toLowerCase();
  if (!/^[0-9a-f]+$/.test(hash)) throw malformed(role, name, 'an entry with hexadecimal hashes');
  return hash;
}
