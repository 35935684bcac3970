// What a release is made from: the directory to ship, the manifest, the parts of a suite or platform.
import { closeSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { isJsonObject, type JsonValue, parseJson } from '../../../shared/encoding/json.ts';
import type { DocumentIssue } from '../../../shared/errors/document.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { readImages } from '../../../shared/node/images/image-archive.ts';
import type { Release } from '../../../shared/schema/release.ts';
import type { ReleaseRef } from '../../../shared/schema/release-ref.ts';
import type { TreeFile, TreeIndex } from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';
import { archivesNeeded, findProblems, headsNeeded } from '../core/lint/lint.ts';
import type { ArchiveImages, Archives, Heads } from '../core/lint/tree-facts.ts';
import { addImages, isTaken, layOutImages, type NamedImage, withoutImages } from './images.ts';
import type { Session } from './passphrases.ts';
import { openIfReadable, readTree } from './tree-reader.ts';
import type { Elsewhere } from './unit-reader.ts';
import { optionProblem, readOption } from './workspace.ts';

/** What a person named for `build` and `lint`. */
export interface SourceOptions {
  readonly from: string;
  readonly manifest: string | undefined;
  /** Images that are to come along; none where left out. */
  readonly images?: readonly NamedImage[] | undefined;
  /** For which machines, where an archive is for several. */
  readonly platform?: string | undefined;
  /** False where those of registries are named alone. */
  readonly embed?: boolean | undefined;
}

export interface Sources {
  /** Null for suites and platforms. */
  readonly index: TreeIndex | null;
  readonly elsewhere: Elsewhere;
  readonly manifest: JsonValue;
  /** The manifest's file, named in errors. */
  readonly source: string;
}

/** `scratch` takes what images are made of. Errors: vendor/file-unreadable, vendor/option-invalid, vendor/image-refused, json/invalid, tree/*. */
export async function readSources(
  kind: ReleaseRef['kind'],
  options: SourceOptions,
  scratch: string,
  session: Pick<Session, 'environment' | 'out'>,
): Promise<Sources> {
  const { from, manifest: source, images = [], platform = DEFAULT_PLATFORM, embed = true } = options;
  if (kind !== 'capability') {
    if (images.length > 0) throw withoutImages('a suite or platform has no files');
    return { index: null, elsewhere: new Map(), ...(await readParts(options)) };
  }
  if (source === undefined) {
    const form = 'the path of a JSON file with at least "service" and "health"';
    throw new FairleadError('vendor/option-invalid', { option: '--manifest', value: '', form });
  }
  const manifest = await readJson(source, '--manifest');
  if (images.length === 0)
    return { index: await readDirectory(from), elsewhere: new Map(), manifest, source };
  const named = addImages(manifest, []);
  const laidOut = await layOutImages(images, { platform, embed }, scratch, session);
  const { entries } = await readDirectory(from);
  const isShippedOnce = await isTaken(from, laidOut.taken);
  const own = entries.filter(({ path }) => !isShippedOnce(path));
  return {
    index: createTreeIndex([...own, ...laidOut.entries]),
    elsewhere: laidOut.elsewhere,
    manifest: addImages(named, laidOut.images),
    source,
  };
}

/** What most machines are. */
const DEFAULT_PLATFORM = 'linux/amd64';

async function readDirectory(path: string): Promise<TreeIndex> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true) return readTree(path);
  const problem = found === null ? 'there is no such directory' : 'it is not a directory';
  throw optionProblem('--from', path, problem);
}

/** Everything that files and manifest show to be wrong. */
export async function findSourceProblems(
  release: Release,
  sources: Sources,
  directory: string,
): Promise<readonly DocumentIssue[]> {
  const heads = readHeads(release, sources, directory);
  return findProblems(release, sources.index, heads, await readArchives(release, sources, directory));
}

/** The first bytes of the files that a release's rules look at; what cannot be read is left out, and found by the pack. */
function readHeads(
  release: Release,
  { index, elsewhere }: Pick<Sources, 'index' | 'elsewhere'>,
  directory: string,
): Heads {
  const heads = new Map<Digest, Uint8Array>();
  if (index === null) return heads;
  for (const { file, bytes } of headsNeeded(release, index)) {
    const path = elsewhere.get(file.path) ?? join(directory, file.path);
    const head = readHead(path, Math.min(bytes, file.size));
    if (head !== null) heads.set(file.digest, head);
  }
  return heads;
}

/** What the archives of a release hold. */
async function readArchives(
  release: Release,
  { index, elsewhere }: Pick<Sources, 'index' | 'elsewhere'>,
  directory: string,
): Promise<Archives> {
  const files = index === null ? [] : archivesNeeded(release, index);
  return describeArchives(files, ({ path }) => elsewhere.get(path) ?? join(directory, path));
}

/** `place` says where each is. */
export async function describeArchives(
  files: readonly TreeFile[],
  place: (file: TreeFile) => string,
): Promise<Archives> {
  const found = new Map<Digest, ArchiveImages>();
  for (const file of files) {
    const images = await readImages(place(file)).catch((error: unknown) =>
      error instanceof Error ? error.message : 'which cannot be read',
    );
    found.set(
      file.digest,
      typeof images === 'string'
        ? images
        : images.map(({ config, manifest, platform }) => ({
            ids: [config, ...(manifest === null ? [] : [manifest])],
            platform,
          })),
    );
  }
  return found;
}

/** A suite's or platform's parts come from --from; what --manifest says is added to them. */
async function readParts({ from, manifest }: SourceOptions): Promise<Pick<Sources, 'manifest' | 'source'>> {
  const parts = await readJson(from, '--from');
  const more = manifest === undefined ? {} : await readJson(manifest, '--manifest');
  return {
    manifest: isJsonObject(parts) && isJsonObject(more) ? { ...parts, ...more } : parts,
    source: from,
  };
}

async function readJson(path: string, option: string): Promise<JsonValue> {
  return parseJson(await readOption(option, path), path);
}

function readHead(path: string, length: number): Uint8Array | null {
  const fd = openIfReadable(path);
  if (fd === null) return null;
  try {
    const head = Buffer.alloc(length);
    return head.subarray(0, readSync(fd, head, 0, length, 0));
  } finally {
    closeSync(fd);
  }
}
