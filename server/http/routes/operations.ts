// For those who run the server: is it alive, can it do its work, and its numbers.
import { z } from 'zod';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { countInstances } from '../../db/instances.ts';
import { METRICS_TYPE, renderMetrics } from '../metrics.ts';
import { defineRawRoute, defineRoute, type Route } from '../route.ts';

const health = defineRoute({
  method: 'GET',
  path: '/healthz',
  access: 'public',
  tag: 'operations',
  summary: 'The process answers',
  quiet: true,
  reply: z.object({ status: z.literal('alive') }),
  example: { reply: { status: 'alive' } },
  answer: async () => ({ status: 'alive' as const }),
});

const ready = defineRoute({
  method: 'GET',
  path: '/readyz',
  access: 'public',
  tag: 'operations',
  summary: 'The database answers and the metadata is fresh',
  quiet: true,
  reply: z.object({
    status: z.literal('ready'),
    /** When agents would stop installing; null before the first publication. */
    timestampExpires: z.string().nullable(),
  }),
  example: { reply: { status: 'ready', timestampExpires: '2026-11-21T12:00:00Z' } },
  answer: async ({ db, publisher, now }) => {
    await countInstances(db);
    const expires = publisher.state()?.timestamp.content.expires ?? null;
    if (expires !== null && expires <= now()) {
      const problem = `the timestamp expired at ${formatInstant(expires)} and could not be signed again`;
      throw new FairleadError('server/not-ready', { problem });
    }
    return { status: 'ready' as const, timestampExpires: expires === null ? null : formatInstant(expires) };
  },
});

const metrics = defineRawRoute({
  method: 'GET',
  path: '/metrics',
  access: 'machine',
  tag: 'operations',
  summary: 'Numbers for Prometheus. On this machine without a token, unless a proxy stands before the server',
  quiet: true,
  media: 'text/plain',
  respond: async (context, _request, reply) =>
    reply.header('content-type', METRICS_TYPE).send(await renderMetrics(context)),
});

export const OPERATION_ROUTES: readonly Route[] = [health, ready, metrics];
