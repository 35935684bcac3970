// Asks before writing whether a tree fits: bytes and inodes, with a reserve for the agent's own records.
import { statfs } from 'node:fs/promises';
import { FairleadError } from '../../../shared/errors/error.ts';
import { directoriesOf } from '../../../shared/node/tree-places.ts';
import type { TreeIndex } from '../../../shared/tree/tree-index.ts';

export interface DiskSpace {
  readonly blockBytes: number;
  readonly freeBytes: number;
  /** Infinity on file systems that make inodes as needed. */
  readonly freeInodes: number;
}

export interface SpaceNeed {
  readonly bytes: number;
  readonly inodes: number;
}

/** A disk filled to its last block could not take the journal of the deployment that filled it. */
const RESERVE: SpaceNeed = { bytes: 16 * 2 ** 20, inodes: 64 };

export async function readDiskSpace(path: string): Promise<DiskSpace> {
  const { bsize, bavail, files, ffree } = await statfs(path);
  return {
    blockBytes: bsize,
    freeBytes: bsize * bavail,
    freeInodes: files === 0 ? Number.POSITIVE_INFINITY : ffree,
  };
}

/** What a tree takes on disk: whole blocks for every file and directory, an inode for every entry. */
export function spaceOf(index: TreeIndex, blockBytes: number): SpaceNeed {
  const directories = directoriesOf(index).length;
  let blocks = directories;
  let inodes = directories;
  for (const entry of index.entries) {
    if (entry.kind === 'directory') continue;
    blocks += entry.kind === 'file' ? Math.ceil(entry.size / blockBytes) : 1;
    inodes++;
  }
  return { bytes: blocks * blockBytes, inodes };
}

/** Errors: disk/full, disk/no-inodes. */
export function requireSpace(path: string, need: SpaceNeed, space: DiskSpace): void {
  const bytes = need.bytes + RESERVE.bytes;
  if (bytes > space.freeBytes) {
    throw new FairleadError('disk/full', { path, needed: bytes, free: space.freeBytes });
  }
  const inodes = need.inodes + RESERVE.inodes;
  if (inodes > space.freeInodes) {
    throw new FairleadError('disk/no-inodes', { path, needed: inodes, free: space.freeInodes });
  }
}
