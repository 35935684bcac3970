// The releases that a repository holds: which of them lack a file that they should have, and which nothing signed leads to any more.
import { hexOf } from '../../shared/encoding/digest.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { DOCUMENT_LIMITS } from '../../shared/encoding/json.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { forEachBounded } from '../../shared/node/turns.ts';
import { parsePatchPath } from '../../shared/protocol/publication.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { type Release, release } from '../../shared/schema/release.ts';
import { formatRef, parseReleasePath, refOf } from '../../shared/schema/release-ref.ts';
import { PACKS, PUBLIC, packName, pathOfTarget, sbomName, targetName } from './names.ts';
import { isOfRelease, readReferenced } from './prune.ts';
import { listKept } from './retention.ts';
import type { RepositoryState } from './state.ts';
import type { RepositoryStore } from './store.ts';

export interface HeldRelease {
  /** Such as `core/auth@1.0.0`. */
  readonly release: string;
  /** Until when it stays to be had; infinity for good. */
  readonly until: EpochMs;
  /** What should be there and is not. */
  readonly missing: readonly string[];
}

/** Listed no longer, and led to by no snapshot that an agent may still hold. */
export interface LeftRelease {
  /** Such as `core/auth@1.0.0`; of packs that no document names, as where a publication was broken off, such as `packs/TREE`. */
  readonly name: string;
  readonly document: Release | null;
  /** Everything that goes with it, itself last: a removal that breaks off is gone on with. */
  readonly names: readonly string[];
}

/** It saves bytes, and nobody needs it. */
export interface HeldPatch {
  /** Such as `packs/TREE/FROM.patch`. */
  readonly name: string;
  /** Releases of the trees that it starts at and leads to, where a document names them. */
  readonly from: string | null;
  readonly to: string | null;
}

export interface Holdings {
  readonly held: readonly HeldRelease[];
  readonly left: readonly LeftRelease[];
  readonly patches: readonly HeldPatch[];
}

const PARALLEL = 16;

/** Errors: server/repository-damaged where a document cannot be read that may lead to something, and those of the store. */
export async function readHoldings(
  store: RepositoryStore,
  state: RepositoryState,
  now: EpochMs,
): Promise<Holdings> {
  const { referenced, names } = await readReferenced(store, state, now);
  const documents = await readReleases(store, names.filter(isOfRelease));
  const trees = new Set<string>();
  for (const [name, document] of documents) {
    const tree = referenced.has(name) ? treeOf(document) : null;
    if (tree !== null) trees.add(tree);
  }
  const files = Map.groupBy(await listPacks(store), folderOf);
  const left = [...documents].flatMap(([name, document]): LeftRelease[] => {
    if (referenced.has(name)) return [];
    const tree = treeOf(document);
    const beside = tree === null || trees.has(tree) ? [] : (files.get(`${PACKS}${tree}`) ?? []);
    return [{ name: formatRef(refOf(document)), document, names: [...beside, name] }];
  });
  const named = new Set([...documents.values()].map(treeOf));
  const stray = [...files]
    .filter(([folder]) => !named.has(folder.slice(PACKS.length)))
    .map(([folder, beside]) => ({ name: folder.slice(PUBLIC.length), document: null, names: beside }));
  const there = new Set([...names, ...[...files.values()].flat()]);
  const patches = listPatches([...files.values()].flat(), [...documents.values()]);
  return { held: listHeld(state, documents, there), left: [...left, ...stray], patches };
}

function listPatches(packs: readonly string[], documents: readonly Release[]): readonly HeldPatch[] {
  const releases = new Map(documents.map((document) => [treeOf(document), formatRef(refOf(document))]));
  return packs.flatMap((file): HeldPatch[] => {
    const name = file.slice(PUBLIC.length);
    const ends = parsePatchPath(name);
    if (ends === null) return [];
    return [{ name, from: releases.get(ends.fromHex) ?? null, to: releases.get(ends.treeHex) ?? null }];
  });
}

/** Of releases that are listed. */
function listHeld(
  state: RepositoryState,
  documents: ReadonlyMap<string, Release>,
  there: ReadonlySet<string>,
): readonly HeldRelease[] {
  return listKept(state.roles).map(({ path, target, until }) => {
    const name = targetName(path, target.hashes.get('sha256') ?? '');
    const document = documents.get(name);
    const tree = document === undefined ? null : treeOf(document);
    const sbom = target.notes?.sbom;
    const wanted = [
      name,
      ...(tree === null ? [] : [packName(tree)]),
      ...(tree === null || sbom === undefined ? [] : [sbomName(tree, hexOf(sbom.digest))]),
    ];
    const ref = parseReleasePath(path);
    return {
      release: ref === null ? path : formatRef(ref),
      until,
      missing: wanted.filter((one) => !there.has(one)),
    };
  });
}

async function listPacks(store: RepositoryStore): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of store.list(PACKS)) names.push(name);
  return names.sort();
}

function folderOf(name: string): string {
  return name.slice(0, name.indexOf('/', PACKS.length));
}

function treeOf(document: Release): string | null {
  return document.schema === 'fairlead/capability@1' ? hexOf(document.tree.digest) : null;
}

async function readReleases(
  store: RepositoryStore,
  names: readonly string[],
): Promise<ReadonlyMap<string, Release>> {
  const found = new Map<string, Release>();
  await forEachBounded(names, PARALLEL, async (name) => {
    const stored = await store.read(name);
    if (stored === null) return;
    try {
      found.set(name, parseDocumentBytes(release, stored.bytes, pathOfTarget(name) ?? name, DOCUMENT_LIMITS));
    } catch (cause) {
      if (!isFairleadError(cause)) throw cause;
      const problem = 'it is no release that this version reads';
      const data = { repository: store.place, name, problem };
      throw new FairleadError('server/repository-damaged', data, { cause });
    }
  });
  return found;
}
