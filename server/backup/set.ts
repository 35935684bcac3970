// What a backup says about itself: the document that is written last, and makes one of what stands there.
import { z } from 'zod';
import { utf8 } from '../../shared/encoding/bytes.ts';
import type { JsonLimits } from '../../shared/encoding/json.ts';
import { digest, instant, line } from '../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import type { BackupPlace } from './place.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const head = z.strictObject({ count: z.int().min(0), digest: digest.nullable() });

const backupSet = z.strictObject({
  schema: z.literal('fairlead/backup@1'),
  at: instant,
  /** Of the program that made it. */
  version: line,
  /** Digest of the first entry of the fleet's audit log. */
  first: digest,
  /** Where the audit log stood in the copy. */
  audit: head,
  /** Null where the fleet is in PostgreSQL, which has backups of its own. */
  database: z.strictObject({ name: line, bytes: z.int().min(0), sha256 }).nullable(),
  /** Small files of the directory: sealed keys, marks. */
  files: z.array(
    z.strictObject({ name: z.string().regex(/^(?:keys\/)?[\w-][\w.-]{0,99}$/), bytes: z.base64() }),
  ),
  repository: z.strictObject({
    list: z.string().regex(/^[0-9a-f]{32}$/),
    /** Base64; null before the first publication. */
    timestamp: z.base64().nullable(),
  }),
});

export type BackupSet = z.output<typeof backupSet>;

/** A file of the repository, and where it stands at the place. */
const copiedFile = z.tuple([
  /** As the repository calls it. */
  z.string().regex(/^repository\/(?:metadata|targets|packs)(?:\/[A-Za-z0-9_~@+^-][A-Za-z0-9_.~@+^-]*){1,8}$/),
  /** The repository's tag of it when it was copied. */
  z.string().max(300),
  z.string().regex(/^files\/[0-9a-f]{2}\/[0-9a-f]{64}$/),
  z.int().min(0),
  sha256,
]);

export type CopiedFile = z.output<typeof copiedFile>;

const fileList = z.strictObject({ schema: z.literal('fairlead/backup-files@1'), files: z.array(copiedFile) });

/** Half a million files. */
const LIST_LIMITS: JsonLimits = { maxBytes: 256 * 2 ** 20, maxDepth: 8, maxNodes: 4_000_000 };

export function encodeSet(set: Omit<BackupSet, 'schema'>): Uint8Array {
  return utf8(JSON.stringify({ schema: 'fairlead/backup@1', ...set }));
}

export function encodeList(files: readonly CopiedFile[]): Uint8Array {
  return utf8(JSON.stringify({ schema: 'fairlead/backup-files@1', files }));
}

/** Errors: backup/*, document/invalid. */
export async function readSet(place: BackupPlace, name: string): Promise<BackupSet> {
  return parseDocumentBytes(backupSet, await place.get(name), name, LIST_LIMITS);
}

/** Errors: as above. */
export async function readList(place: BackupPlace, name: string): Promise<readonly CopiedFile[]> {
  return parseDocumentBytes(fileList, await place.get(name), name, LIST_LIMITS).files;
}
