// Where a repository's bytes come from: a server, a mirror, a directory. Nothing that it gives is believed.

export type MetadataAnswer =
  | { readonly kind: 'body'; readonly bytes: Uint8Array; readonly etag: string | null }
  /** It still has what `unless` names. */
  | { readonly kind: 'not-modified' }
  /** `place` says where it was looked for. */
  | { readonly kind: 'missing'; readonly status: number; readonly place: string };

export interface RepositorySource {
  /** A metadata file by its name, `2.root.json`. Errors: transport/*. */
  metadata(
    file: string,
    options: { readonly maxBytes: number; readonly unless?: string },
  ): Promise<MetadataAnswer>;
  /** A target by its path, and by its hash in consistent snapshots. Errors: transport/*, trust/misplaced. */
  document(path: string, hash: string | null, maxBytes: number): Promise<Uint8Array>;
  /** Downloads a tree's pack into `file`, going on where an earlier call stopped. Errors: transport/*, disk/*. */
  pack(
    treeHex: string,
    file: string,
    options: { readonly maxBytes: number; readonly onProgress: (bytes: number) => void },
  ): Promise<void>;
}
