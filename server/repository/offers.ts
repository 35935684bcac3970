// What the vendor offers the fleet: each published rollout and each emergency order, with the capabilities behind it, and which of them are judged.

import { billOfMaterials } from '../../shared/compile/releases.ts';
import { orderReaches, reachedAt } from '../../shared/compile/waves.ts';
import { type Digest, digestFromHex } from '../../shared/encoding/digest.ts';
import { durationMs, type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import type { Advisory } from '../../shared/schema/advisory.ts';
import { type ClassFacts, isOfferedTo } from '../../shared/schema/classes.ts';
import type { OrderTerms } from '../../shared/schema/order-terms.ts';
import type { Release } from '../../shared/schema/release.ts';
import { formatRef, haltPath, orderTermsPath, type ReleaseRef } from '../../shared/schema/release-ref.ts';
import type { Rollout } from '../../shared/schema/rollout.ts';
import { parseTargetDocument, type TargetDocument } from '../../shared/schema/target-document.ts';
import { floorOf, type Version } from '../../shared/version/version.ts';
import { targetName } from './names.ts';
import type { AdvisoryRef, DocumentRef, Published } from './state.ts';
import type { RepositoryStore } from './store.ts';

/** A capability that comes with a release. */
export interface Member {
  readonly component: string;
  readonly version: Version;
  readonly change: string;
}

export interface Offer {
  /** Such as `CHG-7~stable`; of an order `CHG-7~FL-2026-0003`. */
  readonly id: string;
  readonly change: string;
  /** `core/auth@1.0.1`. */
  readonly release: string;
  readonly digest: Digest;
  /** Null for an emergency order. */
  readonly rollout: Rollout | null;
  readonly start: EpochMs;
  /** When everybody has been offered it; of an order, when nobody may put it off any longer. */
  readonly last: EpochMs;
  /** Whom it is for, and what is asked of them. */
  readonly surveyed: {
    /** Null for every track. */
    readonly track: string | null;
    /** A component, or `suite/%`: for installs that run it; null for every install. */
    readonly scope: string | null;
    readonly members: readonly Member[];
    /** When it reaches an install; infinity where it never does. */
    reaches(instance: string, facts: ClassFacts): EpochMs;
  };
}

export interface Watched {
  /** What is halted first, for it would go on by itself where nobody looks; then the newest. */
  readonly offers: readonly Offer[];
  /** How many more are under way. */
  readonly unwatched: number;
}

export interface Offers {
  readonly all: readonly Offer[];
  /** Releases that an emergency order forces. */
  readonly ordered: ReadonlySet<Digest>;
}

export type ReadOffers = (published: Published) => Promise<Offers>;

/** Reads each document once. Errors: those of the store. */
export function createOfferReader(store: Pick<RepositoryStore, 'read'>): ReadOffers {
  let known = new Map<string, TargetDocument | null>();
  return async (published) => {
    const next = new Map<string, TargetDocument | null>();
    const read = async (ref: DocumentRef) => {
      const found = next.get(ref.sha256) ?? known.get(ref.sha256) ?? (await readDocument(store, ref));
      next.set(ref.sha256, found);
      return found;
    };
    const offers = await collect(published, read);
    // What is published no longer is forgotten.
    known = next;
    return offers;
  };
}

type Read = (ref: DocumentRef) => Promise<TargetDocument | null>;

async function readDocument(
  store: Pick<RepositoryStore, 'read'>,
  ref: DocumentRef,
): Promise<TargetDocument | null> {
  const stored = await store.read(targetName(ref.path, ref.sha256));
  return stored === null ? null : parseTargetDocument(ref.path, stored.bytes);
}

async function collect(published: Published, read: Read): Promise<Offers> {
  const all: Offer[] = [];
  const catalog = catalogOf(published, read);
  for (const ref of published.rollouts) {
    const found = await read(ref);
    const offer = found?.kind === 'rollout' ? await offerOf(found.document, catalog) : null;
    if (offer !== null) all.push(offer);
  }
  const ordered = new Set<Digest>();
  for (const ref of published.advisories) {
    const found = await read(ref);
    if (found?.kind !== 'advisory' || found.document.order === undefined || found.document.withdrawn)
      continue;
    const terms = await termsOf(ref, read);
    for (const offer of await ordersOf(found.document, terms, catalog)) {
      all.push(offer);
      ordered.add(offer.digest);
    }
  }
  return { all, ordered };
}

interface Found {
  readonly document: Release;
  readonly digest: Digest;
}

type Catalog = (component: string, version: string) => Promise<Found | null>;

function catalogOf({ releases }: Published, read: Read): Catalog {
  const byName = new Map(releases.map((one) => [`${one.component}@${one.version}`, one]));
  return async (component, version) => {
    const ref = byName.get(`${component}@${version}`);
    const found = ref === undefined ? null : await read(ref);
    if (ref === undefined || found?.kind !== 'release') return null;
    return { document: found.document, digest: digestFromHex(ref.sha256) };
  };
}

async function offerOf(rollout: Rollout, catalog: Catalog): Promise<Offer | null> {
  const release = formatRef(rollout.release);
  const at = release.lastIndexOf('@');
  const found = await catalog(release.slice(0, at), release.slice(at + 1));
  if (found === null) return null;
  const { id: change } = found.document.change;
  const last = Math.max(...rollout.waves.map(({ after }) => durationMs(after)));
  return {
    ...{ id: `${change}~${rollout.track}`, change, release, digest: rollout.digest },
    ...{ rollout, start: instantMs(rollout.start), last: instantMs(rollout.start) + last },
    surveyed: {
      ...{ track: rollout.track, scope: scopeOf(rollout.release) },
      members: await membersOf(found.document, catalog),
      reaches: (instance, facts) =>
        isOfferedTo(rollout.classes, facts) ? reachedAt(rollout, instance, facts) : Number.POSITIVE_INFINITY,
    },
  };
}

async function ordersOf(
  advisory: Advisory,
  terms: OrderTerms | null,
  catalog: Catalog,
): Promise<readonly Offer[]> {
  const offers: Offer[] = [];
  const published = instantMs(advisory.published);
  const ordered = terms === null ? advisory : { ...advisory, terms };
  const last = forcedOnAll(advisory, terms);
  for (const { component, version } of advisory.fixed) {
    const found = await catalog(component, version);
    if (found === null) continue;
    const { id: change, builtAt } = found.document.change;
    offers.push({
      ...{ id: `${change}~${advisory.id}`, change, release: `${component}@${version}` },
      ...{ digest: found.digest, rollout: null, start: published },
      // A fix may be added to an advisory weeks later, and is forced from then on.
      last: Math.max(last, instantMs(builtAt)),
      surveyed: {
        ...{ track: null, scope: component, members: await membersOf(found.document, catalog) },
        reaches: (instance) => orderReaches(ordered, instance) ?? published,
      },
    });
  }
  return offers;
}

function forcedOnAll({ published, order }: Advisory, terms: OrderTerms | null): EpochMs {
  const at = instantMs(published);
  const delays = terms?.waves.map(({ after }) => instantMs(terms.start) + durationMs(after)) ?? [];
  const waits = order === undefined ? [] : [at + durationMs(order.notice), instantMs(order.deadline)];
  return Math.max(at, ...delays, ...waits);
}

function scopeOf(ref: ReleaseRef): string | null {
  if (ref.kind === 'platform') return null;
  return ref.kind === 'suite' ? `${ref.name}/%` : `${ref.suite}/${ref.name}`;
}

async function termsOf({ id, terms }: AdvisoryRef, read: Read): Promise<OrderTerms | null> {
  const found = terms === undefined ? null : await read({ path: orderTermsPath(id), sha256: terms });
  return found?.kind === 'order-terms' ? found.document : null;
}

/** Of a bill of materials what an install is offered with it: the floor of each range. */
async function membersOf(document: Release, catalog: Catalog): Promise<readonly Member[]> {
  if (document.schema === 'fairlead/capability@1') {
    const component = `${document.suite}/${document.name}`;
    return [{ component, version: document.version, change: document.change.id }];
  }
  const members: Member[] = [];
  for (const [component, range] of billOfMaterials({ document })) {
    const floor = floorOf(range);
    const found = floor === null ? null : await catalog(component, floor);
    if (found !== null) members.push(...(await membersOf(found.document, catalog)));
  }
  return members;
}

const DAY_MS = 86_400_000;
/** So long after everybody was offered it: leaks show late. */
const WATCHED_MS = 14 * DAY_MS;
/** Each is a look at the whole fleet, once a minute. */
export const MOST_WATCHED = 50;

/** Nobody is offered what is paused or withdrawn. `halts` are those that are published. */
export function selectWatched(
  all: readonly Offer[],
  halts: readonly Pick<DocumentRef, 'path'>[],
  now: EpochMs,
): Watched {
  const paths = new Set(halts.map(({ path }) => path));
  const isHalted = ({ digest }: Offer) => paths.has(haltPath(digest));
  const underWay = all
    .filter((offer) => {
      const { start, last, rollout } = offer;
      const isStopped = rollout !== null && (rollout.paused || rollout.withdrawn);
      return !isStopped && start <= now && (now < last + WATCHED_MS || isHalted(offer));
    })
    .toSorted((a, b) => Number(isHalted(b)) - Number(isHalted(a)) || b.start - a.start);
  const offers = underWay.slice(0, MOST_WATCHED);
  return { offers, unwatched: underWay.length - offers.length };
}
