// Since when this install has seen each digest halted, and each order beside a halt: what bounds a halt's power over forced patches.

import { z } from 'zod';
import { openCritical } from '../../../shared/compile/exposure.ts';
import { activeHalts } from '../../../shared/compile/halts.ts';
import type { Catalog } from '../../../shared/compile/releases.ts';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestFromHex, hexOf } from '../../../shared/encoding/digest.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { orNull } from '../../../shared/errors/error.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { DocumentCache } from '../../ports/state.ts';
import { collectCatalog, type DocumentRef, parseEntry, readDocument } from './documents.ts';

const sightings = z.strictObject({
  schema: z.literal('fairlead/halted@1'),
  /** SHA-256 of a release manifest, in hexadecimal, to milliseconds. */
  since: z.record(z.string().regex(/^[0-9a-f]{64}$/), z.int()),
  /** Ids of advisories, to milliseconds. */
  orders: z.record(z.string().max(200), z.int()).optional(),
});

export interface Sightings {
  readonly digests: ReadonlyMap<Digest, EpochMs>;
  readonly orders: ReadonlyMap<string, EpochMs>;
}

export const NO_SIGHTINGS: Sightings = { digests: new Map(), orders: new Map() };

/** Damaged bytes say nothing: a halt then counts anew. */
export function parseSightings(bytes: Uint8Array | null): Sightings {
  const parsed = bytes === null ? null : orNull(() => parseDocumentBytes(sightings, bytes, 'the sightings'));
  return {
    digests: new Map(Object.entries(parsed?.since ?? {}).map(([hex, at]) => [digestFromHex(hex), at])),
    orders: new Map(Object.entries(parsed?.orders ?? {})),
  };
}

export function formatSightings({ digests, orders }: Sightings): Uint8Array {
  const since = Object.fromEntries([...digests].map(([digest, at]) => [hexOf(digest), at]));
  const more = orders.size === 0 ? {} : { orders: Object.fromEntries(orders) };
  return utf8(`${JSON.stringify({ schema: 'fairlead/halted@1', since, ...more })}\n`);
}

/**
 * Adds what is halted now, of what is released, and the orders that stand beside a halt in force. What was seen stays as long
 * as its release or advisory is listed: a halt that goes and comes back counts from its first day. A sighting in the future
 * was made by a clock that has been set since.
 */
export function addSightings(
  known: Sightings,
  listed: readonly DocumentRef[],
  halted: readonly string[],
  now: EpochMs,
): Sightings {
  const halts = pathsIn(listed, 'halts/').flatMap((path) => HALT_PATH.exec(path)?.[1] ?? []);
  const ids = new Set(pathsIn(listed, 'advisories/').flatMap((path) => ADVISORY_PATH.exec(path)?.[1] ?? []));
  const asked = new Set([...halts, ...[...known.digests.keys()].map(hexOf)]);
  const released = new Set(
    asked.size === 0 ? [] : listed.filter(({ sha256 }) => asked.has(sha256)).map(({ sha256 }) => sha256),
  );
  return {
    digests: extended(
      [...known.digests].filter(([digest]) => released.has(hexOf(digest))),
      halts.filter((hex) => released.has(hex)).map(digestFromHex),
      now,
    ),
    orders: extended(
      [...known.orders].filter(([id]) => ids.has(id)),
      halted,
      now,
    ),
  };
}

const HALT_PATH = /^halts\/([0-9a-f]{64})\.json$/;
const ADVISORY_PATH = /^advisories\/(.+)\.json$/;

function pathsIn(listed: readonly DocumentRef[], folder: string): readonly string[] {
  return listed.filter(({ path }) => path.startsWith(folder)).map(({ path }) => path);
}

function extended<Key>(
  kept: readonly (readonly [Key, EpochMs])[],
  added: readonly Key[],
  now: EpochMs,
): ReadonlyMap<Key, EpochMs> {
  const since = new Map(kept.map(([key, at]) => [key, Math.min(at, now)]));
  for (const key of added) if (!since.has(key)) since.set(key, now);
  return since;
}

/** The open critical advisories that are listed while a halt of anything is in force. */
export async function ordersBesideHalts(
  documents: DocumentCache,
  listed: readonly DocumentRef[],
  now: EpochMs,
): Promise<readonly string[]> {
  if (!listed.some(({ path }) => path.startsWith('halts/'))) return [];
  const entries = [];
  for (const ref of listed) {
    if (!/^(?:halts|advisories)\//.test(ref.path)) continue;
    const bytes = await readDocument(documents, ref);
    const entry = bytes === null ? null : orNull(() => parseEntry(ref.path, bytes));
    if (entry !== null) entries.push(entry);
  }
  return ordersBeside(collectCatalog(entries), now);
}

/** The same of what is read already. */
export function ordersBeside(
  { advisories, halts }: Pick<Catalog, 'advisories' | 'halts'>,
  now: EpochMs,
): readonly string[] {
  return activeHalts(halts, now).size === 0 ? [] : openCritical(advisories).map(({ id }) => id);
}

export function isSameSightings(a: Sightings, b: Sightings): boolean {
  return isSameMap(a.digests, b.digests) && isSameMap(a.orders, b.orders);
}

function isSameMap<Key>(a: ReadonlyMap<Key, EpochMs>, b: ReadonlyMap<Key, EpochMs>): boolean {
  return a.size === b.size && [...a].every(([key, at]) => b.get(key) === at);
}
