// Publication: how the vendor's program hands signed metadata, documents and change records to the release server.
import { z } from 'zod';
import { changeRecord } from '../change/change.ts';
import { instant, line } from '../schema/common.ts';
import type { PatchEnds } from './patches.ts';

/** Exact bytes, base64. */
const bytes = z.base64();

/**
 * Repeating it changes nothing. The server accepts all of it or none: it verifies the
 * metadata as a client would, finds every pack present, checks the changes' stages, then signs snapshot and timestamp.
 */
export const publicationRequest = z.strictObject({
  /** New root versions in order, then the top-level `targets` and the delegated roles that changed. */
  metadata: z.array(z.strictObject({ role: z.string().regex(/^[a-z][a-z0-9-]*$/), bytes })).max(64),
  /** New target documents by target path. */
  targets: z.array(z.strictObject({ path: z.string().max(512), bytes })).max(20_000),
  /** The change records behind new releases, whole; see shared/change/change.ts. */
  changes: z.array(changeRecord).max(10_000),
});

export const publicationReply = z.strictObject({
  snapshot: z.int().min(1),
  timestamp: z.int().min(1),
});

/** The public keys that the vendor's root must name for the server's two roles. */
export const onlineKeysReply = z.strictObject({
  /** Ed25519 public keys, hexadecimal. */
  snapshot: z.string().regex(/^[0-9a-f]{64}$/),
  timestamp: z.string().regex(/^[0-9a-f]{64}$/),
});

/** The public key by which the server halts rollouts, once the vendor's delegation names it; null where it has none. */
export const haltsKeyReply = z.object({
  halts: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});

/** Asks for a single-use code for one new instance. */
export const enrolmentRequest = z.strictObject({ name: line, customer: z.uuid().optional() });
export const enrolmentReply = z.object({ code: z.string(), name: line, expires: instant });

/** Where packs are uploaded (PUT, HEAD) and, below the repository, downloaded. */
export function packPath(treeHex: string): string {
  return `packs/${treeHex}/full.pack`;
}

/** Where the patch is that leads to a tree from another: beside the full pack. */
export function patchPath(toHex: string, fromHex: string): string {
  return `packs/${toHex}/${fromHex}.patch`;
}

const PATCH = /^packs\/([0-9a-f]{64})\/([0-9a-f]{64})\.patch$/;

/** The other way round; null for what is no path of a patch. */
export function parsePatchPath(path: string): PatchEnds | null {
  const [, treeHex, fromHex] = PATCH.exec(path) ?? [];
  return treeHex === undefined || fromHex === undefined ? null : { treeHex, fromHex };
}

export type PublicationRequest = z.output<typeof publicationRequest>;
export type PublicationReply = z.output<typeof publicationReply>;
export type OnlineKeysReply = z.output<typeof onlineKeysReply>;

/** Where the bill of materials of a tree is downloaded, below the repository: beside its pack, by its own digest. */
export function sbomPath(treeHex: string, sbomHex: string): string {
  return `packs/${treeHex}/${sbomHex}.cdx.json`;
}

/** Which code, without the code. */
export const enrolmentId = z.string().regex(/^[0-9a-f]{32}$/, { error: 'an enrolment’s id' });

/** Codes that nobody has redeemed; one that has expired may still be among them. */
export const enrolmentsReply = z.object({
  enrolments: z.array(
    z.object({
      id: enrolmentId,
      name: line,
      created: instant,
      expires: instant,
      customer: z.string().optional(),
    }),
  ),
});
export type OpenEnrolment = z.output<typeof enrolmentsReply>['enrolments'][number];
