// Sends what waits in the outbox: each receiver's queue beside the others, a failing one by one message now and then.
import { mailAddressIn } from '../../shared/protocol/webhooks.ts';
import type { Context } from '../context.ts';
import { forgetDelivered, listDue, type Outcome, readDue } from '../db/deliveries.ts';
import type { DeliveryRow } from '../db/outbox-row.ts';
import { concludeRound, countFailures, pauseBefore } from '../db/receivers.ts';
import { lookUpWebhook } from '../db/webhooks.ts';

/** Receivers at once; of mail they share a relay. */
const LANES = { webhook: 8, mail: 2 } as const;
/** Before another receiver has its turn, and before it is looked for news. */
const TURN_MS = 5_000;
const RUN_MS = 20_000;

type Sending = Awaited<ReturnType<Context['webhooks']['open']>>;

/** Every queue of those who are told that way, or as much of them as there is time for; the next run goes on. */
export async function sendDue(
  context: Context,
  way: keyof typeof LANES,
  stopping: AbortSignal,
): Promise<void> {
  const isOnItsWay = (url: string) => (mailAddressIn(url) === null) === (way === 'webhook');
  const waiting = (await listDue(context.db, context.now())).filter(({ url }) => isOnItsWay(url));
  // Drawn: none is always the last.
  const drawn = waiting.map(({ receiver }) => [Math.random(), receiver] as const);
  const due = drawn.toSorted(([a], [b]) => a - b).map(([, receiver]) => receiver);
  const end = performance.now() + RUN_MS;
  const lane = async () => {
    for (let one = due.shift(); one !== undefined; one = due.shift()) {
      const turnEnds = Math.min(end, performance.now() + TURN_MS);
      // What is left has another turn after the others.
      if (await sendTo(context, one, stopping, () => performance.now() < turnEnds)) due.push(one);
      if (stopping.aborted || performance.now() > end) return;
    }
  };
  await Promise.all(Array.from({ length: LANES[way] }, lane));
}

/** Answers whether there may be more to be sent at once. */
async function sendTo(
  context: Context,
  receiver: string,
  stopping: AbortSignal,
  hasTime: () => boolean,
): Promise<boolean> {
  const sending = await open(context, receiver);
  if (sending === null) return false;
  // What is on its way then is sent again by the next process: nobody waits for a slow receiver.
  const cut = () => void sending.close().catch(() => undefined);
  stopping.addEventListener('abort', cut);
  try {
    let hasMore = true;
    while (hasMore && !stopping.aborted && hasTime()) {
      hasMore = await sendRound(context, receiver, sending, stopping);
    }
    await forgetDelivered(context.db, receiver);
    return hasMore;
  } finally {
    stopping.removeEventListener('abort', cut);
    await sending.close().catch(() => undefined);
  }
}

/** Null where nothing is to be sent any more. */
async function open({ db, webhooks }: Context, receiver: string): Promise<Sending | null> {
  const row = await lookUpWebhook(db, receiver);
  return row === undefined || Number(row.enabled) !== 1 ? null : await webhooks.open(row);
}

/** Answers whether there may be more to be sent at once. */
async function sendRound(
  { db, now }: Context,
  receiver: string,
  sending: Sending,
  stopping: AbortSignal,
): Promise<boolean> {
  // Whoever did not take the last one is asked with one, not with sixteen.
  const size = (await countFailures(db, receiver)) === 0 ? sending.atOnce : 1;
  const due = await readDue(db, receiver, size, now());
  if (due.length === 0) return false;
  const made = await Promise.all(due.map((delivery) => attempt(sending, delivery, now)));
  if (stopping.aborted) return false;
  const outcomes = made.map(({ outcome }) => outcome);
  const restMs = Math.max(...made.map(({ restMs }) => restMs));
  return await concludeRound(db, { receiver, outcomes, restMs, chance: Math.random() }, now());
}

async function attempt(
  sending: Sending,
  delivery: DeliveryRow,
  now: Context['now'],
): Promise<{ readonly outcome: Outcome; readonly restMs: number }> {
  const { message: id, body } = delivery;
  const { retryAfterSeconds, ...came } = await sending.send({ id, body });
  const again = now() + pauseBefore(Number(delivery.attempts) + 1, Math.random());
  return { outcome: { delivery, ...came, again }, restMs: (retryAfterSeconds ?? 0) * 1_000 };
}
