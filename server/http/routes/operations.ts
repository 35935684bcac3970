// For those who run the server: is it alive, and can it do its work.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { Context } from '../../context.ts';
import { countInstances } from '../../db/instances.ts';
import { describeRoute } from '../description.ts';

const healthReply = z.strictObject({ status: z.literal('alive') });
const readyReply = z.strictObject({
  status: z.literal('ready'),
  /** When agents would stop installing; null before the first publication. */
  timestampExpires: z.string().nullable(),
});

export function addOperationRoutes(app: FastifyInstance, { publisher, db, now }: Context): void {
  const health = describeRoute({ summary: 'The process answers', tag: 'operations', reply: healthReply });
  app.get('/healthz', { schema: health, logLevel: 'warn' }, async () => ({ status: 'alive' }));

  const ready = describeRoute({
    summary: 'The database answers and the metadata is fresh',
    tag: 'operations',
    reply: readyReply,
  });
  app.get('/readyz', { schema: ready, logLevel: 'warn' }, async () => {
    await countInstances(db);
    const expires = publisher.state()?.timestamp.content.expires ?? null;
    if (expires !== null && expires <= now()) {
      const problem = `the timestamp expired at ${formatInstant(expires)} and could not be signed again`;
      throw new FairleadError('server/not-ready', { problem });
    }
    return { status: 'ready', timestampExpires: expires === null ? null : formatInstant(expires) };
  });
}
