// Request bodies: strict JSON, or a raw stream; what they hold is the route's to judge.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type JsonLimits, parseJson } from '../../shared/encoding/json.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { neighbourhoodOf } from '../core/transport.ts';

export const JSON_TYPE = 'application/json';
export const BYTES_TYPE = 'application/octet-stream';
export const MAX_DEPTH = 32;
/** No document of ours has more values than this for its size. */
export const BYTES_PER_NODE = 8;

/**
 * Replaces Fastify's own parsers: bytes that two parsers could read differently are refused. `take` is told of a
 * body before anybody else looks at it.
 */
export function installBodies(
  app: FastifyInstance,
  take: (request: FastifyRequest, body: Uint8Array) => void,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, (request, body, done) => {
    try {
      take(request, body as Buffer);
      if (request.routeOptions.config.isRaw === true) return done(null, body);
      done(
        null,
        parseJson(body as Buffer, 'the request body', limitsOf(request.routeOptions.bodyLimit ?? 0)),
      );
    } catch (error) {
      done(error as Error);
    }
  });
}

/** For routes that take a body as it comes: nothing of it is kept here. */
export function installStreams(app: FastifyInstance, type: string): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(type, (_request, stream, done) => done(null, stream));
}

const FORM_TYPE = 'application/x-www-form-urlencoded';

/** For buttons of our pages, whose forms have no fields. */
export function installForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(FORM_TYPE, { parseAs: 'string' }, (_request, _body, done) =>
    done(null, undefined),
  );
}

export function limitsOf(maxBytes: number): JsonLimits {
  return { maxBytes, maxDepth: MAX_DEPTH, maxNodes: Math.ceil(maxBytes / BYTES_PER_NODE) };
}

/** Counts the request against its address. Error: request/rate-limited beyond `perMinute`. */
export type Limit = (request: FastifyRequest) => Promise<void>;

export function createLimit(app: FastifyInstance, perMinute: number): Limit {
  const keyGenerator = ({ ip }: FastifyRequest) => neighbourhoodOf(ip);
  const count = app.createRateLimit({ max: perMinute, timeWindow: '1 minute', keyGenerator });
  return async (request) => {
    const outcome = await count(request);
    if (!outcome.isAllowed && outcome.isExceeded) {
      throw new FairleadError('request/rate-limited', { seconds: outcome.ttlInSeconds });
    }
  };
}
