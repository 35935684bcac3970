// The repository: refresh trust, fetch what it lists, remember both as one, and read it back without the network.
import { setImmediate } from 'node:timers/promises';
import type { Catalog } from '../../../shared/compile/releases.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import type { FairleadError } from '../../../shared/errors/error.ts';
import { inPieces, joined } from '../../../shared/node/turns.ts';
import type { Root } from '../../../shared/trust/metadata.ts';
import type { Freshness, Repository, VerifyTargets } from '../../ports/server.ts';
import type { TrustStore } from '../../ports/state.ts';
import { CatalogReader } from './catalog-reader.ts';
import { createSweep, type DocumentRef, listedMirrors, obtainAll, withTheirOrders } from './documents.ts';
import { compareRefs, createLister, findUnknown } from './listed.ts';
import {
  EMPTY_LISTING,
  formatListing,
  isComplete,
  type Listing,
  nextListing,
  parseListing,
  sourceOf,
} from './listing.ts';
import { createPlaces, type Mirrors, type PlaceSource, type Places } from './places.ts';
import {
  addSightings,
  formatSightings,
  isSameSightings,
  ordersBesideHalts,
  parseSightings,
  type Sightings,
} from './sightings.ts';
import { Updater } from './updater.ts';

export interface RepositoryOptions {
  readonly openStore: () => Promise<TrustStore>;
  readonly source: PlaceSource;
  /** Copies of it, which are asked where the source fails. */
  readonly mirrors?: Mirrors;
  /** Where trust starts on an empty store: root metadata that came over a trusted way. */
  readonly initialRoot: Uint8Array;
  /** A signed document that cannot be used, or a path that signed metadata lists and nobody can read. */
  readonly onWarning: (warning: FairleadError) => void;
  /** Defaults to the rules themselves, in the caller's turn. */
  readonly verifyTargets?: VerifyTargets;
}

/** Beside the roles, whose files all end in `.json`: no role can have these names. */
const LISTING_FILE = 'listing';
const SIGHTINGS_FILE = 'halted';
/** Clocks drift; a server's may be somewhat ahead. */
const CLOCK_ALLOWANCE_MS = 10 * 60_000;

/**
 * Opened when it is first asked: a damaged trust store must not keep services from starting. Every call tries again to
 * open what could not be opened; until then nothing is trusted, so nothing new is installed.
 */
export function createRepository(options: RepositoryOptions): Repository {
  let opened: TufRepository | null = null;
  const opening = joined(() => open(options));
  const get = async () => {
    opened ??= await opening();
    return opened;
  };
  return {
    refresh: async (now) => (await get()).refresh(now),
    catalog: async () => (await get()).catalog(),
    freshness: (now) => opened?.freshness(now) ?? { state: 'never', expires: null },
    root: () => opened?.root() ?? null,
    mirror: () => opened?.mirror() ?? null,
  };
}

/** Loads what the disk holds. Errors: trust/no-root, trust/malformed, trust/threshold, disk/*. */
async function open(options: RepositoryOptions): Promise<TufRepository> {
  const store = await options.openStore();
  const { openStore: _, onWarning: __, source, mirrors, ...trust } = options;
  const places = createPlaces(source, mirrors);
  const updater = await Updater.open({ store, source: places.source, ...trust });
  const bytes = await store.read(LISTING_FILE);
  const listing = (bytes === null ? null : await inPieces(parseListing(bytes))) ?? EMPTY_LISTING;
  const sightings = parseSightings(await store.read(SIGHTINGS_FILE));
  return new TufRepository(options, { store, updater, places, listing, sightings });
}

type Remembered = Readonly<{ listing: Listing; sightings: Sightings }>;
type Parts = Remembered & Readonly<{ store: TrustStore; updater: Updater; places: Places }>;

class TufRepository implements Repository {
  readonly #options: RepositoryOptions;
  readonly #store: TrustStore;
  readonly #updater: Updater;
  readonly #places: Places;
  #listing: Listing;
  readonly #sweep = createSweep();
  readonly #list: ReturnType<typeof createLister>;
  readonly #reader: CatalogReader;
  #sightings: Sightings;

  constructor(options: RepositoryOptions, { store, updater, places, listing, sightings }: Parts) {
    this.#options = options;
    this.#store = store;
    this.#updater = updater;
    this.#places = places;
    this.#listing = listing;
    this.#sightings = sightings;
    this.#list = createLister(options.onWarning);
    this.#reader = new CatalogReader(store.documents, options.onWarning);
  }

