// From verified documents to the catalog: which paths are read, and that a document is what its path says.
import type { Catalog } from '../../../shared/compile/releases.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { Release, Verified } from '../../../shared/schema/release.ts';
import { parseTargetDocument, placeOf, type TargetDocument } from '../../../shared/schema/target-document.ts';

/** One document in its place. */
export type CatalogEntry =
  | Exclude<TargetDocument, { readonly kind: 'release' }>
  | { readonly kind: 'release'; readonly document: Verified<Release> };

const PATHS = /^(?:platform|suites|capabilities|rollouts|advisories|halts)\/./;

/** Other targets of the repository are not the agent's business. */
export function isCatalogPath(path: string): boolean {
  return PATHS.test(path);
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

export function collectCatalog(entries: readonly CatalogEntry[]): Catalog {
  return {
    releases: entries.flatMap((entry) => (entry.kind === 'release' ? [entry.document] : [])),
    rollouts: entries.flatMap((entry) => (entry.kind === 'rollout' ? [entry.document] : [])),
    advisories: entries.flatMap((entry) => (entry.kind === 'advisory' ? [entry.document] : [])),
    halts: entries.flatMap((entry) => (entry.kind === 'halt' ? [entry.document] : [])),
  };
}
