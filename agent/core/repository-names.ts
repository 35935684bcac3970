// Names of metadata and target files, the same on disk and in URLs: nothing a hostile name can do escapes its place.
import { FairleadError } from '../../shared/errors/error.ts';

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

/** Everything but unreserved characters (RFC 3986 §2.3); encodeURIComponent leaves five more. */
export function encodeSegment(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
