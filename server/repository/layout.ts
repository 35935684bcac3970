// Where everything of a release server stands on disk, below the one directory it is given.
import { basename, dirname, join } from 'node:path';
import { packPath } from '../../shared/protocol/publication.ts';

export interface Layout {
  readonly dir: string;
  readonly database: string;
  /** Held by the one process that signs here. */
  readonly lock: string;
  /** Sealed signing keys of the two online roles. */
  readonly keys: string;
  /** Present when `init` made the passphrase itself. */
  readonly passphrase: string;
  /** Where the audit log stood a while ago. */
  readonly auditCheckpoint: string;
  /** Packs on their way in. */
  readonly uploads: string;
  /** The publication that is being made visible; see commit.ts. */
  readonly commit: string;
  /** What the world may read, as it is: metadata, targets, packs. */
  readonly repository: string;
}

export function layoutOf(dir: string): Layout {
  return {
    dir,
    database: join(dir, 'fairlead.db'),
    lock: join(dir, 'lock.db'),
    keys: join(dir, 'keys'),
    passphrase: join(dir, 'passphrase'),
    auditCheckpoint: join(dir, 'audit-checkpoint.json'),
    uploads: join(dir, 'uploads'),
    commit: join(dir, 'commit.json'),
    repository: join(dir, 'repository'),
  };
}

export function metadataDirectory(layout: Layout): string {
  return join(layout.repository, 'metadata');
}

/** TUF §6: consistent snapshots put the version first; only the timestamp has one name for good. */
export function metadataFile(layout: Layout, role: string, version: number): string {
  return join(metadataDirectory(layout), `${version}.${role}.json`);
}

export function timestampFile(layout: Layout): string {
  return join(metadataDirectory(layout), 'timestamp.json');
}

/** TUF §6: the digest stands before the last part of the path. */
export function targetFile(layout: Layout, path: string, sha256: string): string {
  return join(layout.repository, 'targets', dirname(path), `${sha256}.${basename(path)}`);
}

export function packFile(layout: Layout, treeHex: string): string {
  return join(layout.repository, packPath(treeHex));
}
