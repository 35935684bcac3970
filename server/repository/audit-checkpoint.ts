// Where the audit log stood, kept outside the database: it betrays an end that was cut off, or a log of another day.
import { z } from 'zod';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { writeDurably } from '../../shared/node/durable-file.ts';
import { readIfPresent } from '../../shared/node/read-file.ts';
import { digest } from '../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import type { Layout } from './layout.ts';

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
