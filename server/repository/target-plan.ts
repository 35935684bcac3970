// A publication's documents: the bytes that were signed, spoken for by the right role, and fit to be deployed.
import { type Digest, digestFromHex, digestOf, hexOf } from '../../shared/encoding/digest.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { MIRRORS_PATH } from '../../shared/schema/mirrors.ts';
import type { Release } from '../../shared/schema/release.ts';
import { releasePath } from '../../shared/schema/release-ref.ts';
import type { Rollout } from '../../shared/schema/rollout.ts';
import { parseTargetDocument, placeOf, type TargetDocument } from '../../shared/schema/target-document.ts';
import type { TargetFile } from '../../shared/trust/metadata.ts';
import type { MetadataPlan } from './metadata-plan.ts';
import { type Roles, resolveIn } from './state.ts';

export interface SentTarget {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface PlannedTarget {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

export interface TargetPlan {
  readonly targets: readonly PlannedTarget[];
  /** The new releases among them: each needs its change. */
  readonly releases: readonly NewRelease[];
}

export interface NewRelease {
  readonly path: string;
  readonly digest: Digest;
  readonly document: Release;
}

export interface TargetContext {
  readonly published: Roles;
  /** A document left by an earlier attempt, by the digest in its name; null when there is none. */
  readonly readStored: (path: string, sha256: string) => Promise<Uint8Array | null>;
  readonly hasPack: (tree: Digest) => Promise<boolean>;
  readonly hasSbom: (tree: Digest, sbom: Digest) => Promise<boolean>;
}

/** Errors: publication/*, document/*. */
export async function planTargets(
  sent: readonly SentTarget[],
  metadata: MetadataPlan,
  context: TargetContext,
): Promise<TargetPlan> {
  const bytesByPath = new Map(sent.map(({ path, bytes }) => [path, bytes]));
  const targets: PlannedTarget[] = [];
  const releases: NewRelease[] = [];
  for (const { role, path, target } of newEntries(metadata, context.published)) {
    const sha256 = verifyEntry(role, path, target, metadata.roles);
    const bytes = bytesByPath.get(path) ?? (await context.readStored(path, sha256));
    if (bytes === null) throw new FairleadError('publication/missing-target', { role, path });
    verifyBytes(path, bytes, target, sha256);
    const parsed = parseInPlace(path, bytes);
    await verifyDocument(path, parsed, { sha256, target }, metadata.roles, context);
    if (parsed.kind === 'release') {
      releases.push({ path, digest: digestFromHex(sha256), document: parsed.document });
    }
    targets.push({ path, sha256, bytes });
  }
  verifyAllListed(sent, metadata.roles);
  return { targets, releases };
}

interface NewEntry {
  readonly role: string;
  readonly path: string;
  readonly target: TargetFile;
}

/** What the changed roles list and did not list before, or with other bytes. */
function* newEntries({ changed, roles }: MetadataPlan, published: Roles): Generator<NewEntry> {
  for (const role of changed) {
    const before = published.get(role)?.content.targets;
    for (const [path, target] of roles.get(role)?.content.targets ?? []) {
      const sha256 = target.hashes.get('sha256');
      if (sha256 === undefined || before?.get(path)?.hashes.get('sha256') !== sha256)
        yield { role, path, target };
    }
  }
}

/**
 * The role that lists a path must be the one where a client finds it: anything else would be dead letters today and,
 * after a change of delegations, somebody's words in another role's mouth. The top-level role delegates, and lists the mirrors.
 */
function verifyEntry(role: string, path: string, target: TargetFile, roles: Roles): string {
  const found = resolveIn(roles, path);
  if ((role === 'targets') !== (path === MIRRORS_PATH) || found.kind !== 'found' || found.role !== role) {
    throw new FairleadError('publication/path-not-allowed', { role, path });
  }
  const sha256 = target.hashes.get('sha256');
  if (sha256 === undefined) throw new FairleadError('publication/target-mismatch', { path });
  return sha256;
}

function verifyBytes(path: string, bytes: Uint8Array, target: TargetFile, sha256: string): void {
  if (bytes.length !== target.length || hexOf(digestOf(bytes)) !== sha256) {
    throw new FairleadError('publication/target-mismatch', { path });
  }
}

function parseInPlace(path: string, bytes: Uint8Array): TargetDocument {
  const parsed = parseTargetDocument(path, bytes);
  if (parsed === null) {
    throw new FairleadError('publication/wrong-document', {
      path,
      problem: 'no kind of document has its place there',
    });
  }
  const place = placeOf(parsed);
  if (place === path) return parsed;
  throw new FairleadError('publication/wrong-document', { path, problem: `it belongs at ${place}` });
}

async function verifyDocument(
  path: string,
  parsed: TargetDocument,
  { sha256, target }: { readonly sha256: string; readonly target: TargetFile },
  roles: Roles,
  context: TargetContext,
): Promise<void> {
  if (parsed.kind === 'rollout') verifyOffered(path, parsed.document, roles);
  if (parsed.kind !== 'release') return;
  const before = resolveIn(context.published, path);
  if (before.kind === 'found' && before.target.hashes.get('sha256') !== sha256) {
    throw new FairleadError('publication/released-already', { path });
  }
  if (parsed.document.schema !== 'fairlead/capability@1') return;
  const tree = parsed.document.tree.digest;
  if (!(await context.hasPack(tree))) throw new FairleadError('publication/missing-pack', { path, tree });
  const sbom = target.notes?.sbom?.digest;
  if (sbom === undefined || (await context.hasSbom(tree, sbom))) return;
  throw new FairleadError('publication/missing-sbom', { path, sbom });
}

/** A rollout that names bytes nobody released would be offered by every agent and found by none. */
function verifyOffered(path: string, { release, digest }: Rollout, roles: Roles): void {
  const found = resolveIn(roles, releasePath(release));
  if (found.kind === 'found' && found.target.hashes.get('sha256') === hexOf(digest)) return;
  const problem = `no release ${releasePath(release)} with the digest it names`;
  throw new FairleadError('publication/wrong-document', { path, problem });
}

function verifyAllListed(sent: readonly SentTarget[], roles: Roles): void {
  for (const { path, bytes } of sent) {
    const found = resolveIn(roles, path);
    if (found.kind !== 'found') throw new FairleadError('publication/unlisted-target', { path });
    if (found.target.hashes.get('sha256') !== hexOf(digestOf(bytes))) {
      throw new FairleadError('publication/target-mismatch', { path });
    }
  }
}
