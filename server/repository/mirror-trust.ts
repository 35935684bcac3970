// What another server's repository holds, proved from a root that came over a trusted way: TUF §5.3 to §5.6, by the rules that agents go by.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError, orNull } from '../../shared/errors/error.ts';
import { TOP_LEVEL_TARGETS } from '../../shared/trust/delegation.ts';
import {
  type FileMeta,
  MAX_METADATA_BYTES,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '../../shared/trust/metadata.ts';
import {
  delegateSigner,
  expectedTargets,
  type Signer,
  signerOf,
  verifyCachedSnapshot,
  verifyFresh,
  verifyInitialRoot,
  verifyNextRoot,
  verifySnapshot,
  verifyTargets,
  verifyTimestamp,
} from '../../shared/trust/rules.ts';
import type { NamedBytes } from './differences.ts';
import { metadataName, PUBLIC, publicName, TIMESTAMP } from './names.ts';
import type { Origin } from './origin.ts';
import type { MetadataFile } from './state.ts';

export interface Proved {
  /** In the order in which they may be written: each before what names it, the roots last. */
  readonly metadata: readonly NamedBytes[];
  readonly timestamp: MetadataFile<Timestamp>;
  readonly roles: readonly Targets[];
}

export interface Reading {
  readonly origin: Pick<Origin, 'read' | 'url'>;
  /** What the copy holds already; null where it does not. */
  readonly kept: (name: string) => Promise<Uint8Array | null>;
  readonly now: EpochMs;
}

const MOST_ROOTS = 1_024;
const MOST_DELEGATIONS = 64;

/** Nothing is written. Errors: trust/*, transport/*, and those of `kept`. */
export async function proveOrigin(initialRoot: Uint8Array, reading: Reading): Promise<Proved> {
  const { root, files } = await followRoots(initialRoot, reading);
  verifyFresh('root', root.expires, reading.now);
  const before = await readTrusted(root, reading);
  const bytes = await fetchFile(TIMESTAMP, MAX_METADATA_BYTES.timestamp, reading);
  const content = verifyTimestamp(root, before.timestamp, bytes);
  const isKept = content === before.timestamp && before.bytes !== null;
  const timestamp = { bytes: isKept ? (before.bytes ?? bytes) : bytes, content };
  verifyFresh('timestamp', content.expires, reading.now);
  const snapshot = await obtain(
    metadataName('snapshot', content.snapshot.version),
    capOf(content.snapshot, MAX_METADATA_BYTES.snapshot),
    (found) => verifySnapshot(root, content.snapshot, before.snapshot, found),
    reading,
  );
  verifyFresh('snapshot', snapshot.content.expires, reading.now);
  const roles = await proveRoles(root, snapshot.content, reading);
  return {
    metadata: [...roles.map(({ file }) => file), snapshot.file, ...files],
    timestamp,
    roles: roles.map(({ content: targets }) => targets),
  };
}

/** From the root that was given to the newest one, each signed by the quorum before it. */
async function followRoots(initial: Uint8Array, reading: Reading) {
  let root: Root = verifyInitialRoot(initial);
  const files: NamedBytes[] = [{ name: metadataName('root', root.version), bytes: initial }];
  for (let i = 0; i < MOST_ROOTS; i++) {
    const name = metadataName('root', root.version + 1);
    const trusted = root;
    const kept = await reading.kept(name);
    const isNext = kept !== null && orNull(() => verifyNextRoot(trusted, kept)) !== null;
    const bytes = isNext ? kept : await readOrigin(name, MAX_METADATA_BYTES.root, reading);
    if (bytes === null) break;
    root = verifyNextRoot(trusted, bytes);
    files.push({ name, bytes });
  }
  return { root, files };
}

/** What was shown before, where today's keys still say it: it is never taken back. */
async function readTrusted(root: Root, { kept }: Reading) {
  const bytes = await kept(TIMESTAMP);
  const timestamp = bytes === null ? null : orNull(() => verifyTimestamp(root, null, bytes));
  const found = timestamp === null ? null : await kept(metadataName('snapshot', timestamp.snapshot.version));
  const snapshot = found === null ? null : orNull(() => verifyCachedSnapshot(root, found));
  return { bytes, timestamp, snapshot };
}

/** Each role as every one of its delegators trusts it: a copy serves whoever comes by any of them. */
async function proveRoles(root: Root, snapshot: Snapshot, reading: Reading) {
  const proved = new Map<string, { readonly file: NamedBytes; readonly content: Targets }>();
  const queue: { readonly role: string; readonly signer: Signer }[] = [
    { role: TOP_LEVEL_TARGETS.role, signer: signerOf(root, 'targets') },
  ];
  const seen = new Set<string>();
  for (const { role, signer } of queue) {
    const edge = JSON.stringify([signer.name, role]);
    if (seen.has(edge) || seen.size >= MOST_DELEGATIONS) continue;
    seen.add(edge);
    const expected = expectedTargets(snapshot, role);
    const name = metadataName(role, expected.version);
    const found = await obtain(
      name,
      capOf(expected, MAX_METADATA_BYTES.targets),
      (bytes) => verifyTargets(role, signer, expected, bytes),
      reading,
    );
    verifyFresh(role, found.content.expires, reading.now);
    proved.set(role, found);
    for (const { name: next } of found.content.delegations) {
      const delegate = delegateSigner(role, found.content, next);
      if (delegate !== null) queue.push({ role: next, signer: delegate });
    }
  }
  // Delegates before those who name them.
  return [...proved.values()].reverse();
}

/** What the copy has already, where it is what was signed; else from the origin. */
async function obtain<Content>(
  name: string,
  maxBytes: number,
  verify: (bytes: Uint8Array) => Content,
  reading: Reading,
): Promise<{ readonly file: NamedBytes; readonly content: Content }> {
  const bytes = await reading.kept(name);
  const content = bytes === null ? null : orNull(() => verify(bytes));
  if (bytes !== null && content !== null) return { file: { name, bytes }, content };
  const fetched = await fetchFile(name, maxBytes, reading);
  return { file: { name, bytes: fetched }, content: verify(fetched) };
}

function capOf({ length }: FileMeta, cap: number): number {
  return Math.min(length ?? cap, cap);
}

/** Errors: transport/refused where there is none, trust/misplaced for a name that no copy can have. */
export async function fetchFile(name: string, maxBytes: number, reading: Reading): Promise<Uint8Array> {
  const bytes = await readOrigin(name, maxBytes, reading);
  if (bytes !== null) return bytes;
  const url = `${reading.origin.url}/${name.slice(PUBLIC.length)}`;
  throw new FairleadError('transport/refused', { url, status: 404, problem: 'signed metadata lists it' });
}

/** Names come from whoever signed: none leads out of the copy. */
export async function readOrigin(
  name: string,
  maxBytes: number,
  { origin }: Reading,
): Promise<Uint8Array | null> {
  const path = name.slice(PUBLIC.length);
  if (publicName(path) !== name) {
    throw new FairleadError('trust/misplaced', { path, problem: 'no file of a repository is called so' });
  }
  return await origin.read(path, maxBytes);
}
