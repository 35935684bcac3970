// The documents behind target paths: each kind where it belongs, and saying what its path promises.
import { instantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { type Advisory, advisory } from '../../shared/schema/advisory.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { type Release, release } from '../../shared/schema/release.ts';
import { advisoryPath, haltPath, refOf, releasePath, rolloutPath } from '../../shared/schema/release-ref.ts';
import { type Halt, halt, MAX_HALT_MS, type Rollout, rollout } from '../../shared/schema/rollout.ts';

export type TargetDocument =
  | { readonly kind: 'release'; readonly document: Release }
  | { readonly kind: 'rollout'; readonly document: Rollout }
  | { readonly kind: 'advisory'; readonly document: Advisory }
  | { readonly kind: 'halt'; readonly document: Halt };

/** Errors: document/invalid, json/*, publication/wrong-document. */
export function parseTargetDocument(path: string, bytes: Uint8Array): TargetDocument {
  const target = parseByFolder(path, bytes);
  const expected = pathOf(target);
  if (expected !== path) throw wrong(path, `it belongs at ${expected}`);
  if (target.kind === 'halt') verifyHaltIsShort(path, target.document);
  return target;
}

function parseByFolder(path: string, bytes: Uint8Array): TargetDocument {
  switch (path.split('/')[0]) {
    case 'platform':
    case 'suites':
    case 'capabilities':
      return { kind: 'release', document: parseDocumentBytes(release, bytes, path) };
    case 'rollouts':
      return { kind: 'rollout', document: parseDocumentBytes(rollout, bytes, path) };
    case 'advisories':
      return { kind: 'advisory', document: parseDocumentBytes(advisory, bytes, path) };
    case 'halts':
      return { kind: 'halt', document: parseDocumentBytes(halt, bytes, path) };
    default:
      throw wrong(path, 'no kind of document has its place there');
  }
}

function pathOf(target: TargetDocument): string {
  switch (target.kind) {
    case 'release':
      return releasePath(refOf(target.document));
    case 'rollout':
      return rolloutPath(target.document.track, target.document.release);
    case 'advisory':
      return advisoryPath(target.document.id);
    case 'halt':
      return haltPath(target.document.digest);
  }
}

function verifyHaltIsShort(path: string, { issued, expires }: Halt): void {
  const ms = instantMs(expires) - instantMs(issued);
  if (ms <= 0 || ms > MAX_HALT_MS) throw wrong(path, 'a halt is valid for at most 72 hours');
}

function wrong(path: string, problem: string): FairleadError {
  return new FairleadError('publication/wrong-document', { path, problem });
}
