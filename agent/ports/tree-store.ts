// The content-addressed store of trees: nothing enters it unverified, nothing in it is half there.
import type { Digest } from '../../shared/encoding/digest.ts';
import type { TreeRef } from '../../shared/schema/release.ts';

export interface TreeStore {
  has(tree: Digest): Promise<boolean>;
  /** Absolute path of the directory that holds the tree's files. */
  directoryOf(tree: Digest): string;
  /**
   * Fetches the tree's pack (resuming an interrupted download), unpacks and verifies every file, makes it durable and
   * only then lets `has` answer true. Errors: tree/*, transport/*, disk/*; a failed call leaves nothing in the store.
   */
  add(tree: TreeRef, onProgress?: (bytes: number) => void): Promise<void>;
  /** Re-hashes a stored tree. Empty when it is exactly what its index says. */
  verify(tree: Digest): Promise<readonly TreeDeviation[]>;
  /**
   * Replaces what is damaged in a stored tree and removes what does not belong there, part by part, from other trees in the
   * store or else from the vendor. Errors: tree/*, transport/*, disk/*.
   */
  repair(tree: TreeRef): Promise<void>;
  /** Removes every tree that is not in `keep`; also what interrupted work left behind. */
  collect(keep: ReadonlySet<Digest>): Promise<void>;
}

export interface TreeDeviation {
  readonly path: string;
  readonly problem: 'missing' | 'changed' | 'unexpected';
}
