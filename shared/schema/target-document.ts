// The documents behind target paths: which kind a path holds, read strictly, and the path where its content belongs.
import { type Advisory, advisory } from './advisory.ts';
import { type AdvisoryDetails, advisoryDetails } from './advisory-details.ts';
import { MIRRORS_PATH, type Mirrors, mirrors } from './mirrors.ts';
import { type OrderTerms, orderTerms } from './order-terms.ts';
import { parseDocumentBytes } from './parse-document.ts';
import { type Release, release } from './release.ts';
import {
  advisoryDetailsPath,
  advisoryPath,
  haltPath,
  haltScopePath,
  orderTermsPath,
  refOf,
  releasePath,
  rolloutPath,
} from './release-ref.ts';
import { type Halt, type HaltScope, halt, haltScope, type Rollout, rollout } from './rollout.ts';

export type TargetDocument =
  | { readonly kind: 'release'; readonly document: Release }
  | { readonly kind: 'rollout'; readonly document: Rollout }
  | { readonly kind: 'advisory'; readonly document: Advisory }
  | { readonly kind: 'order-terms'; readonly document: OrderTerms }
  | { readonly kind: 'advisory-details'; readonly document: AdvisoryDetails }
  | { readonly kind: 'halt'; readonly document: Halt }
  | { readonly kind: 'halt-scope'; readonly document: HaltScope }
  | { readonly kind: 'mirrors'; readonly document: Mirrors };

/** Null for a path where no kind of document has its place. Errors: json/*, document/invalid. */
export function parseTargetDocument(path: string, bytes: Uint8Array): TargetDocument | null {
  if (path === MIRRORS_PATH) return { kind: 'mirrors', document: parseDocumentBytes(mirrors, bytes, path) };
  switch (/^([^/]*)\/./.exec(path)?.[1]) {
    case 'platform':
    case 'suites':
    case 'capabilities':
      return { kind: 'release', document: parseDocumentBytes(release, bytes, path) };
    case 'rollouts':
      return { kind: 'rollout', document: parseDocumentBytes(rollout, bytes, path) };
    case 'advisories':
      if (path.endsWith('.terms.json')) {
        return { kind: 'order-terms', document: parseDocumentBytes(orderTerms, bytes, path) };
      }
      if (path.endsWith('.details.json')) {
        return { kind: 'advisory-details', document: parseDocumentBytes(advisoryDetails, bytes, path) };
      }
      return { kind: 'advisory', document: parseDocumentBytes(advisory, bytes, path) };
    case 'halts':
      if (path.endsWith('.scope.json')) {
        return { kind: 'halt-scope', document: parseDocumentBytes(haltScope, bytes, path) };
      }
      return { kind: 'halt', document: parseDocumentBytes(halt, bytes, path) };
    default:
      return null;
  }
}

/** Keys that may sign one path must not make a document count as another: it is held against the path it was found at. */
export function placeOf(target: TargetDocument): string {
  switch (target.kind) {
    case 'release':
      return releasePath(refOf(target.document));
    case 'rollout':
      return rolloutPath(target.document.track, target.document.release);
    case 'advisory':
      return advisoryPath(target.document.id);
    case 'order-terms':
      return orderTermsPath(target.document.advisory);
    case 'advisory-details':
      return advisoryDetailsPath(target.document.advisory);
    case 'halt':
      return haltPath(target.document.digest);
    case 'halt-scope':
      return haltScopePath(target.document.digest);
    case 'mirrors':
      return MIRRORS_PATH;
  }
}
