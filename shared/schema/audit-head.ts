// Where an audit log's chain stands: kept beside the log, or on paper, it betrays a cut-off end.
import { z } from 'zod';
import { digest } from './common.ts';

/** How many lines, and the digest of the last. */
export const auditHead = z.strictObject({
  schema: z.literal('fairlead/audit-head@1'),
  count: z.int().min(0),
  digest: digest.nullable(),
});
export type AuditHead = z.output<typeof auditHead>;

export const EMPTY_AUDIT: AuditHead = { schema: 'fairlead/audit-head@1', count: 0, digest: null };

/** `812:sha256:…`, short enough to be kept on paper. */
export function formatCheckpoint({ count, digest: last }: AuditHead): string {
  return `${count}:${last ?? 'none'}`;
}

/** Null for text that is no checkpoint. */
export function parseCheckpoint(text: string): AuditHead | null {
  const [, count, last] = /^(\d{1,9}):(none|sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  if (count === undefined || last === undefined) return null;
  const parsed = auditHead.safeParse({
    schema: 'fairlead/audit-head@1',
    count: Number(count),
    digest: last === 'none' ? null : last,
  });
  return parsed.success ? parsed.data : null;
}
