// The content-addressed store of trees: nothing enters it unverified, nothing in it is half there.
import type { Digest } from '../../shared/encoding/digest.ts';
import type { CapabilityRelease, TreeRef } from '../../shared/schema/release.ts';
import type { Deviation } from '../core/deploy/tree-condition.ts';

/** The files of a release: its tree, and what below it is the service's own. */
export type ReleaseFiles = Pick<CapabilityRelease, 'tree' | 'writable'>;

export interface TreeStore {
  has(tree: Digest): Promise<boolean>;
  /** Absolute path of the directory that holds the tree's files. */
  directoryOf(tree: Digest): string;
  /**
   * Fetches the tree's pack (resuming an interrupted download), unpacks and verifies every file, makes it durable and
   * only then lets `has` answer true. Errors: tree/*, transport/*, disk/*; a failed call leaves nothing in the store.
   */
  add(tree: TreeRef, onProgress?: (bytes: number) => void): Promise<void>;
  /** Re-hashes a stored tree. Empty when it is exactly what its index says, but for what the service may write. */
  verify(files: ReleaseFiles): Promise<readonly TreeDeviation[]>;
  /**
   * Replaces what is changed or missing in a stored tree, part by part and by rename, from other trees in the store or else
   * from the vendor. Errors: tree/*, transport/*, disk/*.
   */
  repair(files: ReleaseFiles, how: RepairHow): Promise<void>;
  /** Removes every tree that is not in `keep`; also what interrupted work left behind. */
  collect(keep: ReadonlySet<Digest>): Promise<void>;
}

export interface RepairHow {
  /** `keep` where something runs from the tree: what it wrote beside its code is its own affair. */
  readonly added: 'keep' | 'remove';
  /** `local` takes from this machine alone: a rollback waits for no network. What is nowhere stays as it is. */
  readonly from: 'anywhere' | 'local';
}

export type TreeDeviation = Deviation;
