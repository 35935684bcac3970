// Rollouts: what is offered to the fleet now, how it fares there, and why others do not have it.
import { z } from 'zod';
import { type EpochMs, formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import {
  offerId,
  type RolloutReply,
  rolloutReply,
  rolloutsReply,
} from '../../../shared/protocol/rollouts.ts';
import type { Context } from '../../context.ts';
import { listHalts } from '../../db/guard-halts.ts';
import { cutPart } from '../../db/page.ts';
import { judgeOffer } from '../../db/surveys.ts';
import { readHalt } from '../../repository/halting.ts';
import type { Offer } from '../../repository/offers.ts';
import { ORDERED } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

const rollouts = defineRoute({
  method: 'GET',
  path: '/api/v1/rollouts',
  access: ['viewer'],
  tag: 'fleet',
  summary: 'What is offered to the fleet: rollouts, and fixes that emergency orders force',
  query: z.strictObject(pageOf(z.tuple([z.string()]))),
  reply: rolloutsReply,
  example: { reply: { rollouts: [ORDERED.offer] } },
  answer: async (context, { query, continueAt }) => {
    const { limit, after } = pageIn(query);
    const { all } = await context.readOffers(context.publisher.published());
    const sorted = all.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const rest = sorted.filter(({ id }) => after === null || id > after[0]).slice(0, limit + 1);
    const { entries, next } = cutPart(
      rest,
      limit,
      () => 500,
      ({ id }) => [id] as const,
    );
    continueAt(formatCursor(next));
    return { rollouts: await Promise.all(entries.map((offer) => describe(context, offer))) };
  },
});

const rollout = defineRoute({
  method: 'GET',
  path: '/api/v1/rollouts/:id',
  access: ['viewer'],
  tag: 'fleet',
  summary:
    'How one of them fares: whom it is for, who was offered it, what came of it by class, and who is left out why',
  params: z.strictObject({ id: offerId }),
  reply: rolloutReply,
  example: { params: { id: ORDERED.offer.id }, reply: { ...ORDERED.offer, ...ORDERED.fare } },
  answer: async (context, { params: { id } }) => {
    const { all } = await context.readOffers(context.publisher.published());
    const offer = all.find((one) => one.id === id);
    if (offer === undefined) throw new FairleadError('request/not-found', { what: `rollout ${id}` });
    const { since, survey, judged, next } = await judgeOffer(context, offer, context.now());
    const { eligible, offered, fare, classes, omitted } = survey;
    return {
      ...(await describe(context, offer)),
      ...{ since: formatInstant(since), eligible, offered, counts: fare.counts, omitted: [...omitted] },
      next: {
        at_most_permille: Math.ceil(next.atMost * 1_000),
        needed: next.needed,
        percent: next.percent,
        why: next.why,
      },
      classes: classes.map((one) => ({
        ...{ class: one.name, eligible: one.eligible, offered: one.offered, counts: one.counts },
      })),
      findings: judged.kind === 'stop' ? [...judged.findings] : [],
    };
  },
});

export const ROLLOUT_ROUTES: readonly Route[] = [rollouts, rollout];

async function describe({ db, store, publisher, now }: Context, offer: Offer) {
  const { id, change, release, rollout: signed, start, last } = offer;
  const found = await readHalt(store, publisher.published(), offer.digest);
  const halt = found !== null && instantMs(found.halt.expires) > now() ? found : null;
  const own = halt === null ? [] : await listHalts(db, offer.digest);
  const ours = own.find(({ document }) => document === halt?.document);
  return {
    ...{ id, change, release, track: signed?.track ?? null },
    state: stateOf(offer, halt !== null, now()),
    ...{ start: formatInstant(start), last: formatInstant(last) },
    halt:
      halt === null
        ? null
        : {
            by: ours === undefined ? ('vendor' as const) : ('server' as const),
            ...{ reason: halt.halt.reason, until: halt.halt.expires, class: ours?.class ?? null },
          },
  };
}

function stateOf({ rollout: signed, start }: Offer, isHalted: boolean, now: EpochMs): RolloutReply['state'] {
  if (signed?.withdrawn === true) return 'withdrawn';
  if (signed?.paused === true) return 'paused';
  if (isHalted) return 'halted';
  return start > now ? 'scheduled' : 'offered';
}
