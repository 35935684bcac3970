// Since when this install has seen each digest halted: what bounds a halt's power over a forced patch, kept on disk.
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestFromHex, hexOf } from '../../../shared/encoding/digest.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { DocumentRef } from './documents.ts';
import { orNull } from './root-chain.ts';

const sightings = z.strictObject({
  schema: z.literal('fairlead/halted@1'),
  /** SHA-256 of a release manifest, in hexadecimal, to milliseconds. */
  since: z.record(z.string().regex(/^[0-9a-f]{64}$/), z.int()),
});

export type Sightings = ReadonlyMap<Digest, EpochMs>;

/** Damaged bytes say nothing: a halt then counts anew. */
export function parseSightings(bytes: Uint8Array | null): Sightings {
  const parsed = bytes === null ? null : orNull(() => parseDocumentBytes(sightings, bytes, 'the sightings'));
  return new Map(Object.entries(parsed?.since ?? {}).map(([hex, at]) => [digestFromHex(hex), at]));
}

export function formatSightings(known: Sightings): Uint8Array {
  const since = Object.fromEntries([...known].map(([digest, at]) => [hexOf(digest), at]));
  return utf8(`${JSON.stringify({ schema: 'fairlead/halted@1', since })}\n`);
}

/**
 * Adds what is halted now, of what is released. What was seen stays as long as its release is listed: a halt that goes
 * and comes back counts from its first day. A sighting in the future was made by a clock that has been set since.
 */
export function addSightings(known: Sightings, listed: readonly DocumentRef[], now: EpochMs): Sightings {
  const releases = new Set(listed.map(({ sha256 }) => sha256));
  const halted = listed.flatMap(({ path }) => /^halts\/([0-9a-f]{64})\.json$/.exec(path)?.[1] ?? []);
  const kept = [...known].filter(([digest]) => releases.has(hexOf(digest)));
  const added = halted.map(digestFromHex).filter((digest) => releases.has(hexOf(digest)));
  const since = new Map(kept.map(([digest, at]) => [digest, Math.min(at, now)]));
  for (const digest of added) if (!since.has(digest)) since.set(digest, now);
  return since;
}
