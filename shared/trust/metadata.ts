// What the four kinds of TUF metadata say, once parsed, and the envelope they are signed in.
import { toHex, utf8 } from '../encoding/bytes.ts';
import { canonicalize } from '../encoding/canonical.ts';
import type { Digest } from '../encoding/digest.ts';
import type { EpochMs } from '../encoding/instant.ts';
import { type JsonLimits, type JsonObject, parseJson } from '../encoding/json.ts';
import { FairleadError, isFairleadError } from '../errors/error.ts';
import { sign } from './ed25519.ts';
import { malformed, readArray, readObject, readText } from './field.ts';
import type { Key, SigningKey } from './key.ts';
import type { TargetNotes } from './target-notes.ts';

export const TOP_LEVEL_ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const;
export type TopLevelRole = (typeof TOP_LEVEL_ROLES)[number];

const KIB = 1024;

/**
 * What is read of a file at most, whatever a list says. Ten thousand releases and their rollouts are five megabytes of targets;
 * a snapshot has a hundred bytes for each role.
 */
export const MAX_METADATA_BYTES = {
  root: 512 * KIB,
  timestamp: 16 * KIB,
  snapshot: 256 * KIB,
  targets: 16 * KIB * KIB,
} as const satisfies Record<TopLevelRole, number>;

export const METADATA_LIMITS: JsonLimits = {
  maxBytes: MAX_METADATA_BYTES.targets,
  maxDepth: 32,
  maxNodes: 1_000_000,
  minBytesPerNode: 16,
  maxNames: { shapes: 16_384, large: 80_000 },
};

/** Verifying one takes milliseconds: a hostile delegate could list, and sign with, a hundred thousand keys. */
const MAX_SIGNATURES = 256;

/** Who may sign for a role, and how many distinct keys must. */
export interface Role {
  readonly keyids: readonly string[];
  readonly threshold: number;
}

/** Hash algorithm → lower-case hexadecimal digest. */
export type Hashes = ReadonlyMap<string, string>;

/** TUF §4.4: what timestamp and snapshot say about a metadata file. */
export interface FileMeta {
  readonly version: number;
  readonly length: number | null;
  readonly hashes: Hashes | null;
}

interface SignedBase {
  readonly version: number;
  readonly expires: EpochMs;
}

export interface Root extends SignedBase {
  readonly consistentSnapshot: boolean;
  readonly keys: ReadonlyMap<string, Key>;
  readonly roles: Readonly<Record<TopLevelRole, Role>>;
}

export interface Timestamp extends SignedBase {
  readonly snapshot: FileMeta;
  /** Our server's extra field: when this timestamp was signed. Null from other repositories. */
  readonly signedAt: EpochMs | null;
}

export interface Snapshot extends SignedBase {
  /** By file name: `targets.json`, `<role>.json`. */
  readonly meta: ReadonlyMap<string, FileMeta>;
}

export interface TargetFile {
  readonly length: number;
  readonly hashes: Hashes;
  /** What the signers of this product say of it besides; nothing where they say nothing. */
  readonly notes?: TargetNotes;
}

export interface DelegatedRole extends Role {
  readonly name: string;
  readonly terminating: boolean;
  /** Which target paths the role may speak for (TUF §4.5). */
  readonly scope:
    | { readonly kind: 'paths'; readonly patterns: readonly string[] }
    | { readonly kind: 'hash-prefixes'; readonly prefixes: readonly string[] };
}

export interface Targets extends SignedBase {
  readonly targets: ReadonlyMap<string, TargetFile>;
  /** In order of precedence. */
  readonly delegations: readonly DelegatedRole[];
  /** The keys that `delegations` refer to. */
  readonly keys: ReadonlyMap<string, Key>;
  /** Of a long list in the form in which ours are written. */
  readonly outline?: Outline;
}

/** Where in a file each entry of `targets` stands: its end, and behind that a comma and the next. */
export interface Outline {
  /** Of the file's bytes: it says nothing about others. */
  readonly digest: Digest;
  readonly start: number;
  readonly ends: Uint32Array<ArrayBuffer>;
  /** Of the entries, in the order of `ends`; absent where `targets` has that order itself. */
  readonly paths?: readonly string[];
}

export interface Signature {
  readonly keyid: string;
  /** Hexadecimal; anything else verifies nothing. */
  readonly sig: string;
}

/** Signatures that nobody has looked at yet, and what they are over. */
export interface SignedPayload {
  /** The role it was asked for: names it in errors. */
  readonly role: string;
  readonly signatures: readonly Signature[];
  /** Canonical JSON of what is signed: the very bytes. */
  readonly payload: Uint8Array;
}

export interface Envelope extends SignedPayload {
  readonly signed: JsonObject;
}

/**
 * What a role lists of keys, delegations or patterns is asked again for every path or signature: each list has an end.
 */
export const MAX_LISTED = 1024;

/** Strict JSON and the shape of TUF §4.2, nothing of the content. Error: trust/malformed. */
export function parseEnvelope(bytes: Uint8Array, role: string): Envelope {
  const envelope = readObject(parseStrict(bytes, role), role, 'the file');
  const signed = readObject(envelope.signed, role, 'signed');
  const signatures = parseSignatures(envelope, role);
  return { role, signed, signatures, payload: canonicalize(signed, bytes.length) };
}

/** Error: trust/malformed. */
export function parseSignatures(envelope: JsonObject, role: string): readonly Signature[] {
  const signatures = readArray(envelope.signatures, role, 'signatures').map((value) => {
    const signature = readObject(value, role, 'signatures');
    return { keyid: readText(signature.keyid, role, 'keyid'), sig: readText(signature.sig, role, 'sig') };
  });
  if (new Set(signatures.map(({ keyid }) => keyid)).size !== signatures.length) {
    throw malformed(role, 'signatures', 'a list of distinct key ids');
  }
  if (signatures.length > MAX_SIGNATURES) {
    throw malformed(role, 'signatures', `a list of at most ${MAX_SIGNATURES}`);
  }
  return signatures;
}

/** The file that carries `signed` and one signature of each key. */
export function signMetadata(signed: JsonObject, keys: readonly SigningKey[]): Uint8Array {
  const payload = canonicalize(signed);
  const signatures = keys.map((key) => signPayload(payload, key));
  return metadataFileOf(signed, payload, signatures);
}

/**
 * The file with these signatures of `payload`, the canonical JSON of `signed`: in that form, so that whoever has the version before
 * need not write it again; but where it holds control characters, which that form writes raw and no JSON parser reads.
 */
export function metadataFileOf(
  signed: JsonObject,
  payload: Uint8Array,
  signatures: readonly Signature[],
): Uint8Array {
  // As text: a long list is looked through byte by byte otherwise.
  if (CONTROLS.test(Buffer.from(payload).toString('latin1')))
    return utf8(`${JSON.stringify({ signatures, signed })}\n`);
  return Buffer.concat([utf8(`{"signatures":${JSON.stringify(signatures)},"signed":`), payload, utf8('}\n')]);
}

const CONTROLS = /[\x00-\x1f]/;

/** A key's signature over what `Envelope.payload` holds. */
export function signPayload(payload: Uint8Array, { keyid, secretKey }: SigningKey): Signature {
  return { keyid, sig: toHex(sign(secretKey, payload)) };
}

function parseStrict(bytes: Uint8Array, role: string) {
  try {
    return parseJson(bytes, `the metadata of ${role}`, METADATA_LIMITS);
  } catch (cause) {
    if (!isFairleadError(cause)) throw cause;
    throw new FairleadError('trust/malformed', { role, problem: cause.message }, { cause });
  }
}
