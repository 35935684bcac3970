// The catalog as the vendor has signed it: releases, rollouts, advisories and halts of the newest metadata.

import { z } from 'zod';
import type { ChangeFields, ChangeRecord } from '../../../shared/change/change.ts';
import { type Digest, digestOfValue } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type Advisory, advisory } from '../../../shared/schema/advisory.ts';
import { type AdvisoryDetails, advisoryDetails } from '../../../shared/schema/advisory-details.ts';
import { digest } from '../../../shared/schema/common.ts';
import { MIRRORS_PATH, type Mirrors, mirrors } from '../../../shared/schema/mirrors.ts';
import { type OrderTerms, orderTerms } from '../../../shared/schema/order-terms.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { type Release, release, type Verified } from '../../../shared/schema/release.ts';
import {
  componentNameOf,
  formatRef,
  offeredPath,
  parseReleasePath,
  type ReleaseRef,
  refFor,
  refOf,
  releasePath,
  rolloutPath,
} from '../../../shared/schema/release-ref.ts';
import {
  type Halt,
  type HaltScope,
  halt,
  haltScope,
  type Rollout,
  rollout,
} from '../../../shared/schema/rollout.ts';
import type { TargetNotes } from '../../../shared/trust/target-notes.ts';
import { compareVersions } from '../../../shared/version/version.ts';
import type { OfflineRole } from '../core/roles.ts';
import { readNewest, readPending } from './metadata.ts';
import { listTargets, readTarget, type TargetDocument } from './targets.ts';
import { jsonBytes, readMemory, writeMemory } from './workspace.ts';

export interface Signed<Document> extends Verified<Document> {
  readonly path: string;
}

/** Everything `releases` vouches for. */
export interface SignedReleases {
  readonly releases: readonly Signed<Release>[];
  readonly rollouts: readonly Signed<Rollout>[];
}

export async function readReleases(directory: string): Promise<SignedReleases> {
  const paths = [...(await listSigned(directory, 'releases')).keys()];
  const releases = paths.filter((path) => offeredPath(path) === null);
  const rollouts = paths.filter((path) => offeredPath(path) !== null);
  return {
    releases: await readReleasesAt(directory, releases),
    rollouts: await readRolloutsAt(directory, rollouts),
  };
}

/** Of these places those at which a release is signed. */
export async function readReleasesAt(
  directory: string,
  paths: readonly string[],
): Promise<readonly Signed<Release>[]> {
  const documents = await readDocuments(directory, 'releases', paths);
  return documents.map((each) => ({ ...each, document: parseDocumentBytes(release, each.bytes, each.path) }));
}

/** The same of rollouts. */
export async function readRolloutsAt(
  directory: string,
  paths: readonly string[],
): Promise<readonly Signed<Rollout>[]> {
  const documents = await readDocuments(directory, 'releases', paths);
  return documents.map((each) => ({ ...each, document: parseDocumentBytes(rollout, each.bytes, each.path) }));
}

export async function readAdvisories(directory: string): Promise<readonly Signed<Advisory>[]> {
  const documents = await readApart(directory, 'security', null);
  return documents.map((each) => ({
    ...each,
    document: parseDocumentBytes(advisory, each.bytes, each.path),
  }));
}

/** What orders say beyond their advisories. */
export async function readOrderTerms(directory: string): Promise<readonly Signed<OrderTerms>[]> {
  const documents = await readApart(directory, 'security', 'terms');
  return documents.map((each) => ({
    ...each,
    document: parseDocumentBytes(orderTerms, each.bytes, each.path),
  }));
}

/** What advisories say to people beyond what installs act on. */
export async function readAdvisoryDetails(directory: string): Promise<readonly Signed<AdvisoryDetails>[]> {
  const documents = await readApart(directory, 'security', 'details');
  return documents.map((each) => ({
    ...each,
    document: parseDocumentBytes(advisoryDetails, each.bytes, each.path),
  }));
}

export async function readHalts(directory: string): Promise<readonly Signed<Halt>[]> {
  const documents = await readApart(directory, 'halts', null);
  return documents.map((each) => ({ ...each, document: parseDocumentBytes(halt, each.bytes, each.path) }));
}

/** Whom halts are limited to. */
export async function readHaltScopes(directory: string): Promise<readonly HaltScope[]> {
  const documents = await readApart(directory, 'halts', 'scope');
  return documents.map(({ bytes, path }) => parseDocumentBytes(haltScope, bytes, path));
}

/** Null where there is no list. */
export async function readMirrors(directory: string): Promise<Mirrors | null> {
  const [found] = await readDocuments(directory, 'targets', [MIRRORS_PATH]);
  return found === undefined ? null : parseDocumentBytes(mirrors, found.bytes, found.path);
}

