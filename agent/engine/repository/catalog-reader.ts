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
  /** What the last catalog was made of, in the order of its listing, and by path what came since: a vendor's history is long, and its news is short. */
  #known: readonly ReadDocument[] = [];
  readonly #learned = new Map<string, ReadDocument>();
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
    this.#learned.set(ref.path, this.#parse(ref, bytes));
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
      if (one?.entry !== undefined && (left.size === 0 || !left.has(one.ref.path))) entries.push(one.entry);
    }
    const read = { entries, catalog: withSightings(collectCatalog(entries, listing.entries), sightings) };
    this.#last = lost.size === 0 ? { listing, sightings, read } : null;
    return read;
  }

  async #readAll(refs: readonly DocumentRef[]) {
    const find = this.#finder();
    const found = refs.map(find);
    const lost = new Set<string>();
    const unread = found.flatMap((one, i) => (one === null ? [i] : []));
    await forEachAtOnce(unread, CONCURRENT_READS, async (i) => {
      const ref = refs[i] as DocumentRef;
      const bytes = await readDocument(this.#documents, ref);
      if (bytes === null) lost.add(ref.path);
      else found[i] = this.#parse(ref, bytes);
    });
    this.#known = lost.size === 0 ? (found as ReadDocument[]) : found.filter((one) => one !== null);
    this.#learned.clear();
    return { found, lost };
  }

  /** For the documents of a listing in their order, which is mostly that of the one before: by path is looked up only what is not next. */
  #finder(): (ref: DocumentRef) => ReadDocument | null {
    let at = 0;
    let places: ReadonlyMap<string, number> | null = null;
    const findAt = (place: number, ref: DocumentRef) => {
      const known = this.#known[place];
      if (known === undefined || !isSameDocument(known.ref, ref)) return null;
      at = place + 1;
      return known;
    };
    return (ref) => {
      const next = findAt(at, ref) ?? findAt(at + 1, ref);
      if (next !== null) return next;
      const learned = this.#learned.get(ref.path);
      if (learned !== undefined && isSameDocument(learned.ref, ref)) return learned;
      places ??= new Map(this.#known.map((one, i) => [one.ref.path, i]));
      return findAt(places.get(ref.path) ?? -1, ref);
    };
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
