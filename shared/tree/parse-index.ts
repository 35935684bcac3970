// Reads the bytes of a tree's index in slices: canonical JSON is cut between entries, so no more than a slice is ever parsed at once.
import { equalBytes, utf8 } from '../encoding/bytes.ts';
import { isDigest } from '../encoding/digest.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../encoding/json.ts';
import { finish, type Pieces } from '../encoding/pieces.ts';
import { FairleadError, isFairleadError } from '../errors/error.ts';
import { MAX_TREE_ENTRIES } from '../schema/tree-bounds.ts';
import { plainFilesAt } from './plain-files.ts';
import { TREE_SCHEMA, type TreeEntry, type TreeIndex } from './tree-index.ts';
import { refusedEntry, verifyEntries } from './tree-rules.ts';

/** What an index may measure: a full one with long paths. */
export const MAX_INDEX_BYTES = 64 * 2 ** 20;

/** What treeIndexBytes writes around the entries. */
const HEAD = utf8('{"entries":[');
const TAIL = utf8(`],"schema":"${TREE_SCHEMA}"}`);

const SLICE_BYTES = 32 * 1024;
/** Path and target of 1024 bytes each, every byte escaped. */
const MAX_ENTRY_BYTES = 16 * 1024;

/** Errors: tree/index-invalid, tree/entry-refused, tree/too-large. */
export function parseTreeIndex(bytes: Uint8Array): TreeIndex {
  return finish(parseTreeIndexSliced(bytes));
}

/** The same, in pieces. */
export function* parseTreeIndexSliced(bytes: Uint8Array): Pieces<TreeIndex> {
  const list = listOf(bytes);
  const entries: TreeEntry[] = [];
  for (let start = 0; start < list.length; ) {
    const plain = plainFilesAt(list, start, SLICE_BYTES, SLICE_BYTES + MAX_ENTRY_BYTES);
    const end = plain?.end ?? endOfSlice(list, start);
    if (plain === null) addEntries(entries, list.subarray(start, end));
    else entries.push(...plain.files);
    if (entries.length > MAX_TREE_ENTRIES) {
      const found = entries.length;
      throw new FairleadError('tree/too-large', {
        ...{ limit: 'its number of entries', value: MAX_TREE_ENTRIES, found },
      });
    }
    yield end - start;
    // A comma, which nothing may follow that is no entry.
    start = end + 1;
    if (start === list.length) throw invalid('it ends with a comma');
  }
  yield* verifyEntries(entries);
  return { entries };
}

/** The bytes between the brackets. */
function listOf(bytes: Uint8Array): Uint8Array {
  const isIndex =
    bytes.length >= HEAD.length + TAIL.length &&
    bytes.length <= MAX_INDEX_BYTES &&
    equalBytes(bytes.subarray(0, HEAD.length), HEAD) &&
    equalBytes(bytes.subarray(-TAIL.length), TAIL);
  if (!isIndex) throw invalid(`it is not the canonical JSON of a document of schema ${TREE_SCHEMA}`);
  return bytes.subarray(HEAD.length, -TAIL.length);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/** Where the comma stands behind the last entry of a slice. Entries hold no other braces than their own, but in text. */
function endOfSlice(list: Uint8Array, start: number): number {
  let end = start;
  for (;;) {
    end = endOfEntry(list, end);
    if (end === list.length) return end;
    if (list[end] !== COMMA) throw invalid('something other than a comma stands between two entries');
    if (end - start >= SLICE_BYTES) return end;
    end++;
  }
}

function endOfEntry(list: Uint8Array, start: number): number {
  if (list[start] !== OPENING) throw invalid('it lists something that is no entry');
  const limit = Math.min(list.length, start + MAX_ENTRY_BYTES);
  let inText = false;
  for (let i = start + 1; i < limit; i++) {
    const byte = list[i];
    if (inText && byte === BACKSLASH) i++;
    else if (byte === QUOTE) inText = !inText;
    else if (!inText && byte === CLOSING) return i + 1;
    else if (!inText && byte === OPENING) break;
  }
  throw invalid('an entry in it does not end where it should');
}

function addEntries(entries: TreeEntry[], slice: Uint8Array): void {
  for (const value of parseEntries(slice)) entries.push(parseEntry(value, entries.length));
}

function parseEntries(slice: Uint8Array): readonly JsonValue[] {
  try {
    const value = parseJson(Buffer.concat([utf8('['), slice, utf8(']')]), 'the index');
    return value as readonly JsonValue[];
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
    throw refusedEntry(path, 'its keys are not those of a file, a link or a directory');
  }
  return entry;
}

function toEntry(value: JsonObject, path: string): TreeEntry | null {
  const { kind, mode, size, digest, target } = value;
  switch (kind) {
    case 'file':
      if (mode !== 0o644 && mode !== 0o755) throw refusedEntry(path, 'its mode is neither 0644 nor 0755');
      if (typeof size !== 'number' || size < 0) throw refusedEntry(path, 'its size is not a count of bytes');
      if (typeof digest !== 'string' || !isDigest(digest))
        throw refusedEntry(path, 'its digest is not SHA-256');
      return { kind, path, mode, size, digest };
    case 'link':
      return typeof target === 'string' ? { kind, path, target } : null;
    case 'directory':
      return { kind, path };
    default:
      return null;
  }
}

function invalid(problem: string): FairleadError {
  return new FairleadError('tree/index-invalid', { problem });
}
