// From verified documents to the catalog: which paths are read, and that a document is what its path says.
import type { Catalog } from '../../../shared/compile/catalog.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type Advisory, advisory } from '../../../shared/schema/advisory.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { type Release, release, type Verified } from '../../../shared/schema/release.ts';
import {
  advisoryPath,
  haltPath,
  refOf,
  releasePath,
  rolloutPath,
} from '../../../shared/schema/release-ref.ts';
import { type Halt, halt, type Rollout, rollout } from '../../../shared/schema/rollout.ts';

/** One document in its place. */
export type CatalogEntry =
  | { readonly kind: 'release'; readonly release: Verified<Release> }
  | { readonly kind: 'rollout'; readonly rollout: Rollout }
  | { readonly kind: 'advisory'; readonly advisory: Advisory }
  | { readonly kind: 'halt'; readonly halt: Halt };

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
  const { entry, place } = parseAnywhere(path, bytes);
  if (place === path) return entry;
  throw new FairleadError('trust/misplaced', { path, problem: `its content belongs at ${place}` });
}

export function collectCatalog(entries: readonly CatalogEntry[]): Catalog {
  return {
    releases: entries.flatMap((entry) => (entry.kind === 'release' ? [entry.release] : [])),
    rollouts: entries.flatMap((entry) => (entry.kind === 'rollout' ? [entry.rollout] : [])),
    advisories: entries.flatMap((entry) => (entry.kind === 'advisory' ? [entry.advisory] : [])),
    halts: entries.flatMap((entry) => (entry.kind === 'halt' ? [entry.halt] : [])),
  };
}

function parseAnywhere(
  path: string,
  bytes: Uint8Array,
): { readonly entry: CatalogEntry; readonly place: string } {
  switch (path.slice(0, path.indexOf('/'))) {
    case 'rollouts': {
      const document = parseDocumentBytes(rollout, bytes, path);
      const place = rolloutPath(document.track, document.release);
      return { entry: { kind: 'rollout', rollout: document }, place };
    }
    case 'advisories': {
      const document = parseDocumentBytes(advisory, bytes, path);
      return { entry: { kind: 'advisory', advisory: document }, place: advisoryPath(document.id) };
    }
    case 'halts': {
      const document = parseDocumentBytes(halt, bytes, path);
      return { entry: { kind: 'halt', halt: document }, place: haltPath(document.digest) };
    }
    default: {
      const document = parseDocumentBytes(release, bytes, path);
      const verified = { document, bytes, digest: digestOf(bytes) };
      return { entry: { kind: 'release', release: verified }, place: releasePath(refOf(document)) };
    }
  }
}
