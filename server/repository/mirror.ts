// A copy of another server's repository: proved whole, written from the unreferenced to the referenced, and rid of what nobody asks for.
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hexOf } from '../../shared/encoding/digest.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { DOCUMENT_LIMITS } from '../../shared/encoding/json.ts';
import { FairleadError, isFairleadError, orNull } from '../../shared/errors/error.ts';
import { verifyPack } from '../../shared/node/pack-reader.ts';
import { forEachBounded } from '../../shared/node/turns.ts';
import { packPath } from '../../shared/protocol/publication.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { release, type TreeRef } from '../../shared/schema/release.ts';
import type { SbomRef } from '../../shared/schema/sbom.ts';
import { maxPackBytes } from '../../shared/tree/pack-format.ts';
import type { TargetFile, Targets } from '../../shared/trust/metadata.ts';
import { verifyFile } from '../../shared/trust/target.ts';
import { makeDifferences } from './differences.ts';
import { type ListedDocument, rememberKept } from './mirror-kept.ts';
import { copyNewPatches, dropPatches, type PatchCopying } from './mirror-patches.ts';
import { fetchFile, proveOrigin, type Reading, readOrigin } from './mirror-trust.ts';
import { PACKS, PUBLIC, packName, sbomName, TIMESTAMP, targetName } from './names.ts';
import { readReferenced } from './prune.ts';
import { loadState } from './state.ts';

export interface MirrorOptions extends PatchCopying {
  /** Came over a trusted way. */
  readonly root: Uint8Array;
  readonly now: EpochMs;
}

export interface Mirrored {
  readonly outcome: 'changed' | 'unchanged';
  /** Version of the timestamp that is shown now. */
  readonly version: number;
  readonly expires: EpochMs;
  readonly documents: number;
  readonly packs: number;
  readonly removed: number;
  /** Releases of a form that this version does not read: their packs are not here. And bills of materials that the origin has not. */
  readonly unread: readonly string[];
  /** Lists of patches, and patches, that the origin has not as it says, or that took too much room; installs fetch full packs instead. */
  readonly withoutPatches: readonly string[];
}

const PARALLEL = 8;

/**
 * Until all of it is there and proved, what was shown before is shown; a kill anywhere leaves that, and the next call goes on.
 * Errors: trust/*, tree/*, transport/*, disk/*, server/repository-*.
 */
export async function mirrorOnce(options: MirrorOptions): Promise<Mirrored> {
  try {
    return await copyOnce(options);
  } catch (error) {
    if (!isFairleadError(error, 'disk/full', 'disk/no-inodes')) throw error;
    // Nothing that a patch shortens is worth less than the patch.
    const withoutPatches = await dropPatches(options.store);
    if (withoutPatches.length === 0) throw error;
    return { ...(await copyOnce({ ...options, patches: false })), withoutPatches };
  }
}

async function copyOnce(options: MirrorOptions): Promise<Mirrored> {
  const { origin, store, root, now } = options;
  const kept = async (name: string) => (await store.read(name))?.bytes ?? null;
  const reading: Reading = { origin, kept, now };
  const proved = await proveOrigin(root, reading);
  const before = await store.read(TIMESTAMP);
  const { listed, trees, sboms, unread, documents } = await copyDocuments(proved.roles, options, reading);
  const packs = await copyPacks(trees, options);
  const missing = await copySboms(sboms, options, reading);
  const { bytes, content } = proved.timestamp;
  const isNew = before === null || !before.bytes.equals(bytes);
  for (const { name, bytes } of proved.metadata) {
    const there = await kept(name);
    if (there?.equals(bytes) === true) continue;
    // Made here, of what is proved: those of the origin are anybody's.
    const ways = await makeDifferences(store, { name, bytes });
    for (const one of [...ways, { name, bytes }]) await store.write(one.name, one.bytes);
  }
  if (isNew && !(await store.replace(TIMESTAMP, bytes, before?.tag ?? null))) {
    const problem = 'another program writes there';
    throw new FairleadError('server/repository-damaged', {
      repository: store.place,
      name: TIMESTAMP,
      problem,
    });
  }
  // Nobody vouches for their number and size: what is signed waits for none of them.
  const patches = await copyNewPatches(isNew, trees, options);
  const until = await rememberKept(store, listed, now);
  const wanted = [...listed.keys(), ...[...trees.keys()].map(packName), ...sboms.keys(), ...patches.names];
  const removed = await removeOld(new Set(wanted), until, options);
  return {
    outcome: isNew ? 'changed' : 'unchanged',
    ...{ version: content.version, expires: content.expires, documents, packs, removed },
    unread: [...unread, ...missing],
    withoutPatches: patches.missing,
  };
}

