// What the loaded roles list for this agent, each document from the role that may speak for its path, and how that differs from what was listed before.
import { DOCUMENT_LIMITS } from '../../../shared/encoding/json.ts';
import { eachOf, type Pieces } from '../../../shared/encoding/pieces.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { createRests, inPieces } from '../../../shared/node/turns.ts';
import { type Delegation, resolveTarget } from '../../../shared/trust/delegation.ts';
import type { Targets } from '../../../shared/trust/metadata.ts';
import { type DocumentRef, isCatalogPath, isSameDocument } from './documents.ts';
import type { TargetsTree } from './updater.ts';

type Lookup = Pick<TargetsTree, 'lookUp'>;

export type ListDocuments = (tree: Lookup, loaded: readonly Delegation[]) => Promise<readonly DocumentRef[]>;

/** A role as its delegator trusts it, and what it said. */
type Said = readonly (readonly [edge: string, targets: Targets | undefined])[];

/**
 * In order of their paths, each once: a delegator that lists its delegate's paths itself is overruled by the order of delegations.
 * While the same roles are loaded, and those that delegate say what they said, who speaks for a path can change only where a role lists
 * it anew: these paths are looked at, in slices, and for all others it is what was found before. `onWarning` is told once of what cannot be listed.
 */
export function createLister(onWarning: (warning: FairleadError) => void): ListDocuments {
  let before: { readonly said: Said; readonly refs: readonly DocumentRef[] } | null = null;
  return async (tree, loaded) => {
    const rests = createRests();
    const said: Said = loaded.map((one) => [JSON.stringify([one.delegator, one.role]), tree.lookUp(one)]);
    const changed = before === null ? null : await inPieces(changedPaths(before.said, said), rests);
    const paths = changed ?? (await inPieces(pathsIn(said), rests));
    const ordered = [...paths].sort();
    const found = await resolveAll(ordered, tree, onWarning);
    const refs = changed === null || before === null ? found : replaced(before.refs, ordered, found);
    before = { said, refs };
    return refs;
  };
}

/** Paths of which a role says something else than it did. Null where more may have changed than these. */
function* changedPaths(before: Said, now: Said): Pieces<ReadonlySet<string> | null> {
  if (before.length !== now.length) return null;
  const changed = new Set<string>();
  for (const [i, [edge, is]] of now.entries()) {
    const [known, was] = before[i] ?? [];
    if (known !== edge || is === undefined || was === undefined) return null;
    if (is === was) continue;
    if (is.delegations.length > 0 || was.delegations.length > 0) return null;
    // A list that followed from the one before has nearly all of it in the same order: to step costs a fraction of looking up.
    const steps = was.targets.entries();
    let stayed = 0;
    yield* eachOf(is.targets, ([path, file]) => {
      const step = steps.next().value;
      const known = step?.[0] === path ? step[1] : was.targets.get(path);
      if (known !== undefined) stayed++;
      if (known !== file) changed.add(path);
    });
    if (stayed === was.targets.size) continue;
    yield* eachOf(was.targets.keys(), (path) => !is.targets.has(path) && changed.add(path));
  }
  return changed;
}

/** What is listed of `paths` is `found` now. All three in order of their paths. */
function replaced(
  refs: readonly DocumentRef[],
  paths: readonly string[],
  found: readonly DocumentRef[],
): readonly DocumentRef[] {
  const parts: (readonly DocumentRef[])[] = [];
  let [at, next] = [0, 0];
  for (const path of paths) {
    const place = firstFrom(path, refs, at);
    const ref = found[next];
    parts.push(refs.slice(at, place), ref?.path === path ? [ref] : []);
    if (ref?.path === path) next++;
    at = refs[place]?.path === path ? place + 1 : place;
  }
  return [...parts, refs.slice(at)].flat();
}

/** Where the first stands, from `from` on, whose path is this one or behind it. */
function firstFrom(path: string, refs: readonly DocumentRef[], from: number): number {
  let [low, high] = [from, refs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((refs[middle]?.path ?? '') < path) low = middle + 1;
    else high = middle;
  }
  return low;
}

function* pathsIn(said: Said): Pieces<ReadonlySet<string>> {
  const paths = new Set<string>();
  for (const [, targets] of said) {
    yield* eachOf(targets?.targets.keys() ?? [], (path) => isCatalogPath(path) && paths.add(path));
  }
  return paths;
}

async function resolveAll(
  paths: readonly string[],
  tree: Lookup,
  onWarning: (warning: FairleadError) => void,
): Promise<readonly DocumentRef[]> {
  const rests = createRests();
  const refs: DocumentRef[] = [];
  for (const path of paths) {
    await rests();
    const found = isCatalogPath(path) ? resolveTarget(path, tree.lookUp) : null;
    if (found?.kind !== 'found') continue;
    const { hashes, length, notes } = found.target;
    const sha256 = hashes.get('sha256');
    if (sha256 !== undefined && length <= DOCUMENT_LIMITS.maxBytes)
      refs.push({ path, sha256, length, ...(notes === undefined ? {} : { notes }) });
    else onWarning(new FairleadError('trust/misplaced', { path, problem: 'no SHA-256, or too large' }));
  }
  return refs;
}

/** Of these paths, those for which nobody can tell who speaks: a role is missing on the way. */
export async function findUnknown(tree: Lookup, paths: readonly string[]): Promise<ReadonlySet<string>> {
  const rests = createRests();
  const unknown = new Set<string>();
  for (const path of paths) {
    await rests();
    if (resolveTarget(path, tree.lookUp).kind === 'needs') unknown.add(path);
  }
  return unknown;
}

export interface RefChanges {
  /** What `now` has of documents that were not listed so before. */
  readonly added: readonly DocumentRef[];
  /** What `before` has of documents that are not listed so now. */
  readonly removed: readonly DocumentRef[];
}

/** `now` in order of its paths, each once. Most of a long list are the very objects that they were. */
export function compareRefs(before: readonly DocumentRef[], now: readonly DocumentRef[]): RefChanges {
  const added: DocumentRef[] = [];
  const removed: DocumentRef[] = [];
  let at = 0;
  for (const ref of inOrder(before)) {
    for (let next = now[at]; next !== undefined && next !== ref && next.path < ref.path; next = now[++at])
      added.push(next);
    const next = now[at];
    if (next === undefined || !isSameDocument(next, ref)) removed.push(ref);
    else at++;
  }
  // One by one: a call takes only so many arguments.
  for (const ref of now.slice(at)) added.push(ref);
  return { added, removed };
}

function inOrder(refs: readonly DocumentRef[]): readonly DocumentRef[] {
  return refs.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
