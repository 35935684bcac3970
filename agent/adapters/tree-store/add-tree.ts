// How one tree enters the store: fetched the cheapest way, built apart, made durable, and only then renamed to where it counts.
import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hexOf } from '../../../shared/encoding/digest.ts';
import { isDiskFull, isFairleadError } from '../../../shared/errors/error.ts';
import { readPack } from '../../../shared/node/pack-reader.ts';
import { removeAll } from '../../../shared/node/remove-all.ts';
import { unpackTree } from '../../../shared/node/unpack.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { maxPackBytes } from '../../../shared/tree/pack-format.ts';
import type { FetchedTree } from '../../ports/state.ts';
import { buildTree } from './build-tree.ts';
import { buildByPatch } from './by-patch.ts';
import { type DiskSpace, requireSpace } from './disk-space.ts';
import {
  bytesIn,
  type FetchPack,
  freeName,
  isResumable,
  keepingWhatResumes,
  type Patches,
} from './downloads.ts';
import type { StoreLayout } from './layout.ts';
import { type OnLeft, putInPlace } from './places.ts';
import type { Transfers } from './transfers.ts';

export interface AddTreeOptions {
  readonly layout: StoreLayout;
  readonly fetchPack: FetchPack;
  /** Absent where none are looked for. */
  readonly patches?: Patches | undefined;
  /** Hears why a patch that was offered is not taken. */
  readonly onInstead: (ref: TreeRef, cause: unknown) => void;
  /** How many there are to fetch from, the nearest first. */
  readonly places: () => Promise<number>;
  readonly diskSpace: (path: string) => Promise<DiskSpace>;
  /** Ends the wait for the network, and for a patch that is being applied. */
  readonly signal: AbortSignal | undefined;
  readonly onLeft: OnLeft;
  readonly transfers: Transfers;
  readonly shareable: boolean;
}

/** Errors: tree/*, transport/*, disk/*, and the file system's own. A refused pack leaves nothing behind. */
export async function addTree(ref: TreeRef, options: AddTreeOptions): Promise<FetchedTree> {
  const { layout, onLeft } = options;
  return await stageTree(ref, options, (staging) => putInPlace(layout, ref.digest, staging, onLeft));
}

/** Fetches the tree and builds it apart, durable; it is gone again once `use` has ended. Errors as above. */
export async function stageTree(
  ref: TreeRef,
  options: AddTreeOptions,
  use: (staging: string) => Promise<void>,
): Promise<FetchedTree> {
  const { layout, diskSpace } = options;
  const hex = hexOf(ref.digest);
  const staging = await freeName(join(layout.temporary, `${hex}.tree`), async () => false);
  const need = { bytes: ref.bytes, inodes: ref.files };
  requireSpace(layout.temporary, need, await diskSpace(layout.temporary));
  try {
    const fetched = await obtainTree(ref, staging, options);
    await use(staging);
    return fetched;
  } finally {
    options.transfers.end(ref.digest);
    await removeAll(staging).catch(() => undefined);
  }
}

/**
 * From the first place that has it whole: one that cannot be reached, or whose bytes are not what was signed, is passed over,
 * and so is one whose bytes fill the disk: they may be any. Each has a file of its own: what a liar began no honest place goes
 * on with, and none lacks the room that it takes. Errors: of the last.
 */
async function obtainTree(ref: TreeRef, staging: string, options: AddTreeOptions): Promise<FetchedTree> {
  let roomiest = -1;
  for (let place = 0; ; ) {
    try {
      return await obtainFrom(place, ref, staging, options);
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      await removeAll(staging);
      const isFull = isFairleadError(error, 'disk/full', 'disk/no-inodes') || isDiskFull(error);
      if (isFull && roomiest < place && (await removeBegun(ref, options.layout))) {
        roomiest = place;
        continue;
      }
      const isOfPlace = isFull || (isFairleadError(error) && /^(?:transport|tree)\//.test(error.code));
      if (!isOfPlace || ++place >= (await options.places())) throw error;
    }
  }
}

/** True where there was something: to go on where it broke off is worth less than its room. */
async function removeBegun(ref: TreeRef, { temporary }: StoreLayout): Promise<boolean> {
  const begun = new RegExp(`^${hexOf(ref.digest)}\\..*(?:pack|patch)$`);
  let removed = 0;
  for (const name of (await readdir(temporary)).filter((one) => begun.test(one))) {
    await removeAll(join(temporary, name)).then(
      () => removed++,
      () => undefined,
    );
  }
  return removed > 0;
}

const NO_ATTEMPT = { kind: 'none' } as const;

async function obtainFrom(
  place: number,
  ref: TreeRef,
  staging: string,
  options: AddTreeOptions,
): Promise<FetchedTree> {
  const { patches } = options;
  const attempt =
    patches === undefined ? NO_ATTEMPT : await buildByPatch(place, ref, staging, { ...options, patches });
  if (attempt.kind === 'built') return { way: 'patch', bytes: attempt.bytes };
  if (attempt.kind === 'failed') {
    options.onInstead(ref, attempt.cause);
    await removeAll(staging);
  }
  const bytes = await buildByPack(place, ref, staging, options);
  if (attempt.kind === 'none') return { way: 'pack', bytes };
  return { way: 'pack', bytes: bytes + attempt.bytes, instead: attempt.cause };
}

/** Answers the bytes that it measures. */
async function buildByPack(
  place: number,
  ref: TreeRef,
  staging: string,
  { layout, fetchPack, diskSpace, signal, transfers, shareable }: AddTreeOptions,
): Promise<number> {
  const hex = hexOf(ref.digest);
  const name = place === 0 ? `${hex}.pack` : `${hex}.${place}.pack`;
  const file = await freeName(join(layout.temporary, name), isResumable);
  const onBytes = transfers.begin(ref.digest, 'pack');
  const limits = { maxBytes: maxPackBytes(ref), place, onBytes, ...(signal === undefined ? {} : { signal }) };
  await keepingWhatResumes(file, () => fetchPack(hex, file, limits));
  try {
    const bytes = await bytesIn(file);
    await withPack(file, async (pack) => {
      const contents = await readPack(pack, ref);
      const built = { staging, diskSpace, shareable };
      await buildTree(contents, built, (files) => unpackTree(contents, ref.digest, files));
    });
    return bytes;
  } finally {
    await removeAll(file).catch(() => undefined);
  }
}

async function withPack(file: string, use: (pack: FileHandle) => Promise<void>): Promise<void> {
  const pack = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await use(pack);
  } finally {
    await pack.close();
  }
}
