// The index of a tree: every file, link and empty directory of one capability release, in one canonical form.
import { canonicalize } from '../encoding/canonical.ts';
import { type Digest, digestOf } from '../encoding/digest.ts';
import type { TreeRef } from '../schema/release.ts';

/** Two modes only: what a file's owner, its times and its other bits were on the build machine is not the artifact. */
export type TreeMode = 0o644 | 0o755;

export interface TreeFile {
  readonly kind: 'file';
  readonly path: string;
  readonly mode: TreeMode;
  readonly size: number;
  readonly digest: Digest;
}

export interface TreeLink {
  readonly kind: 'link';
  readonly path: string;
  /** Relative to the directory that holds the link. */
  readonly target: string;
}

/** An empty directory; every other directory follows from the paths inside it. */
export interface TreeDirectory {
  readonly kind: 'directory';
  readonly path: string;
}

export type TreeEntry = TreeFile | TreeLink | TreeDirectory;

/** Entries sorted by the UTF-8 bytes of their paths: one tree has one index, one index has one digest. */
export interface TreeIndex {
  readonly entries: readonly TreeEntry[];
}

export const TREE_SCHEMA = 'fairlead/tree@1';

/** The bytes whose SHA-256 is the tree's identity. */
export function treeIndexBytes(index: TreeIndex): Uint8Array {
  return canonicalize({ schema: TREE_SCHEMA, entries: index.entries.map((entry) => ({ ...entry })) });
}

export function treeDigest(index: TreeIndex): Digest {
  return digestOf(treeIndexBytes(index));
}

/** What a capability release signs: the digest, how many files, and the sum of their sizes. */
export function treeRefOf(index: TreeIndex): TreeRef {
  return { digest: treeDigest(index), ...measureTree(index) };
}

export function measureTree(index: TreeIndex): { readonly files: number; readonly bytes: number } {
  let files = 0;
  let bytes = 0;
  for (const entry of index.entries) {
    if (entry.kind !== 'file') continue;
    files++;
    bytes += entry.size;
  }
  return { files, bytes };
}
