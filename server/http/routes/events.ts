// What happens in the fleet, as it happens: a stream of server-sent events.
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { EVENT_STREAM, EVENTS_PATH } from '../../../shared/protocol/events.ts';
import { instanceId } from '../../../shared/protocol/report.ts';
import { instant } from '../../../shared/schema/common.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import type { Context } from '../../context.ts';
import { placeBefore } from '../../db/events.ts';
import { credentialOf, customerOf } from '../access.ts';
import { MADE_AT } from '../examples.ts';
import { isStillLetIn } from '../mount.ts';
import { defineRawRoute, type Route } from '../route.ts';

/** An id, which the header Last-Event-ID overrides: a browser asks the same address again. */
const place = z.coerce.number().int().min(0);
const query = z.strictObject({
  after: place.optional(),
  since: instant.optional(),
  instance: instanceId.optional(),
  follow: z.enum(['true', 'false']).default('false'),
});

const HEADERS = {
  'content-type': EVENT_STREAM,
  // nginx, and others that took it over, would keep what is told until a buffer is full.
  'x-accel-buffering': 'no',
  'cache-control': 'no-store, no-transform',
  // A server that ends would wait for whatever comes next on it.
  connection: 'close',
} as const;

export const EVENT_ROUTES: readonly Route[] = [
  defineRawRoute({
    method: 'GET',
    path: EVENTS_PATH,
    access: ['viewer'],
    ofCustomers: true,
    tag: 'fleet',
    summary:
      'What happened in the fleet, as server-sent events: all that is kept, what came after an event or a moment; with `follow=true` also what happens from now on',
    perMinute: 120,
    query,
    media: EVENT_STREAM,
    example: { query: { since: MADE_AT }, excerpt: '"kind":"deployment.ended"' },
    respond: async (context, request, reply) => {
      const asked = parseDocument(query, { ...(request.query as object) }, 'the query');
      if (request.method === 'HEAD') return reply.headers(HEADERS).send();
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      if (request.raw.destroyed) gone.abort();
      const stream = await context.events.open({
        holder: credentialOf(request.caller),
        filter: { instance: asked.instance, customer: customerOf(request.caller) },
        after: await placeOf(context, request, asked),
        follows: asked.follow === 'true',
        isLetIn: () => isStillLetIn(context, request),
        gone: gone.signal,
      });
      return reply.headers(HEADERS).send(Readable.from(stream, { highWaterMark: 1 }));
    },
  }),
];

async function placeOf(
  { db }: Context,
  { headers }: FastifyRequest,
  { after, since }: z.output<typeof query>,
): Promise<number | null> {
  const last = headers['last-event-id'];
  if (last !== undefined && last !== '') return parseDocument(place, last, 'the header Last-Event-ID');
  if (after !== undefined) return after;
  return since === undefined ? null : await placeBefore(db, instantMs(since));
}
