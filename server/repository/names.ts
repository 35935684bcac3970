// What things are called in the place of the repository: below `repository/` what the world may read, beside it what only servers do.
import { basename, dirname, join } from 'node:path/posix';
import { patchListPath } from '../../shared/protocol/patches.ts';
import { packPath, patchPath, sbomPath } from '../../shared/protocol/publication.ts';

/** What stands behind it is served as it is. */
export const PUBLIC = 'repository/';
export const METADATA = `${PUBLIC}metadata/`;
export const TARGETS = `${PUBLIC}targets/`;
export const PACKS = `${PUBLIC}packs/`;
/** TUF §6: only the timestamp has one name for good. */
export const TIMESTAMP = `${METADATA}timestamp.json`;
/** The publication that is being made visible; see commit.ts. */
export const COMMIT = 'commit.json';
/** Whose repository it is; see mark.ts. */
export const FLEET = 'fleet.json';

/** TUF §6: consistent snapshots put the version first. */
export function metadataName(role: string, version: number): string {
  return `${METADATA}${version}.${role}.json`;
}

/** TUF §6: the digest stands before the last part of the path. */
export function targetName(path: string, sha256: string): string {
  return join(`${PUBLIC}targets`, dirname(path), `${sha256}.${basename(path)}`);
}

const DIGESTED = /^repository\/targets\/((?:.*\/)?)[0-9a-f]{64}\.([^/]+)$/;

/** The other way round; null for what is no document. */
export function pathOfTarget(name: string): string | null {
  const [, folder, last] = DIGESTED.exec(name) ?? [];
  return folder === undefined || last === undefined ? null : folder + last;
}

export function packName(treeHex: string): string {
  return PUBLIC + packPath(treeHex);
}

export function sbomName(treeHex: string, sbomHex: string): string {
  return PUBLIC + sbomPath(treeHex, sbomHex);
}

export function patchName(toHex: string, fromHex: string): string {
  return PUBLIC + patchPath(toHex, fromHex);
}

export function patchListName(toHex: string): string {
  return PUBLIC + patchListPath(toHex);
}

/** Metadata, targets and packs have no other names; what is on its way in begins with a dot. */
const PATH = /^(?:metadata|targets|packs)(?:\/[A-Za-z0-9_~@+^-][A-Za-z0-9_.~@+^-]*){1,8}$/;
const LONGEST = 600;

/** Where the file is that the world calls so; null when nothing of ours can be called so. */
export function publicName(path: string): string | null {
  return path.length <= LONGEST && PATH.test(path) ? PUBLIC + path : null;
}

const FOR_GOOD =
  /\/(?:\d+\.[a-z][a-z0-9-]*\.json|\d+\.\.\d+\.[a-z][a-z0-9-]*\.diff|[0-9a-f]{64}\.(?!patch$)[^/]+)$/;

/** A version or a digest stands in the name: these bytes never change. That of a patch tells where it starts alone: it may be replaced. */
export function isForGood(path: string): boolean {
  return FOR_GOOD.test(path);
}

/** One name, many contents: short enough to miss nothing, long enough for a cache to help. */
const TIMESTAMP_CACHE = 'public, max-age=10, must-revalidate';
/** Patches come and go; whoever knows an older list misses some, or asks for one that is gone and takes the full pack. */
const PATCH_LIST_CACHE = 'public, max-age=60';
/** These bytes never change. */
const FOR_GOOD_CACHE = 'public, max-age=31536000, immutable';

/** What caches on the way are told, by our server and by a bucket. */
export function cacheControlOf(path: string): string {
  if (path.endsWith('metadata/timestamp.json')) return TIMESTAMP_CACHE;
  return path.endsWith('/patches.json') ? PATCH_LIST_CACHE : FOR_GOOD_CACHE;
}

export function mediaOf(path: string): string {
  return path.endsWith('.json') ? 'application/json' : 'application/octet-stream';
}
