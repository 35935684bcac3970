// The guard: judges every offer that is under way, and halts what goes wrong.
import { judgeRollout, toleranceOf } from '../../shared/change/judge.ts';
import { type Digest, digestFromHex } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstant, instantMs } from '../../shared/encoding/instant.ts';
import type { Classes } from '../../shared/schema/classes.ts';
import { haltPath } from '../../shared/schema/release-ref.ts';
import type { Halt } from '../../shared/schema/rollout.ts';
import { parseTargetDocument } from '../../shared/schema/target-document.ts';
import type { Context } from '../context.ts';
import {
  decideHalt,
  evidenceSince,
  findLifted,
  type GuardFacts,
  type OwnHalt,
  reasonOf,
} from '../core/guard.ts';
import { findChange } from '../db/changes.ts';
import { listHalts, noteLifted } from '../db/guard-halts.ts';
import type { Effect } from '../db/jobs.ts';
import { surveyOffer } from '../db/surveys.ts';
import type { HaltOrder } from '../repository/halting.ts';
import { targetName } from '../repository/names.ts';
import type { Offer } from '../repository/offers.ts';
import { surveyOf } from '../repository/offers.ts';

const DAY_MS = 86_400_000;
/** So long after everybody was offered it: leaks show late. */
const WATCHED_MS = 14 * DAY_MS;
/** Newest first; each is a look at the whole fleet. */
export const MOST_WATCHED = 50;

/** Halts are in force, and written down with it, before it answers; what others lifted is written down after. */
export async function guardOffers(context: Context): Promise<Effect | null> {
  const { publisher, readOffers, now } = context;
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
  const { db, now } = context;
  const at = now();
  const rows = await listHalts(db, offer.digest);
  const own = rows.map((row): OwnHalt => {
    const { issued_at, expires_at, lifted_at, document } = row;
    const lifted = lifted_at === null ? null : instantMs(lifted_at);
    return { document, issued: instantMs(issued_at), expires: instantMs(expires_at), lifted };
  });
  const halt = await findPublished(context, offer.digest);
  const inForce = halt !== null && halt.expires > at ? halt : null;
  const facts: GuardFacts = { own, published: inForce, isOrdered, now: at };
  const [newest] = rows;
  if (findLifted(facts) !== null && newest !== undefined) {
    // What is known by now is what was lifted: there is nothing new to judge.
    const noted: Effect = (trx) => noteLifted(trx, newest, at);
    return { lifted: noted, order: null };
  }
  const judged = await judge(context, offer, evidenceSince(own, offer.start), at);
  const until = decideHalt(judged, facts);
  if (until === null || judged.kind === 'goes-on') return { lifted: null, order: null };
  const order: HaltOrder = {
    ...{ digest: offer.digest, release: offer.release, change: offer.change },
    ...{ class: judged.class, classes: classesOf(judged.class) },
    ...{ reason: reasonOf(judged), issued: formatInstant(at), expires: formatInstant(until) },
    follows: halt?.sha256 ?? null,
  };
  return { lifted: null, order };
}

async function judge({ db }: Context, offer: Offer, since: EpochMs, at: EpochMs) {
  const survey = await surveyOffer(db, { ...surveyOf(offer), since }, at);
  const change = await findChange(db, offer.change);
  return judgeRollout(toleranceOf(change ?? {}), survey.fare, survey.classes);
}

/** `os=debian:12` as a halt's scope says it. */
function classesOf(name: string | null): Classes | null {
  if (name === null) return null;
  const at = name.indexOf('=');
  return [{ [name.slice(0, at)]: [name.slice(at + 1)] }];
}

async function findPublished({ publisher, store }: Context, digest: Digest) {
  const path = haltPath(digest);
  const ref = publisher.published().halts.find((one) => one.path === path);
  const stored = ref === undefined ? null : await store.read(targetName(path, ref.sha256));
  const found = stored === null ? null : parseTargetDocument(path, stored.bytes);
  if (ref === undefined || found?.kind !== 'halt') return null;
  const { expires }: Halt = found.document;
  return { document: digestFromHex(ref.sha256), sha256: ref.sha256, expires: instantMs(expires) };
}
