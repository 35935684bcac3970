// Metadata and documents that nothing refers to any more, and that no agent may still ask for: found from what is signed, removed while nobody publishes.
import { durationMs, type EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { forEachBounded } from '../../shared/node/turns.ts';
import { parseReleasePath } from '../../shared/schema/release-ref.ts';
import { parseEnvelope, type Snapshot, type Targets } from '../../shared/trust/metadata.ts';
import { parseSnapshot, parseTargets } from '../../shared/trust/parse-metadata.ts';
import type { Turn } from './commit.ts';
import { goalOf } from './differences.ts';
import { METADATA, metadataName, pathOfTarget, TARGETS, targetName } from './names.ts';
import type { RepositoryState } from './state.ts';
import type { RepositoryStore } from './store.ts';

/** An agent goes on with a snapshot until that expires; so long after it may still be on its way through the files it names. */
export const UNREFERENCED_KEPT_MS = durationMs('P30D');

export interface Pruned {
  readonly removed: number;
  /** To be removed with the next turn: publications are not held up for all of it. */
  readonly left: number;
}

/** Roots are no candidates: however old an agent is, it walks from its root to the newest one by one (TUF §5.3). */
const VERSIONED = /^repository\/metadata\/\d+\.(?!root\.)[a-z][a-z0-9-]*\.json$/;
const SNAPSHOT = /\/\d+\.snapshot\.json$/;

/** What a file may take of the time others wait for a turn. */
const MOST_A_TURN = 500;
const PARALLEL = 16;

/**
 * Names that neither `state` leads to nor any snapshot that expired less than thirty days ago. Of a release nothing goes by itself: neither its
 * document nor its pack; see leftovers.ts. Errors: server/repository-damaged where it cannot be known, and those of the store.
 */
export async function findUnreferenced(
  store: RepositoryStore,
  state: RepositoryState,
  now: EpochMs,
): Promise<readonly string[]> {
  const { referenced, names } = await readReferenced(store, state, now);
  return names.filter((name) => !referenced.has(name) && !isOfRelease(name));
}

/** A release's document, whichever. */
export function isOfRelease(name: string): boolean {
  const path = pathOfTarget(name);
  return path !== null && parseReleasePath(path) !== null;
}

export interface Referenced {
  /** What may still be asked for. */
  readonly referenced: ReadonlySet<string>;
  /** All metadata but the roots, and all documents that stand there. */
  readonly names: readonly string[];
}

/** Errors: as of `findUnreferenced`. */
export async function readReferenced(
  store: RepositoryStore,
  state: RepositoryState,
  now: EpochMs,
): Promise<Referenced> {
  const referenced = new Set([metadataName('snapshot', state.snapshot.content.version)]);
  const read = new Set<string>();
  for (const [role, { content }] of state.roles) {
    read.add(metadataName(role, content.version));
    noteTargets(content, referenced);
  }
  const names: string[] = [];
  for await (const name of store.list(METADATA))
    if (VERSIONED.test(name) || goalOf(name) !== null) names.push(name);
  for await (const name of store.list(TARGETS)) if (pathOfTarget(name) !== null) names.push(name);
  const isLeft = (name: string) => !referenced.has(name) && !read.has(name);
  // Where all that stands there is current, as with most publications, nothing is read.
  const older = names.filter((name) => SNAPSHOT.test(name) && isLeft(name));
  const toRead = new Set<string>();
  await forEachBounded(older, PARALLEL, async (name) => {
    const snapshot = await parseAt<Snapshot>(store, name, 'snapshot', parseSnapshot);
    if (snapshot.expires + UNREFERENCED_KEPT_MS <= now) return;
    referenced.add(name);
    for (const [file, { version }] of snapshot.meta) {
      const needed = metadataName(file.replace(/\.json$/, ''), version);
      if (!read.has(needed)) toRead.add(needed);
    }
  });
  await forEachBounded([...toRead], PARALLEL, async (name) => {
    const role = /\/\d+\.(.+)\.json$/.exec(name)?.[1] ?? '';
    noteTargets(await parseAt<Targets>(store, name, role, parseTargets), referenced);
    read.add(name);
  });
  // A difference is of use as long as the file that it leads to.
  const ways = names.filter((name) => read.has(goalOf(name) ?? ''));
  return { referenced: new Set([...referenced, ...read, ...ways]), names };
}

/** As many as a turn allows. May end anywhere: what is left is found again. Errors: publication/overtaken, and those of the store. */
export async function removeUnreferenced(
  names: readonly string[],
  { store, turn }: { readonly store: RepositoryStore; readonly turn: Turn },
): Promise<Pruned> {
  const now = names.slice(0, MOST_A_TURN);
  await removeFiles(now, { store, turn });
  return { removed: now.length, left: names.length - now.length };
}

/** Before each the turn is asked for: it may be over. Errors: publication/overtaken, and those of the store. */
export async function removeFiles(
  names: readonly string[],
  { store, turn }: { readonly store: RepositoryStore; readonly turn: Turn },
): Promise<void> {
  for (const name of names) {
    // The tag before the turn: what somebody writes there after the end of ours is another file.
    const tag = await store.tagOf(name);
    await turn.verify();
    if (tag !== null) await store.clear(name, tag);
  }
}

function noteTargets({ targets }: Targets, referenced: Set<string>): void {
  for (const [path, { hashes }] of targets) referenced.add(targetName(path, hashes.get('sha256') ?? ''));
}

/** What cannot be read may lead to anything: nothing is removed then. */
async function parseAt<Metadata>(
  store: RepositoryStore,
  name: string,
  role: string,
  parse: (signed: ReturnType<typeof parseEnvelope>['signed'], role: string) => Metadata,
): Promise<Metadata> {
  const damaged = (problem: string, cause?: unknown) =>
    new FairleadError('server/repository-damaged', { repository: store.place, name, problem }, { cause });
  const stored = await store.read(name);
  if (stored === null) throw damaged('it is missing');
  try {
    return parse(parseEnvelope(stored.bytes, role).signed, role);
  } catch (cause) {
    throw damaged('it has other bytes', cause);
  }
}
