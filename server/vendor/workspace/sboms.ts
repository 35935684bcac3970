// Bills of materials in the workspace: made from a tree's lockfiles or taken from a file, kept beside the build, found again by what is signed.
import { join } from 'node:path';
import { type Digest, digestOf, hexOf } from '../../../shared/encoding/digest.ts';
import { isJsonObject } from '../../../shared/encoding/json.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { count } from '../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { readNamed } from '../../../shared/node/named-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { sbomPath } from '../../../shared/protocol/publication.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import { parseSbom, type SbomRef } from '../../../shared/schema/sbom.ts';
import type { TreeFile, TreeIndex } from '../../../shared/tree/tree-index.ts';
import { parseTargetNotes, type TargetNotes } from '../../../shared/trust/target-notes.ts';
import { MAX_LOCK_BYTES, parseLock } from '../core/sbom/npm-lock.ts';
import type { TreeLock } from '../core/sbom/npm-parts.ts';
import { createReadableSbom } from '../core/sbom/release-sbom.ts';
import { findAct } from './audit.ts';
import { describeUnknown, readContents } from './image-contents.ts';
import { type MetadataFile, readNewest } from './metadata.ts';
import { entriesOf } from './targets.ts';
import { optionProblem, readOption } from './workspace.ts';

export interface BuiltSbom {
  readonly bytes: Uint8Array;
  readonly ref: SbomRef;
}

/** Where the files of a tree are that is being built. */
interface Places {
  readonly from: string;
  readonly elsewhere: ReadonlyMap<string, string>;
  readonly scratch: string;
}

/** `note` hears why there is none, or what it leaves out. Errors: vendor/file-unreadable, disk/*. */
export async function makeSbom(
  release: CapabilityRelease,
  index: TreeIndex,
  { from, elsewhere, scratch }: Places,
  note: (text: string) => void,
): Promise<BuiltSbom | null> {
  const locks: TreeLock[] = [];
  for (const [directory, file] of lockfilesIn(index)) {
    const bytes = await readIfPresent(join(from, file.path), MAX_LOCK_BYTES + 1);
    if (bytes === null || digestOf(bytes) !== file.digest) {
      throw optionProblem('--from', file.path, 'it changed while it was read');
    }
    try {
      locks.push({ directory, lock: parseLock(bytes, file.path) });
    } catch (error) {
      if (!isFairleadError(error)) throw error;
      note(`no bill of materials: ${sanitizeLine(error.message, 300)}; give one with --sbom FILE`);
      return null;
    }
  }
  const place = (path: string) => elsewhere.get(path) ?? join(from, path);
  const contents = await readContents(release, place, scratch);
  const { made, listed } = createReadableSbom(release, index, locks, contents);
  for (const line of describeUnknown(release, listed)) note(line);
  if (typeof made === 'string') {
    note(`no bill of materials: ${sanitizeLine(made, 300)}; give one with --sbom FILE`);
    return null;
  }
  if (made !== null && made.unlisted.length > 0) {
    const first = made.unlisted.slice(0, 3).join(', ');
    const many = count(made.unlisted.length, 'package');
    note(sanitizeLine(`the bill of materials lacks ${many} that no lockfile lists: ${first}`, 300));
  }
  return made;
}

/** Errors: vendor/file-unreadable, json/*, document/invalid. */
export async function readGivenSbom(path: string): Promise<BuiltSbom> {
  const bytes = await readOption('--sbom', path);
  parseSbom(bytes, path);
  return { bytes, ref: { digest: digestOf(bytes), bytes: bytes.length } };
}

/** In this order: what npm wrote down as installed is nearer to the tree than what it was to install. */
const NAMES = ['node_modules/.package-lock.json', 'npm-shrinkwrap.json', 'package-lock.json'];
const MOST_PROJECTS = 100;

