// Request bodies: strict JSON against a schema, or a raw stream; addresses and queries against a schema too.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type JsonLimits, parseJson } from '../../shared/encoding/json.ts';
import { parseDocument } from '../../shared/schema/parse-document.ts';

const MAX_DEPTH = 32;
/** No document of ours has more values than this for its size. */
const BYTES_PER_NODE = 8;

/** Replaces Fastify's own parsers: bytes that two parsers could read differently are refused. */
export function installBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      done(null, parseJson(body as Buffer, 'the request body', limitsOf(request)));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser('application/octet-stream', (_request, stream, done) => done(null, stream));
  // The schemas on routes are for the API's description; the rooms below parse, with our errors.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

/** Error: document/invalid, naming every wrong field. */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  request: FastifyRequest,
): z.output<Schema> {
  return parseDocument(schema, request.body ?? {}, 'the request body');
}

/** Error: document/invalid. */
export function parseParams<Schema extends z.ZodType>(
  schema: Schema,
  request: FastifyRequest,
): z.output<Schema> {
  return parseDocument(schema, request.params, 'the address');
}

/** Error: document/invalid. */
export function parseQuery<Schema extends z.ZodType>(
  schema: Schema,
  request: FastifyRequest,
): z.output<Schema> {
  return parseDocument(schema, { ...(request.query as object) }, 'the query');
}

function limitsOf(request: FastifyRequest): JsonLimits {
  const maxBytes = request.routeOptions.bodyLimit ?? 0;
  return { maxBytes, maxDepth: MAX_DEPTH, maxNodes: Math.ceil(maxBytes / BYTES_PER_NODE) };
}