interface Documents {
  /** By name. */
  readonly listed: ReadonlyMap<string, ListedDocument>;
  /** By hexadecimal digest. */
  readonly trees: ReadonlyMap<string, TreeRef>;
  /** By name. */
  readonly sboms: ReadonlyMap<string, SbomRef>;
  readonly unread: readonly string[];
  /** That were not here before. */
  readonly documents: number;
}

async function copyDocuments(
  roles: readonly Targets[],
  { store }: MirrorOptions,
  reading: Reading,
): Promise<Documents> {
  const listed = new Map<string, ListedDocument>();
  for (const { targets } of roles) {
    for (const [path, target] of targets) {
      const sha256 = target.hashes.get('sha256');
      if (sha256 !== undefined) listed.set(targetName(path, sha256), { path, target, tree: null });
    }
  }
  const trees = new Map<string, TreeRef>();
  const sboms = new Map<string, SbomRef>();
  const unread: string[] = [];
  let documents = 0;
  await forEachBounded([...listed], PARALLEL, async ([name, { path, target }]) => {
    const known = await reading.kept(name);
    const isKept = known !== null && isSigned(known, target, path);
    const bytes = isKept
      ? known
      : await fetchFile(name, Math.min(target.length, DOCUMENT_LIMITS.maxBytes), reading);
    if (!isKept) {
      verifyFile(bytes, target, path);
      await store.write(name, bytes);
      documents++;
    }
    if (!path.startsWith('capabilities/')) return;
    const tree = treeIn(path, bytes);
    if (tree === null) return void unread.push(path);
    listed.set(name, { path, target, tree });
    trees.set(hexOf(tree.digest), tree);
    const sbom = target.notes?.sbom;
    if (sbom !== undefined) sboms.set(sbomName(hexOf(tree.digest), hexOf(sbom.digest)), sbom);
  });
  return { listed, trees, sboms, unread, documents };
}

function isSigned(bytes: Uint8Array, target: TargetFile, path: string): boolean {
  try {
    verifyFile(bytes, target, path);
    return true;
  } catch (error) {
    if (isFairleadError(error)) return false;
    throw error;
  }
}

/** A newer vendor may say more than this program reads: its documents are copied all the same. */
function treeIn(path: string, bytes: Uint8Array): TreeRef | null {
  const document = orNull(() => parseDocumentBytes(release, bytes, path));
  return document?.schema === 'fairlead/capability@1' ? document.tree : null;
}

/** Answers those that the origin has not: one of an earlier version has no place for them. */
async function copySboms(
  sboms: ReadonlyMap<string, SbomRef>,
  { store }: MirrorOptions,
  reading: Reading,
): Promise<readonly string[]> {
  const missing: string[] = [];
  await forEachBounded([...sboms], PARALLEL, async ([name, { digest, bytes: length }]) => {
    if ((await store.tagOf(name)) !== null) return;
    const bytes = await readOrigin(name, length, reading);
    if (bytes === null) return void missing.push(name.slice(PUBLIC.length));
    verifyFile(bytes, { length, hashes: new Map([['sha256', hexOf(digest)]]) }, name);
    await store.write(name, bytes);
  });
  return missing;
}

/** One after the other: the line is shared with the installs that fetch from here. */
async function copyPacks(
  trees: ReadonlyMap<string, TreeRef>,
  { origin, store, staging }: MirrorOptions,
): Promise<number> {
  let copied = 0;
  for (const [hex, tree] of trees) {
    if ((await store.tagOf(packName(hex))) !== null) continue;
    await mkdir(staging, { recursive: true, mode: 0o700 });
    const file = join(staging, `${hex}.pack`);
    try {
      await origin.download(packPath(hex), file, maxPackBytes(tree));
      await verifyPackFile(file, tree);
    } catch (error) {
      // What broke off is gone on with; what is something else is not.
      if (!isFairleadError(error, 'transport/unreachable', 'transport/refused'))
        await rm(file, { force: true });
      throw error;
    }
    await store.take(packName(hex), file);
    await rm(file, { force: true });
    copied++;
  }
  return copied;
}

async function verifyPackFile(file: string, tree: TreeRef): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await verifyPack(handle, tree, () => undefined);
  } finally {
    await handle.close();
  }
}

/**
 * Installs that still want it ask the server. Of what cannot be told whether it is wanted nothing goes, and of a release nothing before the
 * day that was signed for it.
 */
async function removeOld(
  wanted: ReadonlySet<string>,
  until: ReadonlyMap<string, EpochMs>,
  { store, now }: MirrorOptions,
): Promise<number> {
  const state = await loadState(store);
  if (state === null) return 0;
  const { referenced, names: there } = await readReferenced(store, state, now);
  const names = there.filter((name) => !referenced.has(name));
  for await (const name of store.list(PACKS)) names.push(name);
  const old = names.filter((name) => !wanted.has(name) && (until.get(name) ?? now) <= now);
  for (const name of old) {
    const tag = await store.tagOf(name);
    if (tag !== null) await store.clear(name, tag);
  }
  return old.length;
}