/** One for each project in the tree; not those inside of packages. */
function lockfilesIn(index: TreeIndex): ReadonlyMap<string, TreeFile> {
  const found = new Map<string, TreeFile>();
  for (const name of NAMES) {
    for (const entry of index.entries) {
      if (entry.kind !== 'file' || (entry.path !== name && !entry.path.endsWith(`/${name}`))) continue;
      const directory = entry.path.slice(0, -name.length).replace(/\/$/, '');
      const isInPackage = `/${directory}/`.includes('/node_modules/');
      if (!isInPackage && !found.has(directory) && found.size < MOST_PROJECTS) found.set(directory, entry);
    }
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Where the bill of a change stands between build and release. */
function builtFile(directory: string, change: string): string {
  return join(directory, 'builds', `${change}.cdx.json`);
}

/** Error: vendor/immutable where another one was recorded. */
export async function writeBuiltSbom(
  directory: string,
  { id, version, component }: { readonly id: string; readonly version: string; readonly component: string },
  sbom: BuiltSbom | null,
): Promise<void> {
  const recorded = await recordedSbom(directory, id);
  if (recorded !== undefined && recorded !== (sbom?.ref.digest ?? null)) {
    const found = `${sbom?.ref.digest ?? 'none'} (another bill of materials)`;
    const expected = recorded ?? 'no bill of materials';
    throw new FairleadError('vendor/immutable', { release: `${component}@${version}`, expected, found });
  }
  if (sbom !== null) await writeDurably(builtFile(directory, id), sbom.bytes);
}

/** What the build of a change made; null where it made none. Errors: file/missing, vendor/digest-mismatch. */
export async function readBuiltSbom(
  directory: string,
  change: string,
  stage: 'verification' | 'release',
): Promise<BuiltSbom | null> {
  const expected = (await recordedSbom(directory, change)) ?? null;
  if (expected === null) return null;
  const bytes = await readNamed(builtFile(directory, change));
  const found = digestOf(bytes);
  if (found !== expected)
    throw new FairleadError('vendor/digest-mismatch', { change, stage, expected, found });
  return { bytes, ref: { digest: expected, bytes: bytes.length } };
}

/** As the audit has it, whose entries are chained; undefined before the build, and where it was one of an earlier version. */
async function recordedSbom(directory: string, change: string): Promise<Digest | null | undefined> {
  const sbom = (await findAct(directory, 'build', change))?.details.sbom;
  return sbom === undefined ? undefined : sbom === '' ? null : (sbom as Digest);
}

/** Beside the pack of the tree that it is about, as the repository has it. Errors: disk/*. */
export async function keepSbom(directory: string, tree: Digest, { bytes, ref }: BuiltSbom): Promise<void> {
  const file = join(directory, sbomPath(hexOf(tree), hexOf(ref.digest)));
  await makeDirectory(join(file, '..'));
  await writeDurably(file, bytes, 0o644);
}

/** What is signed beside each release, by its path. */
export async function readNotes(directory: string): Promise<ReadonlyMap<string, TargetNotes>> {
  return notesIn(await readNewest(directory, 'releases'));
}

/** What would be signed by metadata that waits for signatures, or that has them. */
export function notesIn(file: MetadataFile | null): ReadonlyMap<string, TargetNotes> {
  const entries = file === null ? [] : Object.entries(entriesOf(file));
  return new Map(
    entries.flatMap(([path, entry]) => {
      const notes = isJsonObject(entry) ? parseTargetNotes(entry.custom) : null;
      return notes === null ? [] : [[path, notes] as const];
    }),
  );
}

/** The bill that was signed with a release. Error: vendor/repository-invalid when it is not here as it was signed. */
export async function readSignedSbom(directory: string, tree: Digest, ref: SbomRef): Promise<Uint8Array> {
  const path = sbomPath(hexOf(tree), hexOf(ref.digest));
  const bytes = await readIfPresent(join(directory, path));
  if (bytes !== null && digestOf(bytes) === ref.digest) return bytes;
  const problem = `the bill of materials ${path} is ${bytes === null ? 'missing' : 'damaged'}`;
  throw new FairleadError('vendor/repository-invalid', { role: 'releases', problem });
}
