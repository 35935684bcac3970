// Downloads on their way into the store: each under a name of its own, gone on with where it broke off, and gone where it is of no use.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { removeAll } from '../../../shared/node/remove-all.ts';
import type { PatchEnds, PatchList } from '../../../shared/protocol/patches.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import type { StoreLayout } from './layout.ts';
import type { OnBytes } from './transfers.ts';

export interface FetchLimits {
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
  readonly place: number;
  readonly onBytes: OnBytes;
}

/**
 * Downloads the pack of a tree into `file`, going on where an earlier call stopped, and never past `maxBytes`.
 * Errors: transport/*, disk/*.
 */
export type FetchPack = (treeHex: string, file: string, limits: FetchLimits) => Promise<void>;

/** Where patches come from, and who applies them. */
export interface Patches {
  /** What leads to the tree, by the place's own word; null where it says nothing. Errors: transport/*, json/*, document/invalid. */
  list(treeHex: string, place: number, signal?: AbortSignal): Promise<PatchList | null>;
  /** As a pack is fetched. Errors: transport/*, disk/*. */
  fetch(ends: PatchEnds, file: string, limits: FetchLimits): Promise<void>;
  /** Builds the tree, durable; ends where the signal aborts. Errors: tree/*, disk/*. */
  apply(work: PatchWork, signal?: AbortSignal): Promise<void>;
}

export interface PatchWork {
  readonly layout: StoreLayout;
  readonly patch: string;
  readonly ref: TreeRef;
  /** The stored tree that it starts at. */
  readonly base: string;
  readonly staging: string;
  /** Whether it is to share files, with the one it starts at above all. */
  readonly shareable: boolean;
}

/** What an earlier attempt left gives way, or keeps its name where it cannot: the tree is built all the same. */
export async function freeName(path: string, isUsable: (path: string) => Promise<boolean>): Promise<string> {
  if (await isUsable(path)) return path;
  const isFree = await removeAll(path).then(
    () => true,
    () => false,
  );
  return isFree ? path : path.replace(/(?=\.\w+$)/, `.${randomBytes(6).toString('hex')}`);
}

/** A file that can be written to: what came of the download before. */
export async function isResumable(path: string): Promise<boolean> {
  const { O_WRONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => null);
  const isFile = (await handle?.stat())?.isFile() === true;
  await handle?.close();
  return isFile;
}

/** An interrupted download stays, to be resumed; one that broke its bounds or filled the disk does not. */
export async function keepingWhatResumes(file: string, download: () => Promise<void>): Promise<void> {
  try {
    await download();
  } catch (cause) {
    const resumable = isFairleadError(cause, 'transport/unreachable', 'transport/refused');
    if (!resumable) await removeAll(file).catch(() => undefined);
    throw cause;
  }
}

/** 0 where nothing is there. */
export async function bytesIn(file: string): Promise<number> {
  return (await stat(file).catch(() => null))?.size ?? 0;
}
