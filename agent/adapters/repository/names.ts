// Names of metadata and target files, in URLs and on disk: nothing a hostile name can do escapes its place.
import { FairleadError } from '../../../shared/errors/error.ts';

/** A file name has at most 255 bytes, some of which the temporary name needs. */
const MAX_NAME_BYTES = 200;

export const ROOT_FILE = 'root.json';
export const TIMESTAMP_FILE = 'timestamp.json';
export const SNAPSHOT_FILE = 'snapshot.json';
export const HISTORY_DIRECTORY = 'root_history';

export function historyFile(version: number): string {
  return `${HISTORY_DIRECTORY}/${version}.root.json`;
}

/** `<role>.json` with the role percent-encoded: one path segment, never `..`. Error: trust/malformed. */
export function roleFile(role: string): string {
  const name = encodeSegment(role);
  if (name.length > MAX_NAME_BYTES) {
    throw new FairleadError('trust/malformed', {
      role: `${role.slice(0, 40)}…`,
      problem: 'its name is too long',
    });
  }
  return `${name}.json`;
}

/** A target path as one file name. Error: trust/target-not-found for one too long to be stored. */
export function targetFile(path: string): string {
  const name = encodeSegment(path);
  if (name.length > MAX_NAME_BYTES || /^\.*$/.test(name)) {
    throw new FairleadError('trust/target-not-found', { path });
  }
  return name;
}

export function joinUrl(base: string, path: string): string {
  return base.endsWith('/') ? base + path : `${base}/${path}`;
}

/**
 * TUF §6.2: `dir/name` is served as `dir/HASH.name` in consistent snapshots. Dots climb in URLs however they are
 * encoded. Error: trust/misplaced.
 */
export function targetUrlPath(path: string, hash: string | null): string {
  if (/(?:^|\/)\.{1,2}(?:\/|$)/.test(path)) {
    throw new FairleadError('trust/misplaced', { path, problem: 'a path may not climb' });
  }
  const parts = path.split('/').map(encodeSegment);
  const last = parts.pop() ?? '';
  return [...parts, hash === null ? last : `${hash}.${last}`].join('/');
}

/** Everything but unreserved characters (RFC 3986 §2.3); encodeURIComponent leaves five more. */
function encodeSegment(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
