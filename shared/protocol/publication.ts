// Publication: how the vendor's program hands signed metadata, documents and change records to the release server.
import { z } from 'zod';

/** Exact bytes, base64. */
const bytes = z.base64();

/**
 * POST /api/v1/publications. Repeating it changes nothing. The server accepts all of it or none: it verifies the
 * metadata as a client would, finds every pack present, checks the changes' stages, then signs snapshot and timestamp.
 */
export const publicationRequest = z.strictObject({
  /** New root versions in order, then the top-level `targets` and the delegated roles that changed. */
  metadata: z.array(z.strictObject({ role: z.string().regex(/^[a-z][a-z0-9-]*$/), bytes })).max(64),
  /** New target documents by target path. */
  targets: z.array(z.strictObject({ path: z.string().max(512), bytes })).max(20_000),
  /** The change records behind new releases, whole; see server/core/change.ts. */
  changes: z.array(z.unknown()).max(10_000),
});

export const publicationReply = z.strictObject({
  snapshot: z.int().min(1),
  timestamp: z.int().min(1),
});

/** GET /api/v1/online-keys: the public keys the vendor's root must name for the server's two roles. */
export const onlineKeysReply = z.strictObject({
  /** Ed25519 public keys, hexadecimal. */
  snapshot: z.string().regex(/^[0-9a-f]{64}$/),
  timestamp: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Where packs are uploaded (PUT, HEAD) and, below the repository, downloaded. */
export function packPath(treeHex: string): string {
  return `packs/${treeHex}/full.pack`;
}

export type PublicationRequest = z.output<typeof publicationRequest>;
export type PublicationReply = z.output<typeof publicationReply>;
export type OnlineKeysReply = z.output<typeof onlineKeysReply>;
