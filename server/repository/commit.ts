// The commit of a publication: one small file, written once everything else is on disk, decides that it happened.
//
// Roots and timestamp are files of their own, and clients see each as soon as it is there. Between the two a client
// would find a new root with the old roles. So both are first written into the commit file; from then on the
// publication is finished forward, by this process or, after a kill, by the next one before it serves anything.
import { z } from 'zod';
import { changeRecord } from '../../shared/change/change.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { digest, instant, line } from '../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { parseEnvelope } from '../../shared/trust/metadata.ts';
import { parseTimestamp } from '../../shared/trust/parse-metadata.ts';
import { COMMIT, metadataName, TIMESTAMP } from './names.ts';
import type { RepositoryStore, Tag } from './store.ts';

/** A halt that the server signed by itself: what is written down when it comes out. */
const halted = z.strictObject({
  /** Of the release that it stops. */
  digest,
  release: line,
  change: line,
  /** For people; null for every install. */
  class: line.nullable(),
  reason: line,
  issued: instant,
  expires: instant,
  /** SHA-256 of the halt's bytes. */
  document: digest,
});
export type Halted = z.output<typeof halted>;

const commitFile = z.strictObject({
  schema: z.literal('fairlead/commit@1'),
  roots: z.array(z.strictObject({ version: z.int().min(1), bytes: z.base64() })),
  /** Null when only change records moved. */
  timestamp: z.base64().nullable(),
  /** The version of the timestamp that it follows; null for the first of all. */
  follows: z.int().min(1).nullable().optional(),
  /** Names the commit, so that finishing it twice records it once. */
  id: line,
  actor: line,
  changes: z.array(changeRecord),
  /** Paths of documents that are new with it, the first of many. */
  documents: z.array(z.string().max(500)).optional(),
  halted: z.array(halted).optional(),
});

export type Commit = z.output<typeof commitFile>;

/**
 * Keeps the change records and writes the audit entry, once for each commit id, while it is still our turn to publish.
 * Error: publication/overtaken.
 */
export type RecordCommit = (commit: Commit, turn: Turn) => Promise<void>;

/** One stay in the room where only one process is; see db/publishing.ts. */
export interface Turn {
  readonly id: string;
  /** To be asked before anything becomes visible. Error: publication/overtaken. */
  verify(): Promise<void>;
  /** This version or a higher one that nobody was given, in any turn. Error: publication/overtaken. */
  take(version: number): Promise<number>;
}

const COMMIT_LIMITS = { maxBytes: 256 * 2 ** 20, maxDepth: 32, maxNodes: 10_000_000 };

/** What makes a commit visible. */
export interface Finishing {
  readonly store: RepositoryStore;
  readonly turn: Turn;
  readonly record: RecordCommit;
}

/** Errors: publication/overtaken, and those of the store. */
export async function writeCommit(store: RepositoryStore, turn: Turn, commit: Commit): Promise<void> {
  await showUnder(COMMIT, utf8(JSON.stringify(commit)), { store, turn });
}

/**
 * Writes under a name that holds one thing after the other, while it is our turn. What a later turn writes comes after
 * `verify`, and then no longer is what stood there before: whoever slept through the end of its turn writes over nothing.
 * Errors: publication/overtaken, and those of the store.
 */
export async function showUnder(
  name: string,
  bytes: Uint8Array,
  { store, turn }: Pick<Finishing, 'store' | 'turn'>,
): Promise<void> {
  const before = await store.tagOf(name);
  await turn.verify();
  if (!(await store.replace(name, bytes, before))) throw new FairleadError('publication/overtaken', {});
}

/** The commit that an earlier turn left behind, if one did. Errors: those of `finishCommit`. */
export async function finishLeft(finishing: Finishing): Promise<void> {
  const left = await readCommit(finishing.store);
  if (left !== null) await finishCommit(left.commit, finishing);
}

/**
 * Makes the commit visible; may be repeated from any point. False where it was planned on what is no longer there: it is
 * dropped, and nobody may be told that it was published. Errors: publication/overtaken, and those of the store.
 */
export async function finishCommit(commit: Commit, finishing: Finishing): Promise<boolean> {
  const { store, turn, record } = finishing;
  const follows = await mayFollow(store, commit);
  if (follows) {
    // Before the first file that anybody sees: who lost the turn in the meantime leaves everything to who has it.
    await record(commit, turn);
    await show(commit, finishing);
  }
  // A process that was overtaken may have written its own in this place: that one is judged when it is read.
  const left = await readCommit(store);
  if (left?.commit.id === commit.id) await store.clear(COMMIT, left.tag);
  return follows;
}

/** Of bytes that were written as a commit. Errors: json/*, document/invalid. */
export function parseCommit(bytes: Uint8Array, name: string): Commit {
  return parseDocumentBytes(commitFile, bytes, name, COMMIT_LIMITS);
}

async function readCommit(
  store: RepositoryStore,
): Promise<{ readonly commit: Commit; readonly tag: Tag } | null> {
  const found = await store.read(COMMIT);
  if (found === null) return null;
  return { tag: found.tag, commit: parseCommit(found.bytes, COMMIT) };
}

/** One that was planned on what is no longer there would take back what came between. */
async function mayFollow(store: RepositoryStore, { follows, timestamp }: Commit): Promise<boolean> {
  if (follows === undefined || timestamp === null) return true;
  const shown = await store.read(TIMESTAMP);
  const version = shown === null ? null : versionOf(shown.bytes);
  return version === follows || version === versionOf(Buffer.from(timestamp, 'base64'));
}

/** Of a timestamp's bytes. */
export function versionOf(timestamp: Uint8Array): number {
  return parseTimestamp(parseEnvelope(timestamp, 'timestamp').signed, 'timestamp').version;
}

async function show({ roots, timestamp }: Commit, finishing: Finishing): Promise<void> {
  for (const root of roots) {
    await showUnder(metadataName('root', root.version), Buffer.from(root.bytes, 'base64'), finishing);
  }
  if (timestamp !== null) await showUnder(TIMESTAMP, Buffer.from(timestamp, 'base64'), finishing);
}
