// The chain of an audit log, whoever keeps it: each entry names the digest of the one before it, and a checkpoint holds the end.

import { z } from 'zod';
import type { Digest } from '../encoding/digest.ts';
import { count } from '../errors/entry.ts';
import { digest } from './common.ts';

/** How many lines, and the digest of the last. */
export const auditHead = z.strictObject({
  schema: z.literal('fairlead/audit-head@1'),
  count: z.int().min(0),
  digest: digest.nullable(),
});
export type AuditHead = z.output<typeof auditHead>;

export const EMPTY_AUDIT: AuditHead = { schema: 'fairlead/audit-head@1', count: 0, digest: null };

/** What the chain sees of an entry. */
export interface Link {
  /** Where the entry says it stands, if its log has it say so; the first is 1. */
  readonly sequence?: number;
  /** Digest of the one before; null on the first. */
  readonly previous: string | null;
  /** Its own, computed from its bytes. */
  readonly digest: Digest;
}

/** Makes a log's own error of what is wrong at an entry. */
export type Broken = (entry: number, problem: string) => Error;

/** Where the chain stands after one more entry. */
export function advanceHead({ count }: Pick<AuditHead, 'count'>, last: Digest): AuditHead {
  return { ...EMPTY_AUDIT, count: count + 1, digest: last };
}

/** The same for an entry that is read. Throws `broken` where it does not continue the chain, or is another than `kept` saw. */
export function followLink(head: AuditHead, link: Link, kept: Checkpoint, broken: Broken): AuditHead {
  const next = advanceHead(head, link.digest);
  if ((link.sequence ?? next.count) !== next.count) throw broken(next.count, 'it is missing');
  if (link.previous !== head.digest) throw broken(next.count, 'it does not continue the entry before it');
  if (next.count === kept.count && next.digest !== kept.digest) {
    throw broken(next.count, 'it is another than when the checkpoint was written');
  }
  return next;
}

/** A log may be ahead of its checkpoint by what a crash left between the two; never behind. */
export function verifyReached(head: AuditHead, kept: Checkpoint, broken: Broken): void {
  if (head.count >= kept.count) return;
  throw broken(
    head.count + 1,
    `it is missing: the checkpoint counted ${count(kept.count, 'entry', 'entries')}`,
  );
}

/** Where a chain stood at a time: kept beside the log, or on paper, it betrays a cut-off end. */
export type Checkpoint = Pick<AuditHead, 'count'> & { readonly digest: string | null };

/** `812:sha256:…`, short enough to be kept on paper. */
export function formatCheckpoint({ count, digest: last }: AuditHead): string {
  return `${count}:${last ?? 'none'}`;
}

/** Null for text that is no checkpoint. Of a log without entries there is no last one, and of any other there is. */
export function parseCheckpoint(text: string): AuditHead | null {
  if (text === formatCheckpoint(EMPTY_AUDIT)) return EMPTY_AUDIT;
  const [, count, last] = /^([1-9]\d{0,14}):(sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  return last === undefined ? null : { ...EMPTY_AUDIT, count: Number(count), digest: last as Digest };
}
