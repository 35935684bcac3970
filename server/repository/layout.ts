// Where the files of a server's directory are, and the small ones among them: how far the audit log stood, and where database and repository are.
import { join } from 'node:path';
import { z } from 'zod';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { writeDurably } from '../../shared/node/durable-file.ts';
import { readIfPresent, readTextIfPresent } from '../../shared/node/read-file.ts';
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
  /** What the world may read, as it is, unless the repository is elsewhere: metadata, targets, packs. */
  readonly repository: string;
  /** Present where the repository is elsewhere; see cli/place.ts. */
  readonly repositoryMark: string;
  /** Present where a server that runs here keeps backups, and where. */
  readonly backupMark: string;
  /** Held by whoever makes a backup. */
  readonly backupLock: string;
  /** Held by whoever tries a restore. */
  readonly drillLock: string;
  /** What is on its way to the place of the backups. */
  readonly backupStaging: string;
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
    repository: join(dir, 'repository'),
    repositoryMark: join(dir, 'repository.json'),
    backupMark: join(dir, 'backup.json'),
    backupLock: join(dir, 'backup-lock.db'),
    drillLock: join(dir, 'drill-lock.db'),
    backupStaging: join(dir, 'backup-staging'),
  };
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

const repositoryMark = z.strictObject({
  schema: z.literal('fairlead/repository@1'),
  /** For people, and to be told from another place. */
  place: line,
});

/** Null where the repository is in the directory itself. Errors: document/invalid, disk/unreadable. */
export async function readRepositoryMark({ repositoryMark: path }: Layout): Promise<string | null> {
  const bytes = await readIfPresent(path);
  return bytes === null ? null : parseDocumentBytes(repositoryMark, bytes, path).place;
}

export async function writeRepositoryMark({ repositoryMark: path }: Layout, place: string): Promise<void> {
  await writeDurably(path, utf8(`${JSON.stringify({ schema: 'fairlead/repository@1', place })}\n`));
}

const backupMark = z.strictObject({
  schema: z.literal('fairlead/backup-place@1'),
  /** For people, and to be told from another place. */
  place: line,
});

/** Null where no backups are kept. Errors: document/invalid, disk/unreadable. */
export async function readBackupPlace({ backupMark: path }: Layout): Promise<string | null> {
  const bytes = await readIfPresent(path);
  return bytes === null ? null : parseDocumentBytes(backupMark, bytes, path).place;
}

export async function writeBackupPlace({ backupMark: path }: Layout, place: string): Promise<void> {
  await writeDurably(path, utf8(`${JSON.stringify({ schema: 'fairlead/backup-place@1', place })}\n`));
}
