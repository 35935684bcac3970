// The receipt of a server for the head of an install's log: each side signs for nothing but what it saw, and keeps the other's head.
import { z } from 'zod';
import { canonicalize } from '../encoding/canonical.ts';
import { instantMs } from '../encoding/instant.ts';
import type { JsonObject } from '../encoding/json.ts';
import { isFairleadError } from '../errors/error.ts';
import { digest, instant, line } from '../schema/common.ts';
import { parseNewerBytes } from '../schema/newer-document.ts';
import { type DsseEnvelope, dsseEnvelope, openEnvelope } from '../trust/dsse.ts';
import { loadKey, type VerificationKey } from '../trust/key.ts';
import type { Root } from '../trust/metadata.ts';

/** A log up to its nth entry, by the digest of that one. */
export const ledgerHead = z.strictObject({ count: z.int().min(1), digest });
export type LedgerHead = z.output<typeof ledgerHead>;

/** What a report says of the log of its install. */
export const ledgerClaim = z.strictObject({
  ...ledgerHead.shape,
  /** The server's head in the last receipt that is kept here, and its time: the server holds it against its log. */
  seen: z.strictObject({ ...ledgerHead.shape, at: instant }).nullable(),
  /** The state of this install came out of a backup since its last report: its log lost what was written after that. */
  restored: z.literal(true).optional(),
});
export type LedgerClaim = z.output<typeof ledgerClaim>;

export const RECEIPT_TYPE = 'application/vnd.fairlead.receipt+json';

export const receipt = z.strictObject({
  schema: z.literal('fairlead/receipt@1'),
  instance: line,
  /** By the server's clock. */
  at: instant,
  /** As the report said it. */
  agent: ledgerHead,
  /** The server's own log when the report was on its disk. */
  server: ledgerHead,
  /** What the server's log says now at the entry that the report named as seen; null digest: it does not reach that far. */
  seen: z.strictObject({ count: z.int().min(1), digest: digest.nullable() }).nullable(),
  /** When this server came out of backups, oldest first, and how many entries of its log came with each. */
  restored: z.array(z.strictObject({ at: instant, count: z.int().min(0) })).optional(),
});
export type Receipt = z.output<typeof receipt>;
/** What a receipt says beside the install and the time. */
export type Witnessed = Omit<Receipt, 'schema' | 'instance' | 'at'>;
export type Restores = NonNullable<Receipt['restored']>;

/** The restore with which an entry of the server's log went: it was shown before that, and lies beyond what came back. */
export function findRestore(
  restores: Restores,
  { count, at }: { readonly count: number; readonly at: string },
): Restores[number] | null {
  return restores.find((one) => count > one.count && instantMs(at) <= instantMs(one.at)) ?? null;
}

/** The bytes that are signed. */
export function encodeReceipt(content: Receipt): Uint8Array {
  return canonicalize(content as unknown as JsonObject);
}

/** Those that sign receipts: the keys of the role timestamp, which the server holds and every agent knows from its root. */
export function receiptKeys(roots: readonly Root[]): ReadonlyMap<string, VerificationKey> {
  const keys = new Map<string, VerificationKey>();
  for (const { roles, keys: known } of roots) {
    for (const keyid of roles.timestamp.keyids) {
      const key = known.get(keyid);
      const loaded = key === undefined ? null : loadKey(key);
      if (loaded !== null) keys.set(keyid, loaded);
    }
  }
  return keys;
}

/** Null where none of these keys signed it, or what was signed is no receipt. */
export function openReceipt(
  envelope: DsseEnvelope,
  keys: ReadonlyMap<string, VerificationKey>,
): Receipt | null {
  return openEnvelope(envelope, RECEIPT_TYPE, keys) === null ? null : readReceipt(envelope);
}

/** Of one that was opened when it was kept; null for what cannot be one. */
export function readReceipt({ payload }: DsseEnvelope): Receipt | null {
  try {
    return parseNewerBytes(receipt, Buffer.from(payload, 'base64'), 'a receipt of the server');
  } catch (error) {
    if (isFairleadError(error)) return null;
    throw error;
  }
}

/** GET /v1/audit/receipts: what the server signed of both logs, oldest first. */
export const receiptsReply = z.strictObject({
  schema: z.literal('fairlead/receipts-list@1'),
  receipts: z.array(dsseEnvelope),
});
export type ReceiptsReply = z.output<typeof receiptsReply>;

/** GET /v1/audit/roots: bytes of the root metadata whose keys signed them, in base64. Not everybody who may ask may read the disk. */
export const rootsReply = z.strictObject({
  schema: z.literal('fairlead/roots@1'),
  roots: z.array(z.string()),
});
export type RootsReply = z.output<typeof rootsReply>;

/** GET /api/v1/instances/{id}/heads: where its log ended when it said so, by the server's clock, the newest first. */
export const headsReply = z.object({
  heads: z.array(z.object({ ...ledgerHead.shape, at: instant })),
});
export type HeadsReply = z.output<typeof headsReply>;
