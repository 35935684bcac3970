// Where the files of a server's directory are, those of a new one, and how far the audit log is known to stand.
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { writeDurably } from '../../shared/node/durable-file.ts';
import { readIfPresent, readTextIfPresent } from '../../shared/node/read-file.ts';
import { packPath } from '../../shared/protocol/publication.ts';
import { digest, line } from '../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';

export interface Layout {
  readonly dir: string;
  readonly database: string;
  /** Present where the tables are in a PostgreSQL database; see cli/home.ts. */
  readonly databaseMark: string;
  /** Held by the one process that signs here. */
  readonly lock: string;
  /** Sealed signing keys of the two online roles. */
  readonly keys: string;
  /** Present when `init` made the passphrase itself. */
  readonly passphrase: string;
  /** Where the audit log stood a while ago. */
  readonly auditCheckpoint: string;
  /** Packs on their way in. */
  readonly uploads: string;
  /** The publication that is being made visible; see commit.ts. */
  readonly commit: string;
  /** What the world may read, as it is: metadata, targets, packs. */
  readonly repository: string;
}

export function layoutOf(dir: string): Layout {
  return {
    dir,
    database: join(dir, 'fairlead.db'),
    databaseMark: join(dir, 'database.json'),
    lock: join(dir, 'lock.db'),
    keys: join(dir, 'keys'),
    passphrase: join(dir, 'passphrase'),
    auditCheckpoint: join(dir, 'audit-checkpoint.json'),
    uploads: join(dir, 'uploads'),
    commit: join(dir, 'commit.json'),
    repository: join(dir, 'repository'),
  };
}

export function metadataDirectory(layout: Layout): string {
  return join(layout.repository, 'metadata');
}

/** TUF §6: consistent snapshots put the version first; only the timestamp has one name for good. */
export function metadataFile(layout: Layout, role: string, version: number): string {
  return join(metadataDirectory(layout), `${version}.${role}.json`);
}

export function timestampFile(layout: Layout): string {
  return join(metadataDirectory(layout), 'timestamp.json');
}

/** TUF §6: the digest stands before the last part of the path. */
export function targetFile(layout: Layout, path: string, sha256: string): string {
  return join(layout.repository, 'targets', dirname(path), `${sha256}.${basename(path)}`);
}

export function packFile(layout: Layout, treeHex: string): string {
  return join(layout.repository, packPath(treeHex));
}

/** The one line of the file; `make` gives it when there is no file yet. */
export async function readOrWriteLine(path: string, make: () => string): Promise<string> {
  const text = await readTextIfPresent(path);
  if (text !== null) return text.trim();
  const line = make();
  await writeDurably(path, utf8(`${line}\n`));
  return line;
}

const checkpoint = z.strictObject({
  schema: z.literal('fairlead/audit-checkpoint@1'),
  /** How many entries there were. */
  count: z.int().min(1),
  /** Digest of the last of them. */
  digest,
});

export type AuditCheckpoint = Pick<z.output<typeof checkpoint>, 'count' | 'digest'>;

/** Null before the first. Errors: document/invalid, disk/unreadable. */
export async function readCheckpoint({ auditCheckpoint: path }: Layout): Promise<AuditCheckpoint | null> {
  const bytes = await readIfPresent(path);
  return bytes === null ? null : parseDocumentBytes(checkpoint, bytes, path);
}

export async function writeCheckpoint(
  { auditCheckpoint: path }: Layout,
  { count, digest }: AuditCheckpoint,
): Promise<void> {
  const document = { schema: 'fairlead/audit-checkpoint@1', count, digest };
  await writeDurably(path, utf8(`${JSON.stringify(document)}\n`));
}

const databaseMark = z.strictObject({
  schema: z.literal('fairlead/database@1'),
  /** Host and database, for people. */
  place: line,
  /** Digest of the first entry of its audit log: no other fleet has it. */
  first: digest,
});

export type DatabaseMark = Pick<z.output<typeof databaseMark>, 'place' | 'first'>;

/** Null where the tables are in the directory itself. Errors: document/invalid, disk/unreadable. */
export async function readDatabaseMark({ databaseMark: path }: Layout): Promise<DatabaseMark | null> {
  const bytes = await readIfPresent(path);
  return bytes === null ? null : parseDocumentBytes(databaseMark, bytes, path);
}

export async function writeDatabaseMark({ databaseMark: path }: Layout, mark: DatabaseMark): Promise<void> {
  await writeDurably(path, utf8(`${JSON.stringify({ schema: 'fairlead/database@1', ...mark })}\n`));
}
