// The signed repository as static files, cacheable by anyone: nothing here needs the server's word.
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';

/** One name, many contents: short enough to miss nothing, long enough for a cache to help. */
const TIMESTAMP_CACHE = 'public, max-age=10, must-revalidate';
/** A version or a digest stands in the name: these bytes never change. */
const FOR_GOOD = 'public, max-age=31536000, immutable';

export async function addRepositoryFiles(app: FastifyInstance, { config }: Context): Promise<void> {
  await app.register(fastifyStatic, {
    root: config.layout.repository,
    prefix: '/repository/',
    index: false,
    redirect: false,
    // Files on their way in begin with a dot.
    dotfiles: 'ignore',
    cacheControl: false,
    decorateReply: false,
    setHeaders: (reply, path) => {
      reply.header('cache-control', path.endsWith('/timestamp.json') ? TIMESTAMP_CACHE : FOR_GOOD);
    },
  });
}
