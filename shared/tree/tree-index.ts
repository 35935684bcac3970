// The index of a tree: every file, link and empty directory of one capability release, in one canonical form.
import { byCodePoint, canonicalize } from '../encoding/canonical.ts';
import { type Digest, digestOf, isDigest } from '../encoding/digest.ts';
import {
  isJsonObject,
  type JsonLimits,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../encoding/json.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { FairleadError, isFairleadError } from '../errors/error.ts';
import { MAX_TREE_BYTES, MAX_TREE_ENTRIES, type TreeRef } from '../schema/release.ts';
import { linkProblem, pathProblem, targetProblem } from './tree-path.ts';

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

const SCHEMA = 'fairlead/tree@1';
/** What an index may measure: a full one with long paths. */
export const MAX_INDEX_BYTES = 64 * 2 ** 20;
const INDEX_LIMITS: JsonLimits = { maxBytes: MAX_INDEX_BYTES, maxDepth: 3, maxNodes: MAX_TREE_ENTRIES * 6 };

/** Sorts and verifies entries read from a directory. Errors: tree/entry-refused, tree/too-large. */
export function createTreeIndex(entries: readonly TreeEntry[]): TreeIndex {
  const index = { entries: [...entries].sort((a, b) => byCodePoint(a.path, b.path)) };
  verifyTreeIndex(index);
  return index;
}

/** Errors: tree/index-invalid, tree/entry-refused, tree/too-large. */
export function parseTreeIndex(bytes: Uint8Array): TreeIndex {
  const value = parseIndexJson(bytes);
  if (!isJsonObject(value) || value.schema !== SCHEMA || Object.keys(value).length !== 2) {
    throw invalid(`it is not a document of schema ${SCHEMA}`);
  }
  const { entries } = value;
  if (!Array.isArray(entries)) throw invalid('it has no list of entries');
  const index = { entries: entries.map(parseEntry) };
  verifyTreeIndex(index);
  return index;
}

/** The bytes whose SHA-256 is the tree's identity. */
export function treeIndexBytes(index: TreeIndex): Uint8Array {
  return canonicalize({ schema: SCHEMA, entries: index.entries.map((entry) => ({ ...entry })) });
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

function parseIndexJson(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, 'the index', INDEX_LIMITS);
  } catch (cause) {
    if (!isFairleadError(cause)) throw cause;
    throw new FairleadError('tree/index-invalid', { problem: cause.message }, { cause });
  }
}

function parseEntry(value: JsonValue, position: number): TreeEntry {
  if (!isJsonObject(value) || typeof value.path !== 'string') {
    throw invalid(`entry ${position} has no path`);
  }
  const { path } = value;
  const entry = toEntry(value, path);
  if (entry === null || Object.keys(entry).length !== Object.keys(value).length) {
    throw refused(path, 'its keys are not those of a file, a link or a directory');
  }
  return entry;
}

function toEntry(value: JsonObject, path: string): TreeEntry | null {
  const { kind, mode, size, digest, target } = value;
  switch (kind) {
    case 'file':
      if (mode !== 0o644 && mode !== 0o755) throw refused(path, 'its mode is neither 0644 nor 0755');
      if (typeof size !== 'number' || size < 0) throw refused(path, 'its size is not a count of bytes');
      if (typeof digest !== 'string' || !isDigest(digest)) throw refused(path, 'its digest is not SHA-256');
      return { kind, path, mode, size, digest };
    case 'link':
      return typeof target === 'string' ? { kind, path, target } : null;
    case 'directory':
      return { kind, path };
    default:
      return null;
  }
}

function verifyTreeIndex(index: TreeIndex): void {
  verifyLimits(index);
  verifySizes(index);
  const byPath = new Map(index.entries.map((entry) => [entry.path, entry]));
  let previous = '';
  for (const entry of index.entries) {
    const problem =
      pathProblem(entry.path) ?? orderProblem(previous, entry.path) ?? ancestorProblem(entry.path, byPath);
    if (problem !== null) throw refused(entry.path, problem);
    previous = entry.path;
  }
  // Only now: a link is followed through other entries, all of which have to be well-formed first.
  for (const entry of index.entries) {
    if (entry.kind !== 'link') continue;
    const problem = targetProblem(entry.target) ?? linkProblem(entry.path, entry.target, linkTarget(byPath));
    if (problem !== null) throw refused(entry.path, problem);
  }
}

function verifyLimits(index: TreeIndex): void {
  const { bytes } = measureTree(index);
  const limits = [
    ['its number of entries', MAX_TREE_ENTRIES, index.entries.length],
    ['the sum of its file sizes', MAX_TREE_BYTES, bytes],
  ] as const;
  for (const [limit, value, found] of limits) {
    if (found > value) throw new FairleadError('tree/too-large', { limit, value, found });
  }
}

/** One digest has one content: with two sizes, one of them is a lie. */
function verifySizes(index: TreeIndex): void {
  const sizes = new Map<Digest, number>();
  for (const entry of index.entries) {
    if (entry.kind !== 'file') continue;
    const size = sizes.get(entry.digest) ?? entry.size;
    if (size !== entry.size) throw refused(entry.path, 'another file has its digest and a different size');
    sizes.set(entry.digest, size);
  }
}

function orderProblem(previous: string, path: string): string | null {
  const order = byCodePoint(previous, path);
  if (order < 0) return null;
  return order === 0 ? 'it is listed twice' : `it is listed after "${previous}": paths must be sorted`;
}

/** An entry inside a file or a link would be written through it; inside a listed directory, that is not empty. */
function ancestorProblem(path: string, byPath: ReadonlyMap<string, TreeEntry>): string | null {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const ancestor = byPath.get(path.slice(0, end));
    if (ancestor !== undefined)
      return `it lies inside "${ancestor.path}", which is listed as a ${ancestor.kind}`;
  }
  return null;
}

function linkTarget(byPath: ReadonlyMap<string, TreeEntry>): (path: string) => string | null {
  return (path) => {
    const entry = byPath.get(path);
    return entry?.kind === 'link' ? entry.target : null;
  };
}

function refused(path: string, problem: string): FairleadError {
  return new FairleadError('tree/entry-refused', {
    path: sanitizeLine(path),
    problem: sanitizeLine(problem),
  });
}

function invalid(problem: string): FairleadError {
  return new FairleadError('tree/index-invalid', { problem });
}
