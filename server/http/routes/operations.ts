// For those who run the server: is it alive, can it do its work, and its numbers.
import { z } from 'zod';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type Expiry, selectUrgent } from '../../core/expiry.ts';
import { listTokenExpiries } from '../../db/token-lists.ts';
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
  summary: 'The database answers and no metadata has expired; what ends within thirty days is listed',
  quiet: true,
  reply: z.object({
    status: z.literal('ready'),
    /** When agents would stop installing; null before the first publication. */
    timestampExpires: z.string().nullable(),
    /** What a person must renew within thirty days; of tokens the first only, without its name. */
    endsSoon: z.array(
      z.object({ kind: z.enum(['metadata', 'token']), role: z.string().nullable(), at: z.string() }),
    ),
  }),
  example: {
    reply: {
      status: 'ready',
      timestampExpires: '2026-11-21T12:00:00Z',
      endsSoon: [{ kind: 'token', role: null, at: '2026-12-01T08:00:00Z' }],
    },
  },
  answer: async ({ db, publisher, now }) => {
    const tokens = await listTokenExpiries(db);
    const metadata = publisher.published().expiries;
    const over = metadata.find(({ at }) => at <= now());
    if (over !== undefined) {
      const problem = `the metadata of ${over.name} expired at ${formatInstant(over.at)}; agents install nothing new`;
      throw new FairleadError('server/not-ready', { problem });
    }
    const timestamp = metadata.find(({ name }) => name === 'timestamp');
    return {
      status: 'ready' as const,
      timestampExpires: timestamp === undefined ? null : formatInstant(timestamp.at),
      endsSoon: selectUrgent([...metadata, ...firstOf(tokens)], now()).map(({ kind, name, at }) => ({
        ...{ kind, at: formatInstant(at) },
        // Anybody may ask; who has a token is not theirs to know.
        role: kind === 'token' ? null : name,
      })),
    };
  },
});

/** Anybody may ask, and there may be thousands. */
function firstOf(expiries: readonly Expiry[]): readonly Expiry[] {
  return expiries.toSorted((a, b) => a.at - b.at).slice(0, 1);
}

const metrics = defineRawRoute({
  method: 'GET',
  path: '/metrics',
  access: 'machine',
  tag: 'operations',
  summary: 'Numbers for Prometheus. On this machine without a token, unless a proxy stands before the server',
  quiet: true,
  media: 'text/plain',
  example: { excerpt: 'fairlead_instances 2' },
  respond: async (context, _request, reply) =>
    reply.header('content-type', METRICS_TYPE).send(await renderMetrics(context)),
});

export const OPERATION_ROUTES: readonly Route[] = [health, ready, metrics];
