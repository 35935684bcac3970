// The outbox of a server under test: events as they would happen, webhooks as an admin makes them, and one run of the job.

import type { z } from 'zod';
import { appendEvents, type NewEvent } from '../../server/db/events.ts';
import { transact } from '../../server/db/transact.ts';
import { SENDING_LANES } from '../../server/jobs/kinds.ts';
import type { WebhookMade, webhookRequest } from '../../shared/protocol/webhooks.ts';
import type { TestServer } from './server-under-test.ts';

/** Tells what is new and sends what is due, as the jobs do. */
export async function runOutbox(server: TestServer, stopping = new AbortController().signal): Promise<void> {
  const job = { id: 'outbox', kind: 'outbox', subject: '', attempt: 1, lease: 'test', due: '' };
  const lost = new AbortController().signal;
  for (const { work } of SENDING_LANES.flat()) await work(server.context, job, lost, stopping);
}

type Wanted = Partial<z.input<typeof webhookRequest>>;

export async function makeWebhook(
  server: TestServer,
  url: string,
  wanted: Wanted = {},
): Promise<WebhookMade & { readonly secret: string }> {
  const response = await server.app.inject({
    ...{ method: 'POST', url: '/api/v1/webhooks', headers: await server.bearer('admin') },
    payload: { name: 'on-call', url, types: ['instance.retired'], ...wanted },
  });
  if (response.statusCode !== 201) throw new Error(response.body);
  return response.json();
}

/** Of an instance that nobody needs to have enrolled. */
export function eventOf(
  kind: NewEvent['kind'],
  details: NewEvent['details'] = {},
  instance = 'one',
): NewEvent {
  return { kind, instance, actor: 'test', subject: instance, details };
}

export async function happen(server: TestServer, events: readonly NewEvent[]): Promise<void> {
  await transact(server.context.db, 'committed', (trx) => appendEvents(trx, events, server.now));
}
