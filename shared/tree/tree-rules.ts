// What a list of entries must be to be a tree, in work that grows with its bytes alone and may rest in between.
//
// An index is signed by whoever may release, and reaches the vendor's server unsigned: each structure in it has a bound.
import { byCodePoint } from '../encoding/canonical.ts';
import type { Digest } from '../encoding/digest.ts';
import { finish, type Pieces } from '../encoding/pieces.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { FairleadError } from '../errors/error.ts';
import { MAX_TREE_BYTES, MAX_TREE_ENTRIES } from '../schema/tree-bounds.ts';
import type { TreeEntry, TreeIndex } from './tree-index.ts';
import { createLinkWalk } from './tree-links.ts';
import { pathProblem, targetProblem } from './tree-path.ts';

/** Characters of paths, or parts of links, between two rests: a few milliseconds. */
const SLICE_CHARACTERS = 64 * 1024;
const SLICE = 8192;

/** Sorts and verifies entries read from a directory. Errors: tree/entry-refused, tree/too-large. */
export function createTreeIndex(entries: readonly TreeEntry[]): TreeIndex {
  const index = { entries: entries.toSorted((a, b) => byCodePoint(a.path, b.path)) };
  finish(verifyEntries(index.entries));
  return index;
}

/** Errors: tree/entry-refused, tree/too-large. */
export function* verifyEntries(entries: readonly TreeEntry[]): Pieces<void> {
  yield* verifyLimits(entries);
  yield* verifyPlaces(entries);
  // Only now: a link is followed through other entries, all of which have to be well-formed first.
  yield* verifyLinks(entries);
}

export function refusedEntry(path: string, problem: string): FairleadError {
  return new FairleadError('tree/entry-refused', {
    path: sanitizeLine(path),
    problem: sanitizeLine(problem),
  });
}

function* verifyLimits(entries: readonly TreeEntry[]): Pieces<void> {
  requireAtMost('its number of entries', MAX_TREE_ENTRIES, entries.length);
  const sizes = new Map<Digest, number>();
  let bytes = 0;
  for (const [i, entry] of entries.entries()) {
    if (i % SLICE === SLICE - 1) yield SLICE;
    if (entry.kind !== 'file') continue;
    bytes += entry.size;
    // One digest has one content: with two sizes, one of them is a lie.
    const size = sizes.get(entry.digest) ?? entry.size;
    if (size !== entry.size) {
      throw refusedEntry(entry.path, 'another file has its digest and a different size');
    }
    sizes.set(entry.digest, size);
  }
  requireAtMost('the sum of its file sizes', MAX_TREE_BYTES, bytes);
}

function requireAtMost(limit: string, value: number, found: number): void {
  if (found > value) throw new FairleadError('tree/too-large', { limit, value, found });
}

/**
 * Well-formed, sorted, and nothing inside a file, a link or a listed directory. In sorted order every entry whose path
 * begins another's stands before it with nothing foreign between, so one stack of such beginnings knows all ancestors.
 */
function* verifyPlaces(entries: readonly TreeEntry[]): Pieces<void> {
  const beginnings: TreeEntry[] = [];
  let previous = '';
  let characters = 0;
  for (const entry of entries) {
    const { path } = entry;
    characters += path.length;
    if (characters > SLICE_CHARACTERS) {
      yield characters;
      characters = 0;
    }
    while (beginnings.length > 0 && !path.startsWith(beginnings.at(-1)?.path ?? '')) beginnings.pop();
    const problem = pathProblem(path) ?? orderProblem(previous, path) ?? ancestorProblem(path, beginnings);
    if (problem !== null) throw refusedEntry(path, problem);
    beginnings.push(entry);
    previous = path;
  }
}

function orderProblem(previous: string, path: string): string | null {
  const order = byCodePoint(previous, path);
  if (order < 0) return null;
  return order === 0 ? 'it is listed twice' : `it is listed after "${previous}": paths must be sorted`;
}

/** An entry inside a file or a link would be written through it; inside a listed directory, that is not empty. */
function ancestorProblem(path: string, beginnings: readonly TreeEntry[]): string | null {
  const ancestor = beginnings.find((entry) => path[entry.path.length] === '/');
  return ancestor === undefined
    ? null
    : `it lies inside "${ancestor.path}", which is listed as a ${ancestor.kind}`;
}

function* verifyLinks(entries: readonly TreeEntry[]): Pieces<void> {
  const walk = createLinkWalk();
  const rest = createRest(() => walk.parts());
  let text = 0;
  for (const entry of entries) {
    if (entry.kind !== 'link') continue;
    const problem = targetProblem(entry.target);
    if (problem !== null) throw refusedEntry(entry.path, problem);
    text += entry.path.length + entry.target.length;
    requireAtMost('the text of its links', MAX_LINK_TEXT, text);
    walk.add(entry.path, entry.target);
    requireAtMost('its directories with links', MAX_LINK_NODES, walk.nodes());
    if (rest.isDue()) yield SLICE;
  }
  for (const { kind, path } of entries) {
    const problem = kind === 'link' ? walk.problemOf(path) : null;
    if (problem !== null) throw refusedEntry(path, problem);
    if (rest.isDue()) yield SLICE;
  }
}

function createRest(work: () => number) {
  let done = 0;
  return {
    isDue: () => {
      if (work() - done < SLICE) return false;
      done = work();
      return true;
    },
  };
}

/** More would make the table itself grow for longer than a slice may take. */
const MAX_LINK_NODES = 250_000;
/** Characters of paths and targets together: fifty thousand long links. */
const MAX_LINK_TEXT = 4 * 2 ** 20;
