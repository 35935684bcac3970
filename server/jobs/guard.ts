// The guard: judges every offer that is under way, and halts what goes wrong.
import { hexOf } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstant, instantMs } from '../../shared/encoding/instant.ts';
import type { Classes } from '../../shared/schema/classes.ts';
import type { Context } from '../context.ts';
import { decideHalt, findLifted, type GuardFacts, reasonOf } from '../core/guard.ts';
import { listHalts, noteLifted, ownHaltOf } from '../db/guard-halts.ts';
import type { Effect } from '../db/jobs.ts';
import { judgeOffer } from '../db/surveys.ts';
import { type HaltOrder, readHalt } from '../repository/halting.ts';
import type { Offer } from '../repository/offers.ts';

const DAY_MS = 86_400_000;
/** So long after everybody was offered it: leaks show late. */
const WATCHED_MS = 14 * DAY_MS;
/** Newest first; each is a look at the whole fleet. */
export const MOST_WATCHED = 50;

/** Halts are in force, and written down with it, before it answers; what others lifted is written down after. */
export async function guardOffers(context: Context): Promise<Effect | null> {
  const { publisher, readOffers, now } = context;
  // The database has halts of other processes, and of publications that were not finished: here they would look lifted.
  await publisher.follow();
  const published = publisher.published();
  // A halt that counts for nobody would only look like one.
  if (!published.mayHalt) return null;
  const { all, ordered } = await readOffers(published);
  const orders: HaltOrder[] = [];
  const lifted: Effect[] = [];
  for (const offer of selectWatched(all, now())) {
    const looked = await look(context, offer, ordered.has(offer.digest));
    if (looked.lifted !== null) lifted.push(looked.lifted);
    if (looked.order !== null && !orders.some(({ digest }) => digest === offer.digest))
      orders.push(looked.order);
  }
  if (orders.length > 0) await publisher.halt(orders);
  return lifted.length === 0
    ? null
    : async (trx) => {
        for (const effect of lifted) await effect(trx);
      };
}

/** Nobody is offered what is paused or withdrawn. */
export function selectWatched(all: readonly Offer[], now: EpochMs): readonly Offer[] {
  return all
    .filter(({ start, last, rollout }) => {
      const isStopped = rollout !== null && (rollout.paused || rollout.withdrawn);
      return !isStopped && start <= now && now < last + WATCHED_MS;
    })
    .toSorted((a, b) => b.start - a.start)
    .slice(0, MOST_WATCHED);
}

async function look(context: Context, offer: Offer, isOrdered: boolean) {
  const { db, store, publisher, now } = context;
  const at = now();
  const rows = await listHalts(db, offer.digest);
  const found = await readHalt(store, publisher.published(), offer.digest);
  const expires = found === null ? at : instantMs(found.halt.expires);
  const inForce =
    found !== null && expires > at ? { document: found.document, expires, isForAll: found.isForAll } : null;
  const facts: GuardFacts = { own: rows.map(ownHaltOf), published: inForce, isOrdered, now: at };
  const [newest] = rows;
  if (findLifted(facts) !== null && newest !== undefined) {
    // What is known by now is what was lifted: there is nothing new to judge.
    const noted: Effect = (trx) => noteLifted(trx, newest, at);
    return { lifted: noted, order: null };
  }
  const { judged } = await judgeOffer(db, offer, at);
  const wanted = decideHalt(judged, facts);
  if (wanted === null || judged.kind === 'goes-on') return { lifted: null, order: null };
  const order: HaltOrder = {
    ...{ digest: offer.digest, release: offer.release, change: offer.change },
    ...{ class: wanted.class, classes: classesOf(wanted.class) },
    ...{ reason: reasonOf(judged), issued: formatInstant(at), expires: formatInstant(wanted.until) },
    follows: found === null ? null : hexOf(found.document),
  };
  return { lifted: null, order };
}

/** `os=debian:12` as a halt's scope says it. */
function classesOf(name: string | null): Classes | null {
  if (name === null) return null;
  const at = name.indexOf('=');
  return [{ [name.slice(0, at)]: [name.slice(at + 1)] }];
}
