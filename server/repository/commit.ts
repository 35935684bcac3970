// The commit of a publication: one small file, written once everything else is on disk, decides that it happened.
//
// Roots and timestamp are files of their own, and clients see each as soon as it is there. Between the two a client
// would find a new root with the old roles. So both are first written into the commit file; from then on the
// publication is finished forward, by this process or, after a kill, by the next one before it serves anything.
import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { changeRecord } from '../../shared/change/change.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { syncDirectory, type writeDurably } from '../../shared/node/durable-file.ts';
import { readIfPresent } from '../../shared/node/read-file.ts';
import { line } from '../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { parseEnvelope } from '../../shared/trust/metadata.ts';
import { parseTimestamp } from '../../shared/trust/parse-metadata.ts';
import { type Layout, metadataFile, timestampFile } from './layout.ts';

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

/** The seam where tests let a disk fail. */
export type WriteFile = typeof writeDurably;

const COMMIT_LIMITS = { maxBytes: 256 * 2 ** 20, maxDepth: 32, maxNodes: 10_000_000 };
/** What the world may read. */
export const PUBLIC_MODE = 0o644;

export async function writeCommit(layout: Layout, commit: Commit, write: WriteFile): Promise<void> {
  await write(layout.commit, utf8(JSON.stringify(commit)));
}

/** What makes a commit visible. */
export interface Finishing {
  readonly layout: Layout;
  readonly turn: Turn;
  readonly record: RecordCommit;
  readonly write: WriteFile;
}

/** The commit that an earlier turn left behind, if one did. Errors: those of `finishCommit`. */
export async function finishLeft(finishing: Finishing): Promise<void> {
  const commit = await readCommit(finishing.layout);
  if (commit !== null) await finishCommit(commit, finishing);
}

/** Makes the commit visible; may be repeated from any point. Errors: publication/overtaken, disk/*. */
export async function finishCommit(commit: Commit, finishing: Finishing): Promise<void> {
  const { layout, turn, record } = finishing;
  if (await mayFollow(layout, commit)) {
    // Before the first file that anybody sees: who lost the turn in the meantime leaves everything to who has it.
    await record(commit, turn);
    await show(commit, finishing);
  }
  // A process that was overtaken may have written its own in this place: that one is judged when it is read.
  if ((await readCommit(layout))?.id === commit.id) await rm(layout.commit, { force: true });
  await syncDirectory(layout.dir);
}

async function readCommit(layout: Layout): Promise<Commit | null> {
  const bytes = await readIfPresent(layout.commit);
  return bytes === null ? null : parseDocumentBytes(commitFile, bytes, layout.commit, COMMIT_LIMITS);
}

/** One that was planned on what is no longer there would take back what came between. */
async function mayFollow(layout: Layout, { follows, timestamp }: Commit): Promise<boolean> {
  if (follows === undefined || timestamp === null) return true;
  const shown = await readIfPresent(timestampFile(layout));
  const version = shown === null ? null : versionOf(shown);
  return version === follows || version === versionOf(Buffer.from(timestamp, 'base64'));
}

/** Of a timestamp's bytes. */
export function versionOf(timestamp: Uint8Array): number {
  return parseTimestamp(parseEnvelope(timestamp, 'timestamp').signed, 'timestamp').version;
}

async function show({ roots, timestamp }: Commit, { layout, write }: Finishing): Promise<void> {
  for (const root of roots) {
    await write(metadataFile(layout, 'root', root.version), Buffer.from(root.bytes, 'base64'), PUBLIC_MODE);
  }
  if (timestamp !== null) await write(timestampFile(layout), Buffer.from(timestamp, 'base64'), PUBLIC_MODE);
}
