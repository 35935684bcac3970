// Target documents by their SHA-256: fetched once, verified at every reading, from a cache that may be lost; and what they are in the catalog.

import type { Catalog } from '../../../shared/compile/releases.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { DOCUMENT_LIMITS } from '../../../shared/encoding/json.ts';
import { FairleadError, orNull } from '../../../shared/errors/error.ts';
import { type ListedMirror, MIRRORS_PATH } from '../../../shared/schema/mirrors.ts';
import type { Release, Verified } from '../../../shared/schema/release.ts';
import { parseTargetDocument, placeOf, type TargetDocument } from '../../../shared/schema/target-document.ts';
import { verifyFile } from '../../../shared/trust/target.ts';
import type { TargetNotes } from '../../../shared/trust/target-notes.ts';
import type { RepositorySource } from '../../ports/server.ts';
import type { DocumentCache } from '../../ports/state.ts';

/** A document that verified metadata lists. */
export interface DocumentRef {
  readonly path: string;
  /** SHA-256, lower-case hexadecimal. */
  readonly sha256: string;
  readonly length: number;
  /** What is signed beside it. */
  readonly notes?: TargetNotes;
}

/** True when both name the same bytes in the same place. */
export function isSameDocument(a: DocumentRef | undefined, b: DocumentRef): boolean {
  return a === b || (a?.path === b.path && a.sha256 === b.sha256 && a.length === b.length);
}

/** From the disk alone: null when it is not there, or not what was signed. Error: disk/failed. */
export async function readDocument(cache: DocumentCache, ref: DocumentRef): Promise<Uint8Array | null> {
  const cached = await cache.read(ref.sha256);
  return cached === null ? null : orNull(() => verified(cached, ref));
}

export interface Obtained {
  /** Paths of those that are in the cache now. */
  readonly obtained: ReadonlySet<string>;
  /** Why the others are not. */
  readonly failures: readonly unknown[];
}

/**
 * An order without its terms forces everybody at once: whoever withholds the terms shall not gain that. Terms that came as they were signed and
 * cannot be read here are not missing: nobody without the key made them so, and a forced patch arrives (ADR 107).
 */
export function withTheirOrders(missing: readonly string[]): ReadonlySet<string> {
  return new Set(missing.flatMap((path) => [path, path.replace(/\.terms\.json$/, '.json')]));
}

const CONCURRENT_DOWNLOADS = 8;
const FEW = 64;

/** Brings as many as can be had into the cache, and tells of each. Failures: trust/*, transport/*, disk/*. */
export async function obtainAll(
  cache: DocumentCache,
  source: Pick<RepositorySource, 'document'>,
  refs: readonly DocumentRef[],
  onObtained: (ref: DocumentRef, bytes: Uint8Array) => void,
): Promise<Obtained> {
  const obtained = new Set<string>();
  const failures: unknown[] = [];
  // A new install has none of a long history: asking the disk for each would cost as much as writing it. For a few, the names of all would.
  const cached = refs.length <= FEW ? null : await cache.names();
  await forEachAtOnce(refs, CONCURRENT_DOWNLOADS, async (ref) => {
    try {
      const known = cached?.has(ref.sha256) !== false ? await readDocument(cache, ref) : null;
      onObtained(ref, known ?? (await obtain(cache, source, ref)));
      obtained.add(ref.path);
    } catch (error) {
      failures.push(error);
    }
  });
  return { obtained, failures };
}

/** Rids the cache of what is listed no longer: it looks at all of it once, and then where something `wentAway`. Error: disk/failed. */
export function createSweep() {
  let isDue = true;
  return async (cache: DocumentCache, listed: readonly DocumentRef[], wentAway: boolean): Promise<void> => {
    isDue ||= wentAway;
    if (!isDue) return;
    await cache.keepOnly(new Set(listed.map(({ sha256 }) => sha256)));
    isDue = false;
  };
}

/** A few at once; `act` does not throw what should stop the others. */
export async function forEachAtOnce<Item>(
  items: readonly Item[],
  limit: number,
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const work = async () => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: limit }, work));
}

async function obtain(
  cache: DocumentCache,
  source: Pick<RepositorySource, 'document'>,
  ref: DocumentRef,
): Promise<Uint8Array> {
  const maxBytes = Math.min(ref.length, DOCUMENT_LIMITS.maxBytes);
  const bytes = verified(await source.document(ref.path, ref.sha256, maxBytes), ref);
  await cache.write(ref.sha256, bytes);
  return bytes;
}

function verified(bytes: Uint8Array, { path, sha256, length }: DocumentRef): Uint8Array {
  verifyFile(bytes, { length, hashes: new Map([['sha256', sha256]]) }, path);
  return bytes;
}

/** One document in its place. */
export type CatalogEntry =
  | Exclude<TargetDocument, { readonly kind: 'release' }>
  | { readonly kind: 'release'; readonly document: Verified<Release> };

const PATHS = /^(?:platform|suites|capabilities|rollouts|advisories|halts)\/./;

/** Other targets of the repository are not the agent's business. */
export function isCatalogPath(path: string): boolean {
  return path === MIRRORS_PATH || PATHS.test(path);
}

/**
 * Keys that may sign one path must not make a document count as another. Errors: json/*, document/invalid,
 * trust/misplaced.
 */
export function parseEntry(path: string, bytes: Uint8Array): CatalogEntry {
  const parsed = parseTargetDocument(path, bytes);
  const place = parsed === null ? 'nowhere' : placeOf(parsed);
  if (parsed === null || place !== path) {
    throw new FairleadError('trust/misplaced', { path, problem: `its content belongs at ${place}` });
  }
  if (parsed.kind !== 'release') return parsed;
  return { ...parsed, document: { document: parsed.document, bytes, digest: digestOf(bytes) } };
}

/** What an order or a halt says in a document of its own is put to it. */
export function collectCatalog(entries: readonly CatalogEntry[], refs: readonly DocumentRef[] = []): Catalog {
  const notes = new Map<string, TargetNotes>();
  for (const { path, notes: said } of refs) if (said !== undefined) notes.set(path, said);
  const groups = Map.groupBy(entries, ({ kind }) => kind);
  const all = <Kind extends CatalogEntry['kind']>(kind: Kind) =>
    (groups.get(kind) ?? []).map(
      (entry) => entry.document as Extract<CatalogEntry, { kind: Kind }>['document'],
    );
  const terms = new Map(all('order-terms').map((one) => [one.advisory, one]));
  const details = new Map(all('advisory-details').map((one) => [one.advisory, one]));
  const scopes = new Map(all('halt-scope').map(({ digest, classes }) => [digest, classes]));
  return {
    ...(notes.size === 0 ? {} : { notes }),
    releases: all('release'),
    rollouts: all('rollout'),
    advisories: all('advisory').map((advisory) => {
      const [own, said] = [terms.get(advisory.id), details.get(advisory.id)];
      return {
        ...advisory,
        ...(own === undefined ? {} : { terms: own }),
        ...(said === undefined ? {} : { details: said }),
      };
    }),
    halts: all('halt').map((halt) => {
      const own = scopes.get(halt.digest);
      return own === undefined ? halt : { ...halt, classes: own };
    }),
  };
}

/** Of the vendor's signed list; none where there is no list. */
export function listedMirrors(entries: readonly CatalogEntry[]): readonly ListedMirror[] {
  return entries.flatMap(({ kind, document }) => (kind === 'mirrors' ? document.mirrors : []));
}