/** No metadata lists this version, signed or waiting for signatures. Error: vendor/released. */
export async function verifyUnsigned(directory: string, change: ChangeFields): Promise<void> {
  const ref = refFor(change.component, change.version);
  const files = [await readNewest(directory, 'releases'), await readPending(directory, 'releases')];
  if (!files.some((file) => file !== null && listTargets(file).has(releasePath(ref)))) return;
  throw new FairleadError('vendor/released', { change: change.id, release: formatRef(ref) });
}

/** One release, by its place. Error: vendor/not-released. */
export async function requireRelease(directory: string, ref: ReleaseRef): Promise<Signed<Release>> {
  const found = await findRelease(directory, ref);
  if (found === null) throw new FairleadError('vendor/not-released', { release: formatRef(ref) });
  return found;
}

/** The same; null where it is not released. */
export async function findRelease(directory: string, ref: ReleaseRef): Promise<Signed<Release> | null> {
  const [found] = await readReleasesAt(directory, [releasePath(ref)]);
  return found ?? null;
}

export interface Listed {
  readonly path: string;
  readonly ref: ReleaseRef;
  readonly digest: Digest;
}

/** The releases of the same component below a version, the newest first, by their places alone. */
export async function listBelow(directory: string, below: ReleaseRef): Promise<readonly Listed[]> {
  const listed = await listSigned(directory, 'releases');
  return [...listed]
    .flatMap(([path, of]) => {
      const ref = parseReleasePath(path);
      if (ref === null || componentNameOf(ref) !== componentNameOf(below)) return [];
      return compareVersions(ref.version, below.version) < 0 ? [{ path, ref, digest: of }] : [];
    })
    .toSorted((a, b) => compareVersions(b.ref.version, a.ref.version));
}

/** The rollouts of one release, one for each track it is offered to. */
export async function readRolloutsOf(
  directory: string,
  ref: ReleaseRef,
): Promise<readonly Signed<Rollout>[]> {
  const place = releasePath(ref);
  const paths = [...(await listSigned(directory, 'releases')).keys()];
  const isOffer = (path: string) => offeredPath(path) === place;
  const offers = await readRolloutsAt(directory, paths.filter(isOffer));
  return offers.filter(({ document }) => formatRef(document.release) === formatRef(ref));
}

export function releaseTarget(bytes: Uint8Array, document: Release, notes: TargetNotes): TargetDocument {
  const ref = refOf(document);
  return {
    path: releasePath(ref),
    bytes,
    label: { kind: ref.kind, name: componentNameOf(ref), version: ref.version, notes },
  };
}

export function rolloutTarget(document: Rollout): TargetDocument {
  const { release: ref, track } = document;
  return {
    path: rolloutPath(track, ref),
    bytes: jsonBytes(document),
    label: { kind: 'rollout', name: componentNameOf(ref), version: ref.version },
  };
}

interface RawDocument {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

/** What stands beside the documents of a role under its own word, such as `ID.terms.json`; for null those themselves. */
async function readApart(directory: string, role: OfflineRole, word: string | null) {
  const paths = [...(await listSigned(directory, role)).keys()];
  const isOfWord = (path: string) => (/\.([a-z]+)\.json$/.exec(path)?.[1] ?? null) === word;
  return readDocuments(directory, role, paths.filter(isOfWord));
}

/** Path → SHA-256 of every document that a role's newest metadata lists; none before there is any. */
export async function listSigned(directory: string, role: OfflineRole): Promise<ReadonlyMap<string, Digest>> {
  const file = await readNewest(directory, role);
  return file === null ? new Map() : listTargets(file);
}

/** Those of a role at these places, as far as it lists them. */
async function readDocuments(
  directory: string,
  role: OfflineRole,
  paths: readonly string[],
): Promise<readonly RawDocument[]> {
  const listed = await listSigned(directory, role);
  const wanted = paths.flatMap((path) => {
    const digest = listed.get(path);
    return digest === undefined ? [] : [{ path, digest }];
  });
  return Promise.all(
    wanted.map(async (one) => ({ ...one, bytes: await readTarget(directory, one.path, one.digest) })),
  );
}

const PUBLISHED = 'published.json';

const published = z.strictObject({
  schema: z.literal('fairlead/published@1'),
  /** Digest of each record by change id. */
  changes: z.record(z.string(), digest),
});

/** A lost file costs one larger publication. */
export async function readPublished(directory: string): Promise<ReadonlyMap<string, Digest>> {
  return new Map(Object.entries((await readMemory(directory, PUBLISHED, published))?.changes ?? {}));
}

/** Beside what was published `before`. */
export async function writePublished(
  directory: string,
  before: ReadonlyMap<string, Digest>,
  records: readonly ChangeRecord[],
): Promise<void> {
  const now = records.map((record) => [record.id, digestOfValue(record)] as const);
  await writeMemory(directory, PUBLISHED, {
    schema: 'fairlead/published@1',
    changes: Object.fromEntries([...before, ...now]),
  });
}
