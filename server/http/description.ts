// The API's own description: OpenAPI made from the schemas that the routes parse with.
import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { z } from 'zod';
import { errorReply } from '../../shared/protocol/fleet.ts';

export interface RouteDescription {
  readonly summary: string;
  readonly tag: 'publishing' | 'fleet' | 'agents' | 'operations';
  readonly body?: z.ZodType;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly reply?: z.ZodType;
}

export async function installDescription(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Fairlead release server', version: '1' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
  });
  app.get('/docs/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

export function describeRoute({ summary, tag, body, params, query, reply }: RouteDescription): FastifySchema {
  return {
    summary,
    tags: [tag],
    ...(body === undefined ? {} : { body: toJsonSchema(body) }),
    ...(params === undefined ? {} : { params: toJsonSchema(params) }),
    ...(query === undefined ? {} : { querystring: toJsonSchema(query) }),
    response: {
      ...(reply === undefined ? {} : { 200: toJsonSchema(reply) }),
      default: toJsonSchema(errorReply),
    },
  };
}

/** What goes over the wire: the side of the schema before its transforms. */
function toJsonSchema(schema: z.ZodType) {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}
