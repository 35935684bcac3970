// The repository port over TUF: refresh trust, fetch what it lists, remember both as one.
import { join } from 'node:path';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { type FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import type { Freshness, Repository } from '../../ports/repository.ts';
import type { HttpClient } from '../server/http-client.ts';
import { type CatalogEntry, collectCatalog, parseEntry } from './catalog.ts';
import { createDocuments, type DocumentRef, type Documents, isSameDocument, obtainAll } from './documents.ts';
import {
  EMPTY_LISTING,
  formatListing,
  isComplete,
  type Listing,
  listDocuments,
  nextListing,
  parseListing,
  sourceOf,
} from './listing.ts';
import { createMetadataSource } from './metadata-source.ts';
import { joinUrl } from './names.ts';
import { openTrustStore, type TrustStore } from './trust-store.ts';
import { Updater } from './updater.ts';

export interface RepositoryOptions {
  /** Everything the repository keeps; owner-only. */
  readonly directory: string;
  /** `metadata/` and `targets/` are below it. */
  readonly url: string;
  /** Where trust starts on an empty directory: root metadata that came over a trusted way. */
  readonly initialRoot: Uint8Array;
  readonly http: Pick<HttpClient, 'get'>;
  /** A signed document that cannot be used, or a path that signed metadata lists and nobody can read. */
  readonly onWarning: (warning: FairleadError) => void;
}

/** Beside the roles, whose files all end in `.json`: no role can have this name. */
const LISTING_FILE = 'listing';
/** Clocks drift; a server's may be somewhat ahead. */
const CLOCK_ALLOWANCE_MS = 10 * 60_000;

/** Loads what the disk holds. Errors: trust/no-root, trust/malformed, trust/threshold, disk/*. */
export async function createRepository(options: RepositoryOptions): Promise<Repository> {
  const store = await openTrustStore(options.directory);
  const updater = await Updater.open({
    store,
    source: createMetadataSource(joinUrl(options.url, 'metadata'), options.http),
    initialRoot: options.initialRoot,
  });
  const cache = join(options.directory, 'documents');
  await makeDirectory(cache);
  const documents = createDocuments(cache, joinUrl(options.url, 'targets'), options.http);
  const bytes = await store.read(LISTING_FILE);
  const listing = (bytes === null ? null : parseListing(bytes)) ?? EMPTY_LISTING;
  return new TufRepository(options, { store, updater, documents }, listing);
}

interface Parts {
  readonly store: TrustStore;
  readonly updater: Updater;
  readonly documents: Documents;
}

interface ReadDocument {
  readonly ref: DocumentRef;
  readonly entry: CatalogEntry;
}

class TufRepository implements Repository {
  readonly #onWarning: RepositoryOptions['onWarning'];
  readonly #parts: Parts;
  #listing: Listing;
  /** By path, what the last catalog was made of: a vendor's history is long, and its news is short. */
  #read: ReadonlyMap<string, ReadDocument> = new Map();

  constructor({ onWarning }: RepositoryOptions, parts: Parts, listing: Listing) {
    this.#onWarning = onWarning;
    this.#parts = parts;
    this.#listing = listing;
  }

  async refresh(now: EpochMs): Promise<'changed' | 'unchanged'> {
    const { updater } = this.#parts;
    await updater.refresh(now);
    const roleFailures = await updater.refreshDelegates(now);
    if (roleFailures.length === 0 && isComplete(this.#listing, updater.topLevel)) return 'unchanged';
    const failures = [...roleFailures, ...(await this.#updateListing(roleFailures.length === 0))];
    if (failures.length > 0) throw failures[0];
    return 'changed';
  }

  async catalog() {
    const { entries } = this.#listing;
    const isRead = (ref: DocumentRef) => isSameDocument(this.#read.get(ref.path)?.ref, ref);
    const { obtained, failures } = await obtainAll(
      this.#parts.documents,
      entries.filter((ref) => !isRead(ref)),
    );
    if (failures.length > 0) throw failures[0];
    const read = entries.flatMap((ref) => {
      const bytes = obtained.get(ref.path);
      const entry =
        bytes === undefined ? this.#read.get(ref.path)?.entry : this.#parseOrWarn(ref.path, bytes);
      return entry === undefined ? [] : [{ ref, entry }];
    });
    this.#read = new Map(read.map((each) => [each.ref.path, each]));
    return collectCatalog(read.map(({ entry }) => entry));
  }

  freshness(now: EpochMs): Freshness {
    const { expires, signedAt } = this.#listing;
    if (expires === null) return { state: 'never', expires };
    const floor = Math.max(signedAt ?? now, this.#parts.updater.topLevel.timestamp?.signedAt ?? now);
    if (now < floor - CLOCK_ALLOWANCE_MS) return { state: 'clock-behind', expires };
    return { state: Math.max(now, floor) < expires ? 'fresh' : 'expired', expires };
  }

  /** A document that cannot be used is reported and left out: one bad release must not hide an advisory. */
  #parseOrWarn(path: string, bytes: Uint8Array): CatalogEntry | undefined {
    try {
      return parseEntry(path, bytes);
    } catch (error) {
      if (!isFairleadError(error)) throw error;
      this.#onWarning(error);
      return undefined;
    }
  }

  /** Returns what kept documents from being fetched. */
  async #updateListing(hasAllRoles: boolean): Promise<readonly unknown[]> {
    const { store, updater, documents } = this.#parts;
    const { tree } = updater;
    if (tree === null) return [];
    const loaded = await tree.walk((delegation) => tree.loadCached(delegation));
    const { refs, isUnknown } = listDocuments(tree, loaded, this.#onWarning);
    // What is listed was obtained when it came into the listing.
    const listed = new Map(this.#listing.entries.map((ref) => [ref.path, ref]));
    const added = refs.filter((ref) => !isSameDocument(listed.get(ref.path), ref));
    const { obtained, failures } = await obtainAll(documents, added);
    const failed = new Set(added.flatMap(({ path }) => (obtained.has(path) ? [] : [path])));
    this.#listing = nextListing(
      this.#listing,
      refs.filter(({ path }) => !failed.has(path)),
      (path) => failed.has(path) || isUnknown(path),
      hasAllRoles && failures.length === 0 ? sourceOf(updater.topLevel, loaded.map(tree.lookUp)) : null,
    );
    await store.write(LISTING_FILE, formatListing(this.#listing));
    await documents.keepOnly(this.#listing.entries);
    return failures;
  }
}
