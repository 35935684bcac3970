// The catalog of a listing: its documents read from the disk, each once for as long as it is listed, and put together.
import type { Catalog } from '../../../shared/compile/releases.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import type { DocumentCache } from '../../ports/state.ts';
import {
  type CatalogEntry,
  collectCatalog,
  type DocumentRef,
  forEachAtOnce,
  isSameDocument,
  parseEntry,
  readDocument,
  withTheirOrders,
} from './documents.ts';
import type { Listing } from './listing.ts';
import type { Sightings } from './sightings.ts';

const CONCURRENT_READS = 8;

interface ReadDocument {
  readonly ref: DocumentRef;
  /** Absent where it cannot be used. */
  readonly entry: CatalogEntry | undefined;
}

export interface Read {
  readonly catalog: Catalog;
  /** In the order of the listing, without what is lost and what cannot be used. */
  readonly entries: readonly CatalogEntry[];
}

export class CatalogReader {
  readonly #documents: DocumentCache;
  readonly #onWarning: (warning: FairleadError) => void;
  /** By path, what the last catalog was made of, and what came since: a vendor's history is long, and its news is short. */
  #known = new Map<string, ReadDocument>();
  /** While both are the same, and the disk had all that was listed, so is the catalog. */
  #last: Readonly<{ listing: Listing; sightings: Sightings; read: Read }> | null = null;
  #lost: ReadonlySet<string> = new Set();

  constructor(documents: DocumentCache, onWarning: (warning: FairleadError) => void) {
    this.#documents = documents;
    this.#onWarning = onWarning;
  }

  /** Paths of listed documents that the disk no longer had when it was read last. */
  get lost(): ReadonlySet<string> {
    return this.#lost;
  }

  /** `bytes` are what was signed: they need not be read again. */
  learn(ref: DocumentRef, bytes: Uint8Array): void {
    this.#known.set(ref.path, this.#parse(ref, bytes));
  }

  /** Error: disk/failed. */
  async read(listing: Listing, sightings: Sightings): Promise<Read> {
    const last = this.#last;
    if (last?.listing === listing && last.sightings === sightings) return last.read;
    const { found, lost } = await this.#readAll(listing.entries);
    for (const path of lost) {
      const problem = 'the disk lost it; the next refresh brings it back';
      this.#onWarning(new FairleadError('trust/misplaced', { path, problem }));
    }
    this.#lost = lost;
    const left = withTheirOrders([...lost]);
    const entries: CatalogEntry[] = [];
    for (const one of found) {
      if (one?.entry !== undefined && !left.has(one.ref.path)) entries.push(one.entry);
    }
    const read = { entries, catalog: withSightings(collectCatalog(entries, listing.entries), sightings) };
    this.#last = lost.size === 0 ? { listing, sightings, read } : null;
    return read;
  }

  async #readAll(refs: readonly DocumentRef[]) {
    const found = refs.map((ref) => {
      const known = this.#known.get(ref.path);
      return known !== undefined && isSameDocument(known.ref, ref) ? known : null;
    });
    const lost = new Set<string>();
    const unread = [...refs.entries()].filter(([i]) => found[i] === null);
    await forEachAtOnce(unread, CONCURRENT_READS, async ([i, ref]) => {
      const bytes = await readDocument(this.#documents, ref);
      if (bytes === null) lost.add(ref.path);
      else found[i] = this.#parse(ref, bytes);
    });
    // All that is listed is known by now: where more is, something is no longer listed.
    if (unread.length > 0 || this.#known.size !== refs.length) {
      this.#known = new Map(found.filter((one) => one !== null).map((one) => [one.ref.path, one]));
    }
    return { found, lost };
  }

  /** A document that cannot be used is reported and left out: one bad release must not hide an advisory. */
  #parse(ref: DocumentRef, bytes: Uint8Array): ReadDocument {
    try {
      return { ref, entry: parseEntry(ref.path, bytes) };
    } catch (error) {
      if (!isFairleadError(error)) throw error;
      this.#onWarning(error);
      return { ref, entry: undefined };
    }
  }
}

function withSightings(catalog: Catalog, { digests, orders }: Sightings): Catalog {
  return {
    ...catalog,
    ...(digests.size === 0 ? {} : { haltedSince: digests }),
    ...(orders.size === 0 ? {} : { ordersHaltedSince: orders }),
  };
}
