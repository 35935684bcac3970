// Webhooks: made, changed, given a new secret and removed by people.
import { z } from 'zod';
import { durationMs } from '../../../shared/encoding/instant.ts';
import {
  WEBHOOKS_PATH,
  webhookChange,
  webhookMade,
  webhookModel,
  webhookRequest,
  webhookRotation,
  webhooksList,
} from '../../../shared/protocol/webhooks.ts';
import { transactOnce } from '../../db/once.ts';
import { transact } from '../../db/transact.ts';
import {
  changeWebhook,
  createWebhook,
  findWebhook,
  listWebhooks,
  modelOf,
  removeWebhook,
  rotateSecret,
} from '../../db/webhooks.ts';
import { CHANGED_AT, MESSAGES, NEW_ID, ON_CALL, RECEIVER, WEBHOOK } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

const byId = z.strictObject({ id: z.uuid() });
const SECRET = 'whsec_q1Yx0rXGm3bq2cT8kZb7uQ9aL4nV6wEsAAAAAAAAAAA=';
const BODY = { name: 'tickets', url: RECEIVER, types: [...MESSAGES], severity: 'critical' as const };

const list = defineRoute({
  method: 'GET',
  path: WEBHOOKS_PATH,
  access: ['operator'],
  tag: 'operations',
  summary: 'Webhooks by name, and how it goes with each; never their secrets',
  query: z.strictObject(pageOf(z.tuple([z.string()]))),
  reply: webhooksList,
  example: { reply: { webhooks: [ON_CALL] } },
  answer: async ({ db, now }, { query, continueAt }) => {
    const { entries, next } = await listWebhooks(db, pageIn(query), now());
    continueAt(formatCursor(next));
    return { webhooks: [...entries] };
  },
});

const one = defineRoute({
  method: 'GET',
  path: `${WEBHOOKS_PATH}/:id`,
  access: ['operator'],
  tag: 'operations',
  summary: 'One webhook',
  params: byId,
  reply: webhookModel,
  example: { params: { id: WEBHOOK }, reply: ON_CALL },
  answer: async ({ db, now }, { params, tag }) => {
    const found = await modelOf(db, await findWebhook(db, params.id), now());
    tag(found.revision);
    return found;
  },
});

const make = defineRoute({
  method: 'POST',
  path: WEBHOOKS_PATH,
  access: ['admin'],
  tag: 'operations',
  summary: 'Make a webhook; this answer is the only one that holds its secret',
  status: 201,
  repeats: 'by-key',
  body: webhookRequest,
  reply: webhookMade,
  example: { body: BODY, reply: { ...ON_CALL, ...BODY, id: NEW_ID, waiting: 0, secret: SECRET } },
  answer: async ({ db, now, webhooks, sealing }, ask) => {
    webhooks.verify(ask.body.url);
    const master = await sealing();
    const made = await transactOnce(db, ask.mark, now(), (trx) =>
      createWebhook(trx, ask.body, master, ask.actor(), now()),
    );
    ask.created(`${WEBHOOKS_PATH}/${made.id}`);
    ask.tag(made.revision);
    return made;
  },
});

const change = defineRoute({
  method: 'PUT',
  path: `${WEBHOOKS_PATH}/:id`,
  access: ['admin'],
  tag: 'operations',
  summary: 'Change a webhook, or enable one again; its secret stays',
  ifMatch: true,
  params: byId,
  body: webhookChange,
  reply: webhookModel,
  example: {
    params: { id: WEBHOOK },
    body: { ...BODY, enabled: false },
    reply: { ...ON_CALL, ...BODY, enabled: false, revision: 2, updated_at: CHANGED_AT },
  },
  answer: async ({ db, now, webhooks }, ask) => {
    const { url } = await findWebhook(db, ask.params.id);
    // One whose address is allowed no more can still be disabled.
    if (url !== ask.body.url) webhooks.verify(ask.body.url);
    const changed = await transact(db, 'committed', (trx) =>
      changeWebhook(trx, ask.params.id, ask.body, ask.match, ask.actor(), now()),
    );
    ask.tag(changed.revision);
    return changed;
  },
});

const remove = defineRoute({
  method: 'DELETE',
  path: `${WEBHOOKS_PATH}/:id`,
  access: ['admin'],
  tag: 'operations',
  summary: 'Remove a webhook, with what waits for it',
  ifMatch: true,
  params: byId,
  example: { params: { id: WEBHOOK } },
  answer: async ({ db, now }, ask): Promise<undefined> => {
    await transact(db, 'committed', (trx) =>
      removeWebhook(trx, ask.params.id, ask.match, ask.actor(), now()),
    );
  },
});

const rotate = defineRoute({
  method: 'POST',
  path: `${WEBHOOKS_PATH}/:id/rotate`,
  access: ['admin'],
  tag: 'operations',
  repeats: 'by-key',
  summary: 'Give a webhook a new secret; both sign for `overlap`',
  params: byId,
  body: webhookRotation,
  reply: webhookMade,
  example: {
    params: { id: WEBHOOK },
    body: { overlap: 'P1D' },
    reply: {
      ...{ ...ON_CALL, revision: 2, rotating_until: '2026-11-21T12:02:00.000Z', updated_at: CHANGED_AT },
      secret: SECRET,
    },
  },
  answer: async ({ db, now, sealing }, { params, body, mark, actor, tag }) => {
    const master = await sealing();
    const overlapMs = durationMs(body.overlap);
    const made = await transactOnce(db, mark, now(), (trx) =>
      rotateSecret(trx, params.id, overlapMs, master, actor(), now()),
    );
    tag(made.revision);
    return made;
  },
});

export const WEBHOOK_ROUTES: readonly Route[] = [list, make, one, change, remove, rotate];
