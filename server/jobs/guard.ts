// The guard: judges every offer that is under way, and halts what goes wrong.
import type { Judgement } from '../../shared/change/judge.ts';
import { type Digest, hexOf } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstant, instantMs } from '../../shared/encoding/instant.ts';
import type { Classes } from '../../shared/schema/classes.ts';
import type { Context } from '../context.ts';
import { decideHalt, findLifted, type GuardFacts, type OwnHalt, reasonOf } from '../core/guard.ts';
import { listHalts, noteLifted, ownHaltOf } from '../db/guard-halts.ts';
import type { Effect } from '../db/jobs.ts';
import { judgeOffer } from '../db/surveys.ts';
import type { GuardHaltRow } from '../db/tables.ts';
import { type HaltOrder, readHalt } from '../repository/halting.ts';
import { type Offer, type Offers, selectWatched } from '../repository/offers.ts';
import type { Published } from '../repository/state.ts';
import type { RepositoryStore } from '../repository/store.ts';

/** Halts are in force, and written down with it, before it answers; what others lifted is written down after. */
export async function guardOffers(context: Context): Promise<Effect | null> {
  const { db, store, publisher, readOffers, now } = context;
  // The database has halts of other processes, and of publications that were not finished: here they would look lifted.
  await publisher.follow();
  const published = publisher.published();
  // A halt that counts for nobody would only look like one.
  if (!published.mayHalt) return null;
  const newest = new Map<Digest, GuardHaltRow | undefined>();
  const { orders, lifted } = await lookAtAll(await readOffers(published), {
    ...{ store, now, published: () => publisher.published() },
    async listOwn({ digest }) {
      const rows = await listHalts(db, digest);
      newest.set(digest, rows[0]);
      return rows.map(ownHaltOf);
    },
    judge: async (offer, at) => (await judgeOffer(context, offer, at)).judged,
  });
  if (orders.length > 0) await publisher.halt(orders);
  if (lifted.length === 0) return null;
  return async (trx) => {
    for (const { digest, at } of lifted) {
      const row = newest.get(digest);
      if (row !== undefined) await noteLifted(trx, row, at);
    }
  };
}

/** What the guard knows beside the offers. */
export interface Looking {
  readonly store: Pick<RepositoryStore, 'read'>;
  published(): Published;
  now(): EpochMs;
  /** Halts of a release that the server signed, the newest first. */
  listOwn(offer: Offer): Promise<readonly OwnHalt[]>;
  judge(offer: Offer, now: EpochMs): Promise<Judgement>;
}

export interface Looked {
  /** To be signed: one of each release. */
  readonly orders: readonly HaltOrder[];
  /** Releases whose newest halt was found lifted, and when. */
  readonly lifted: readonly { readonly digest: Digest; readonly at: EpochMs }[];
}

export async function lookAtAll({ all, ordered }: Offers, looking: Looking): Promise<Looked> {
  const orders = new Map<Digest, HaltOrder>();
  const lifted = new Map<Digest, EpochMs>();
  for (const offer of selectWatched(all, looking.published().halts, looking.now()).offers) {
    const { digest } = offer;
    const at = looking.now();
    const order = await lookAt(offer, ordered.has(digest), at, looking);
    if (order === 'lifted') lifted.set(digest, at);
    else if (order !== null && !orders.has(digest)) orders.set(digest, order);
  }
  return { orders: [...orders.values()], lifted: [...lifted].map(([digest, at]) => ({ digest, at })) };
}

async function lookAt(
  offer: Offer,
  isOrdered: boolean,
  now: EpochMs,
  { store, published, listOwn, judge }: Looking,
): Promise<HaltOrder | 'lifted' | null> {
  const own = await listOwn(offer);
  const found = await readHalt(store, published(), offer.digest);
  const expires = found === null ? now : instantMs(found.halt.expires);
  const inForce =
    found !== null && expires > now ? { document: found.document, expires, isForAll: found.isForAll } : null;
  const facts: GuardFacts = { own, published: inForce, isOrdered, now };
  // What is known by now is what was lifted: there is nothing new to judge.
  if (findLifted(facts) !== null) return 'lifted';
  const judged = await judge(offer, now);
  const wanted = decideHalt(judged, facts);
  if (wanted === null) return null;
  const reason = judged.kind === 'stop' ? reasonOf(judged) : (found?.halt.reason ?? '');
  return {
    ...{ digest: offer.digest, release: offer.release, change: offer.change },
    ...{ class: wanted.class, classes: classesOf(wanted.class) },
    ...{ reason, issued: formatInstant(now), expires: formatInstant(wanted.until) },
    follows: found === null ? null : hexOf(found.document),
  };
}

/** `os=debian:12` as a halt's scope says it. */
function classesOf(name: string | null): Classes | null {
  if (name === null) return null;
  const at = name.indexOf('=');
  return [{ [name.slice(0, at)]: [name.slice(at + 1)] }];
}
