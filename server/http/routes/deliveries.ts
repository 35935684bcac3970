// What became of a webhook's messages: one sent to try it, the last ones, and one of them sent again.
import { z } from 'zod';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { formatMessage } from '../../../shared/protocol/standard-webhooks.ts';
import {
  deliveriesList,
  deliveryModel,
  TEST_TYPE,
  WEBHOOKS_PATH,
  webhookTested,
} from '../../../shared/protocol/webhooks.ts';
import { listDeliveries, newMessageId, redeliver } from '../../db/deliveries.ts';
import { transact } from '../../db/transact.ts';
import { findWebhook } from '../../db/webhooks.ts';
import { DELIVERY, NEW_ID, WEBHOOK } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

const byId = z.strictObject({ id: z.uuid() });
/** Of an address: whoever asks for more makes the receiver wait, and this server for it. */
const TESTS_PER_MINUTE = 10;

const test = defineRoute({
  method: 'POST',
  path: `${WEBHOOKS_PATH}/:id/test`,
  access: ['operator'],
  tag: 'operations',
  repeats: 'by-nature',
  perMinute: TESTS_PER_MINUTE,
  summary: `Send a message of type \`${TEST_TYPE}\` at once, whatever waits, and say what came of it`,
  params: byId,
  reply: webhookTested,
  example: {
    params: { id: WEBHOOK },
    reply: {
      ...{ delivered: true, message: `msg_${NEW_ID}`, status: 200, problem: null },
      ...{ enabled: true, disabled_why: null },
    },
  },
  answer: async ({ db, now, webhooks }, { params, actor }) => {
    const row = await findWebhook(db, params.id);
    const id = newMessageId();
    const body = formatMessage(TEST_TYPE, formatInstantMs(now()), { webhook: row.id, by: actor() });
    const sending = await webhooks.open(row);
    const { verdict, status, problem } = await sending.send({ id, body }).finally(() => sending.close());
    const standing = { enabled: Number(row.enabled) === 1, disabled_why: row.disabled_why };
    return { delivered: verdict === 'arrived', message: id, status, problem, ...standing };
  },
});

const list = defineRoute({
  method: 'GET',
  path: `${WEBHOOKS_PATH}/:id/deliveries`,
  access: ['operator'],
  tag: 'operations',
  summary: 'The last messages of a webhook, the newest first, with what came of the last attempt of each',
  params: byId,
  query: z.strictObject(pageOf(z.tuple([z.int()]))),
  reply: deliveriesList,
  example: { params: { id: WEBHOOK }, reply: { deliveries: [DELIVERY] } },
  answer: async ({ db }, { params, query, continueAt }) => {
    await findWebhook(db, params.id);
    const { entries, next } = await listDeliveries(db, params.id, pageIn(query));
    continueAt(formatCursor(next));
    return { deliveries: [...entries] };
  },
});

const again = defineRoute({
  method: 'POST',
  path: `${WEBHOOKS_PATH}/:id/deliveries/:delivery/redeliver`,
  access: ['operator'],
  tag: 'operations',
  repeats: 'by-nature',
  summary: 'Send a message again, under the same id, with what waits',
  params: z.strictObject({
    id: z.uuid(),
    delivery: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  }),
  reply: deliveryModel,
  example: { params: { id: WEBHOOK, delivery: 1 }, reply: DELIVERY },
  answer: async ({ db, now }, { params: { id, delivery } }) => {
    await findWebhook(db, id);
    return transact(db, 'committed', (trx) => redeliver(trx, id, delivery, now()));
  },
});

export const DELIVERY_ROUTES: readonly Route[] = [test, list, again];
