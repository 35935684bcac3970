// Request bodies: strict JSON, or a raw stream; what they hold is the route's to judge.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type JsonLimits, parseJson } from '../../shared/encoding/json.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** How long the JSON was. */
    bodyBytes: number;
  }
}

const MAX_DEPTH = 32;
/** No document of ours has more values than this for its size. */
const BYTES_PER_NODE = 8;

/** Replaces Fastify's own parsers: bytes that two parsers could read differently are refused. */
export function installBodies(app: FastifyInstance): void {
  app.decorateRequest('bodyBytes', 0);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      request.bodyBytes = body.length;
      done(null, parseJson(body as Buffer, 'the request body', limitsOf(request)));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser('application/octet-stream', (_request, stream, done) => done(null, stream));
}

function limitsOf(request: FastifyRequest): JsonLimits {
  const maxBytes = request.routeOptions.bodyLimit ?? 0;
  return { maxBytes, maxDepth: MAX_DEPTH, maxNodes: Math.ceil(maxBytes / BYTES_PER_NODE) };
}
