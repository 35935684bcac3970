// The store of trees on disk: what it has, what it takes in, whether it is still intact, and what may go.
import { randomBytes } from 'node:crypto';
import { chmod, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { FairleadError, systemCode, toDiskError } from '../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory } from '../../../shared/node/durable-file.ts';
import { parseIndexInTurns } from '../../../shared/node/pack-source.ts';
import { removeAll } from '../../../shared/node/remove-all.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import type { FetchedTree, ReleaseFiles, TreeDeviation, TreeStore } from '../../ports/state.ts';
import { addTree } from './add-tree.ts';
import { readingBases, treesIn, weighTree } from './by-patch.ts';
import { type DiskSpace, readDiskSpace } from './disk-space.ts';
import type { FetchPack, Patches } from './downloads.ts';
import { createKnownFiles, type KnownFiles } from './known-files.ts';
import {
  FILES_DIRECTORY,
  INDEX_FILE,
  readIndex,
  readIndexBytes,
  STORE_MODE,
  type StoreLayout,
  storeLayout,
} from './layout.ts';
import { type OnLeft, placeOf, treeOf } from './places.ts';
import { createReadAhead } from './read-ahead.ts';
import { repairTree } from './repair-tree.ts';
import { mayShare, wasHanded } from './shareable.ts';
import { handTree, keepHanded } from './sharing.ts';
import { createTransfers } from './transfers.ts';
import { compareTree, isRealDirectory, type TreeQuestion } from './verify-tree.ts';

export interface TreeStoreOptions {
  readonly stateDir: string;
  readonly fetchPack: FetchPack;
  /** Absent where none are looked for. */
  readonly patches?: Patches;
  /** Hears why a patch that was offered is not taken: the full pack is fetched then. */
  readonly onInstead?: (ref: TreeRef, cause: unknown) => void;
  /** How many there are to fetch from; one unless given. */
  readonly places?: () => Promise<number>;
  /** How much room a path's file system has; asks the kernel unless given. */
  readonly diskSpace?: (path: string) => Promise<DiskSpace>;
  /** What stands in a tree's way and can only be left. */
  readonly onLeft?: OnLeft;
  /** By which the file system gives files their times; the system's clock unless given. */
  readonly now?: () => number;
}

/** Somebody waits for the answer on a terminal, and gets one without it too. */
const WEIGH_PATIENCE_MS = 3_000;

/** Keeps trees under `<stateDir>/store`; see layout.ts. One process at a time may use a store. */
export function createTreeStore(options: TreeStoreOptions): TreeStore {
  const layout = storeLayout(options.stateDir);
  const { fetchPack, patches, places = async () => 1, diskSpace = readDiskSpace } = options;
  const { onLeft = () => undefined, onInstead = () => undefined } = options;
  const transfers = createTransfers();
  const known = createKnownFiles(options.now ?? Date.now);
  const beside = patches === undefined ? undefined : readingBases(patches, known.index);
  const adds = { layout, fetchPack, patches: beside, places, diskSpace, onLeft, onInstead, transfers };
  const adding = new Map<Digest, Promise<FetchedTree | undefined>>();

  /** A tree that is being worked on is not collected, and not worked on twice. */
  const once = (ref: TreeRef, act: () => Promise<FetchedTree | undefined>) => {
    const underWay = adding.get(ref.digest);
    if (underWay !== undefined) return underWay;
    const done = explaining(layout.store, act, ref.bytes).finally(() => adding.delete(ref.digest));
    adding.set(ref.digest, done);
    return done;
  };
  const addOnce = async (ref: TreeRef, signal: AbortSignal | undefined) => {
    await createStore(layout);
    if (await isStored(layout, ref.digest)) return undefined;
    const since = known.now();
    const shareable = !(await wasHanded(layout, ref.digest));
    const fetched = await addTree(ref, { ...adds, signal, shareable });
    const place = placeOf(layout, ref.digest);
    const index = await readIndex(place, ref.digest, known.index);
    if (index !== null) await known.noteBuilt(join(place, FILES_DIRECTORY), index, since);
    return fetched;
  };
  return {
    has: (tree) => isStored(layout, tree),
    stored: () => treesIn(layout),
    directoryOf: (tree) => join(placeOf(layout, tree), FILES_DIRECTORY),
    add: (ref, signal) => once(ref, () => addOnce(ref, signal)),
    repair: async (files, how, signal) => {
      await once(files.tree, async () => {
        await createStore(layout);
        if (await isStored(layout, files.tree.digest)) await repairTree(files, how, { ...adds, signal });
        // Whether something ran from it nobody can tell any more.
        else if (how.from === 'anywhere')
          return await addTree(files.tree, { ...adds, signal, shareable: false });
        return undefined;
      });
    },
    weigh: async (ref) => {
      const patience = new AbortController();
      if (patches === undefined) return null;
      const asked = weighTree(0, ref, { patches, layout, signal: patience.signal }).catch(() => null);
      const waited = setTimeout(WEIGH_PATIENCE_MS, null, { signal: patience.signal }).catch(() => null);
      return await Promise.race([asked, waited]).finally(() => patience.abort());
    },
    transfers: transfers.list,
    verify: (files, which = 'every') => {
      return explaining(layout.store, async () => {
        const isKnown = which === 'unknown' && (await mayShare(layout, files.tree.digest));
        return await verifyStored(layout, files, { known: isKnown ? known : { ...known, ...UNKNOWN } });
      });
    },
    readAhead: async (all) =>
      createReadAhead(all, {
        now: known.now,
        damages: (files, ahead) =>
          explaining(layout.store, async () => {
            const isKnown = await mayShare(layout, files.tree.digest);
            const read = ahead ?? { ...known, ...UNKNOWN };
            return await verifyStored(layout, files, { known: isKnown ? known : read, damageOnly: true });
          }),
      }),
    hand: (tree, accounts) => explaining(layout.store, () => handTree(adds, tree, accounts)),
    collect: (keep) => {
      known.forget();
      return explaining(layout.store, () => collect(layout, keep, adding));
    },
  };
}

async function createStore(layout: StoreLayout): Promise<void> {
  for (const path of [layout.store, layout.trees]) {
    await makeDirectory(path, STORE_MODE);
    await chmod(path, STORE_MODE);
  }
  await makeDirectory(layout.temporary);
}

async function isStored(layout: StoreLayout, tree: Digest): Promise<boolean> {
  return isRealDirectory(placeOf(layout, tree));
}

/** Every file is read, and nothing is kept of it: a daily look is at all trees. */
const UNKNOWN = {
  has: () => false,
  index: (_: Digest, bytes: Uint8Array) => parseIndexInTurns(bytes),
} as const;

async function verifyStored(
  layout: StoreLayout,
  { tree, writable }: ReleaseFiles,
  { known, ...question }: TreeQuestion & { readonly known: KnownFiles },
): Promise<readonly TreeDeviation[]> {
  const directory = placeOf(layout, tree.digest);
  const indexBytes = await readIndexBytes(directory);
  if (indexBytes === null) return [{ path: INDEX_FILE, problem: 'missing' }];
  // An agent that died right after the rename never synced it: what is verified here must outlive a power cut.
  await syncDirectory(layout.trees);
  // Without the signed index nothing can be said about the files: the tree counts as changed whole.
  if (digestOf(indexBytes) !== tree.digest) return [{ path: INDEX_FILE, problem: 'changed' }];
  const index = await known.index(tree.digest, indexBytes);
  return compareTree(index, join(directory, FILES_DIRECTORY), { ...question, known, writable });
}

/**
 * Renames first, deletes after: killed at any moment, a tree is whole in its place or on its way out for good. What cannot go
 * keeps nothing else from going. Errors: disk/immovable, and those of the file system, once the rest is gone.
 */
async function collect(
  layout: StoreLayout,
  keep: ReadonlySet<Digest>,
  adding: ReadonlyMap<Digest, unknown>,
): Promise<void> {
  await createStore(layout);
  const failures: unknown[] = [];
  for (const name of await readdir(layout.trees)) {
    const path = join(layout.trees, name);
    const tree = treeOf(name);
    if (adding.has(tree) || (keep.has(tree) && placeOf(layout, tree) === path)) continue;
    const aside = `${name}.${randomBytes(6).toString('hex')}.old`;
    await rename(path, join(layout.temporary, aside)).catch((cause: unknown) => {
      failures.push(new FairleadError('disk/immovable', { path, problem: systemCode(cause) }, { cause }));
    });
  }
  await syncDirectory(layout.trees);
  for (const name of await readdir(layout.temporary)) {
    const tree = treeOf(name);
    const resumable = keep.has(tree) && /\.(?:pack|patch)$/.test(name) && !(await isStored(layout, tree));
    if (resumable || adding.has(tree)) continue;
    await removeAll(join(layout.temporary, name)).catch((cause: unknown) => void failures.push(cause));
  }
  await keepHanded(layout, new Set([...keep, ...adding.keys()])).catch((cause: unknown) =>
    failures.push(cause),
  );
  if (failures.length > 0) throw failures[0];
}

async function explaining<T>(path: string, act: () => Promise<T>, needed?: number): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw toDiskError(path, cause, needed);
  }
}