  async refresh(now: EpochMs): Promise<'changed' | 'unchanged'> {
    const forget = () => this.#updater.topLevel.dropValidator();
    const look = async () => {
      try {
        return await this.#refresh(now);
      } catch (error) {
        forget();
        throw error;
      }
    };
    return await this.#places.refresh(now, look, forget);
  }

  mirror(): string | null {
    return this.#places.mirror();
  }

  async catalog(): Promise<Catalog> {
    const { catalog, entries } = await this.#reader.read(this.#listing, this.#sightings);
    this.#options.mirrors?.learn(listedMirrors(entries));
    return catalog;
  }

  freshness(now: EpochMs): Freshness {
    const { expires, signedAt } = this.#listing;
    if (expires === null) return { state: 'never', expires };
    const floor = Math.max(signedAt ?? now, this.#updater.topLevel.timestamp?.signedAt ?? now);
    if (now < floor - CLOCK_ALLOWANCE_MS) return { state: 'clock-behind', expires };
    return { state: Math.max(now, floor) < expires ? 'fresh' : 'expired', expires };
  }

  root(): Root {
    return this.#updater.topLevel.root;
  }

  async #refresh(now: EpochMs): Promise<'changed' | 'unchanged'> {
    const updater = this.#updater;
    await updater.refresh(now);
    const roleFailures = await updater.refreshDelegates(now);
    const isWhole = roleFailures.length === 0 && this.#reader.lost.size === 0;
    if (isWhole && isComplete(this.#listing, updater.topLevel)) return 'unchanged';
    const failures = [...roleFailures, ...(await this.#updateListing(roleFailures.length === 0, now))];
    if (failures.length > 0) throw failures[0];
    return 'changed';
  }

  /** Returns what kept documents from being fetched. */
  async #updateListing(hasAllRoles: boolean, now: EpochMs): Promise<readonly unknown[]> {
    const { tree, topLevel } = this.#updater;
    if (tree === null) return [];
    const loaded = await tree.walk((delegation) => tree.loadCached(delegation));
    const refs = await this.#list(tree, loaded);
    const { added, removed } = compareRefs(this.#listing.entries, refs);
    // What is listed was obtained when it came into the listing.
    const wanted = this.#withLost(added, refs);
    const { documents } = this.#store;
    const { obtained, failures } = await obtainAll(documents, this.#places.source, wanted, (ref, bytes) =>
      this.#reader.learn(ref, bytes),
    );
    const failed = withTheirOrders(wanted.flatMap(({ path }) => (obtained.has(path) ? [] : [path])));
    const gone = removed.flatMap(({ path }) => (failed.has(path) ? [] : [path]));
    const listing = nextListing(
      this.#listing,
      failed.size === 0 ? refs : refs.filter(({ path }) => !failed.has(path)),
      new Set([...failed, ...(await findUnknown(tree, gone))]),
      hasAllRoles && failures.length === 0 ? sourceOf(topLevel, loaded.map(tree.lookUp)) : null,
    );
    await setImmediate();
    await this.#updateSightings(listing, topLevel.referenceAt(now));
    await setImmediate();
    await this.#write(LISTING_FILE, formatListing(listing));
    this.#listing = listing;
    await this.#sweep(documents, listing.entries, removed.length > 0);
    return failures;
  }

  #withLost(added: readonly DocumentRef[], listed: readonly DocumentRef[]): readonly DocumentRef[] {
    const { lost } = this.#reader;
    if (lost.size === 0) return added;
    const wanted = new Set(added);
    return listed.filter((ref) => wanted.has(ref) || lost.has(ref.path));
  }

  /** Before the listing: a halt acts only once it is on disk since when. */
  async #updateSightings(listing: Listing, now: EpochMs): Promise<void> {
    const halted = await ordersBesideHalts(this.#store.documents, listing.entries, now);
    const next = addSightings(this.#sightings, listing.entries, halted, now);
    if (isSameSightings(next, this.#sightings)) return;
    await this.#write(SIGHTINGS_FILE, formatSightings(next));
    this.#sightings = next;
  }

  async #write(file: string, bytes: Uint8Array): Promise<void> {
    await this.#store.write(file, bytes);
    await this.#store.flush();
  }
}
