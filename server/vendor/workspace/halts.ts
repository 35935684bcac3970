// The halts of the workspace beside those that the server signed by itself: what it published is taken over, and what was signed here goes on top.

import { equalBytes } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { parseTargetDocument } from '../../../shared/schema/target-document.ts';
import { countSignatures, isReached, signerFor } from '../core/quorum.ts';
import { draftDelegated } from '../core/roles.ts';
import { type MetadataFile, parseMetadata, readVersion, requireNewest, writeVersion } from './metadata.ts';
import type { Session } from './passphrases.ts';
import { type SigningResult, signRole } from './signing.ts';
import { entriesOf, listTargets, targetName, writeTarget } from './targets.ts';

/** What the server has, by names below its repository. */
export type FetchPublished = (name: string) => Promise<Uint8Array | null>;

const PURPOSE = { action: 'follow halts', subject: 'halts' };

/**
 * The server may have signed halts since (its key is one of the role's): the workspace goes on from the `version` that is
 * published. What was signed here and never came out is laid over it and signed again, so that the vendor's own word counts;
 * and so is everything where the published version is by a key that counts no longer. What no key of the vendor's delegations
 * ever signed is anybody's: nothing of it is kept, and its number is not gone on from.
 * Errors: vendor/repository-invalid, and those of signing.
 */
export async function followHalts(
  session: Session,
  version: number,
  fetchPublished: FetchPublished,
): Promise<SigningResult> {
  const { directory } = session;
  const local = await requireNewest(directory, 'halts');
  const published = await fetchVersion(version, local.version, fetchPublished);
  const known = await readVersion(directory, 'halts', version);
  if (published === null || (known !== null && equalBytes(known.bytes, published.bytes)))
    return { kind: 'unchanged' };
  const standing = await standingOf(directory, published);
  if (standing === 'never') return { kind: 'unchanged' };
  const counts = standing === 'now';
  if (counts) await takeDocuments(directory, published, fetchPublished);
  const base = await lastPublished(directory, Math.min(version, local.version), fetchPublished);
  if (counts && base?.version === local.version) {
    await writeVersion(directory, published);
    return { kind: 'unchanged' };
  }
  const ours = changesSince(base, local);
  const under = counts ? entriesOf(published) : base === null ? {} : entriesOf(base);
  const merged = Object.fromEntries(
    Object.entries({ ...under, ...ours })
      .flatMap(([path, entry]) => (entry === null ? [] : [[path, entry] as const]))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const next = Math.max(version, local.version) + 1;
  const draft = draftDelegated('halts', next, session.now(), merged);
  const signed = await signRole(session, 'halts', draft, PURPOSE);
  // Last: until then what was signed here stands nowhere else.
  if (counts) await writeVersion(directory, published);
  return signed;
}

/** A server that claims more would use up the numbers, which never go back: there are 2^53 of them (TUF §5.3.5, fast forward). */
const MOST_AHEAD = 10_000;

/** Null where the server has none. Error: vendor/repository-invalid. */
async function fetchVersion(
  version: number,
  newest: number,
  fetchPublished: FetchPublished,
): Promise<MetadataFile | null> {
  const invalid = (problem: string) =>
    new FairleadError('vendor/repository-invalid', { role: 'halts', problem });
  if (version > newest + MOST_AHEAD)
    throw invalid(`the server claims version ${version}, and ${newest} is the newest here`);
  const bytes = await fetchPublished(`metadata/${version}.halts.json`);
  if (bytes === null) return null;
  const published = parseMetadata('halts', bytes);
  if (published.version !== version)
    throw invalid(`what the server has as version ${version} says that it is version ${published.version}`);
  return published;
}

/** Whether its keys are those that the vendor names, or were once: agents may have seen it then, and its number is taken. */
async function standingOf(directory: string, { envelope }: MetadataFile): Promise<'now' | 'once' | 'never'> {
  const newest = await requireNewest(directory, 'targets');
  for (let version = newest.version; version > 0; version--) {
    const targets = version === newest.version ? newest : await readVersion(directory, 'targets', version);
    if (targets === null) continue;
    if (isReached(countSignatures(envelope, signerFor('halts', targets.envelope.signed))))
      return version === newest.version ? 'now' : 'once';
  }
  return 'never';
}

/** Checked before they are kept: what stands there is anybody's until its digest is the signed one. */
async function takeDocuments(
  directory: string,
  published: MetadataFile,
  fetchPublished: FetchPublished,
): Promise<void> {
  for (const [path, digest] of listTargets(published)) {
    const bytes = await fetchPublished(`targets/${targetName(path, digest)}`);
    if (bytes === null || digestOf(bytes) !== digest) {
      const problem = `the server has no ${path} with the digest that it signed`;
      throw new FairleadError('vendor/repository-invalid', { role: 'halts', problem });
    }
    parseTargetDocument(path, bytes);
    await writeTarget(directory, path, bytes);
  }
}

/** The newest version that is the same here and there. */
async function lastPublished(
  directory: string,
  from: number,
  fetchPublished: FetchPublished,
): Promise<MetadataFile | null> {
  for (let version = from; version > 0; version--) {
    const here = await readVersion(directory, 'halts', version);
    if (here === null) continue;
    const there = await fetchPublished(`metadata/${version}.halts.json`);
    // What is so old that it was removed there came out once.
    if (there === null || equalBytes(there, here.bytes)) return here;
  }
  return null;
}

/** Entries that are new or another; null for those that are gone. */
function changesSince(base: MetadataFile | null, local: MetadataFile): ReturnType<typeof entriesOf> {
  const [before, now] = [base === null ? {} : entriesOf(base), entriesOf(local)];
  const paths = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const changed = paths.filter((path) => JSON.stringify(before[path]) !== JSON.stringify(now[path]));
  return Object.fromEntries(changed.map((path) => [path, now[path] ?? null]));
}
