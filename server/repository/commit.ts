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
import { type Layout, metadataFile, timestampFile } from './layout.ts';

const commitFile = z.strictObject({
  schema: z.literal('fairlead/commit@1'),
  roots: z.array(z.strictObject({ version: z.int().min(1), bytes: z.base64() })),
  /** Null when only change records moved. */
  timestamp: z.base64().nullable(),
  /** Names the commit, so that finishing it twice records it once. */
  id: line,
  actor: line,
  changes: z.array(changeRecord),
});

export type Commit = z.output<typeof commitFile>;

/** Keeps the change records and writes the audit entry, once for each commit id. */
export type RecordCommit = (commit: Commit) => Promise<void>;

/** The seam where tests let a disk fail. */
export type WriteFile = typeof writeDurably;

const COMMIT_LIMITS = { maxBytes: 256 * 2 ** 20, maxDepth: 32, maxNodes: 10_000_000 };
/** What the world may read. */
export const PUBLIC_MODE = 0o644;

export async function writeCommit(layout: Layout, commit: Commit, write: WriteFile): Promise<void> {
  await write(layout.commit, utf8(JSON.stringify(commit)));
}

/** Does what the commit file says and answers true, or there is none. May be repeated from any point. */
export async function finishCommit(layout: Layout, record: RecordCommit, write: WriteFile): Promise<boolean> {
  const bytes = await readIfPresent(layout.commit);
  if (bytes === null) return false;
  const commit = parseDocumentBytes(commitFile, bytes, layout.commit, COMMIT_LIMITS);
  for (const root of commit.roots) {
    await write(metadataFile(layout, 'root', root.version), Buffer.from(root.bytes, 'base64'), PUBLIC_MODE);
  }
  await record(commit);
  if (commit.timestamp !== null) {
    await write(timestampFile(layout), Buffer.from(commit.timestamp, 'base64'), PUBLIC_MODE);
  }
  await rm(layout.commit, { force: true });
  await syncDirectory(layout.dir);
  return true;
}
