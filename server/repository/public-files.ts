// The signed repository as the world reads it: small files from memory, large ones as streams, and what is known also while the store is away.
import { setTimeout } from 'node:timers/promises';
import { type Digest, digestFromHex, hexOf } from '../../shared/encoding/digest.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { type Advisory, advisory } from '../../shared/schema/advisory.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { isForGood, publicName, targetName } from './names.ts';
import type { AdvisoryRef, Published } from './state.ts';
import type { LargeFile, RepositoryStore, SmallFile } from './store.ts';

export interface PublicFiles {
  /** By its path below the repository; null when nothing is published under it. Errors: those of the store. */
  find(path: string): Promise<SmallFile | LargeFile | null>;
  /** What `find` would answer without waiting for the store; undefined where it would wait. */
  peek(path: string): SmallFile | null | undefined;
  /** Something was published: what is remembered of names whose content may change is looked at again. */
  changed(): void;
}

const MEMORY_BYTES = 32 * 2 ** 20;
/** What an entry costs besides its bytes. */
const ENTRY_BYTES = 512;
/** Another process may publish into the same store: so long, at most, is an answer older than what stands there. */
export const RECHECK_MS = 1_000;
/** So long one request waits for a store that does not answer before it gets what was there a moment ago. */
const PATIENCE_MS = 250;

interface Entry {
  readonly file: SmallFile | null;
  /** Null for what never changes. */
  readonly checked: number | null;
}

/** `now` is any clock that only goes forward, in milliseconds. */
export function createPublicFiles(store: RepositoryStore, now: () => number): PublicFiles {
  const memory = createMemory();
  const looking = new Map<string, Promise<SmallFile | LargeFile | null>>();
  let generation = 0;

  /** For all who ask meanwhile; but a large file is one caller's, who closes it. */
  async function share(path: string, name: string): Promise<SmallFile | LargeFile | null> {
    const underWay = looking.get(path);
    const file = await (underWay ?? look(path, name));
    return underWay !== undefined && file?.kind === 'large' ? store.open(name) : file;
  }

  function look(path: string, name: string): Promise<SmallFile | LargeFile | null> {
    const begun = generation;
    const found = store.open(name).then((file) => {
      // What was published since may be another.
      const checked = begun === generation ? now() : Number.NEGATIVE_INFINITY;
      if (file?.kind === 'large') memory.forget(path);
      else memory.keep(path, { file, checked: file !== null && isForGood(path) ? null : checked });
      return file;
    });
    looking.set(path, found);
    const done = () => {
      if (looking.get(path) === found) looking.delete(path);
    };
    found.then(done, done);
    return found;
  }

  const isFresh = ({ checked }: Entry) => checked === null || now() - checked < RECHECK_MS;
  function peek(path: string): SmallFile | null | undefined {
    const known = memory.recall(path);
    // Where somebody waits for the store already: one that is slow or away holds up one request at a time.
    return known !== undefined && (isFresh(known) || looking.has(path)) ? known.file : undefined;
  }

  return {
    peek,
    find: async (path) => {
      const name = publicName(path);
      if (name === null) return null;
      const atHand = peek(path);
      if (atHand !== undefined) return atHand;
      const known = memory.recall(path);
      return known === undefined ? share(path, name) : withPatience(look(path, name), known.file);
    },
    changed: () => {
      generation++;
      looking.clear();
      memory.age();
    },
  };
}

/** What was there a moment ago, where the store does not say what is there now: clients judge its age by what is signed. */
async function withPatience(
  asked: Promise<SmallFile | LargeFile | null>,
  known: SmallFile | null,
): Promise<SmallFile | LargeFile | null> {
  const patience = new AbortController();
  const waited = setTimeout(PATIENCE_MS, 'too long' as const, { signal: patience.signal });
  const first = await Promise.race([asked.catch(() => known), waited.catch(() => known)]);
  patience.abort();
  if (first !== 'too long') return first;
  // Nobody waits for it any more.
  void asked.then(
    (file) => (file?.kind === 'large' ? file.close() : undefined),
    () => undefined,
  );
  return known;
}

/** A bounded number of bytes. The oldest goes first: what is asked for often is soon back. */
function createMemory() {
  const entries = new Map<string, Entry>();
  let held = 0;

  function forget(path: string): void {
    held -= costOf(path, entries.get(path));
    entries.delete(path);
  }

  return {
    recall: (path: string) => entries.get(path),
    forget,
    keep: (path: string, entry: Entry): void => {
      forget(path);
      entries.set(path, entry);
      held += costOf(path, entry);
      for (const old of entries.keys()) {
        if (held <= MEMORY_BYTES) return;
        forget(old);
      }
    },
    /** What may change is looked at before it is given again. */
    age: (): void => {
      for (const [path, entry] of entries) {
        if (entry.checked !== null) entries.set(path, { ...entry, checked: Number.NEGATIVE_INFINITY });
      }
    },
  };
}

function costOf(path: string, entry: Entry | undefined): number {
  return entry === undefined ? 0 : ENTRY_BYTES + path.length + (entry.file?.bytes.length ?? 0);
}

/** Error: server/repository-damaged when the published document is missing, and those of the store. */
export async function readAdvisory(store: RepositoryStore, { path, sha256 }: AdvisoryRef): Promise<Advisory> {
  const name = targetName(path, sha256);
  const found = await store.read(name);
  if (found === null) {
    const problem = 'it is missing';
    throw new FairleadError('server/repository-damaged', { repository: store.place, name, problem });
  }
  return parseDocumentBytes(advisory, found.bytes, path);
}

/** Each advisory that is published, by its bytes. Errors: those of the store. */
export function advisoriesIn(store: RepositoryStore, { version, advisories }: Published) {
  return {
    version: version ?? 0,
    advisories: advisories.map(({ id, path, sha256 }) => ({ id, path, digest: digestFromHex(sha256) })),
    read: async (path: string, digest: Digest) =>
      (await store.read(targetName(path, hexOf(digest))))?.bytes ?? null,
  };
}
