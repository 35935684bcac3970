// The API's own description: OpenAPI 3.1 from the routes, whose schemas are the ones that requests are parsed with.
import { z } from 'zod';
import manifest from '../../package.json' with { type: 'json' };
import type { JsonObject, JsonValue } from '../../shared/encoding/json.ts';
import { problem } from '../../shared/protocol/problem.ts';
import type { Access } from './access.ts';
import { type Route, TAG_TEXTS, TAGS } from './route.ts';

export function renderOpenApi(routes: readonly Route[]): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const route of routes) {
    const path = pathOf(route);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Fairlead release server',
      version: manifest.version,
      description:
        'Every refusal is a problem document (RFC 9457). Lists go on where the header Link says (RFC 8288).',
    },
    tags: TAGS.map((name) => ({ name, description: TAG_TEXTS[name] })),
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token of fairlead-server token create' },
        agent: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'Signed by the instance’s key',
        },
      },
      schemas: { Problem: toJsonSchema(problem) },
      responses: {
        Problem: {
          description: 'Refused, with the reason',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

/** OpenAPI writes parameters in braces; a wildcard gets a name. */
export function pathOf({ path }: Route): string {
  return path.replace(/:(\w+)/g, '{$1}').replace('*', '{path}');
}

/** In words, for people. */
export function accessText(access: Access): string {
  if (access === 'public') return 'anybody';
  if (access === 'agent') return 'an enrolled agent';
  if (access === 'machine') return 'this machine, or any token';
  return access.includes('viewer') ? 'any token' : [...access, 'admin'].join(', ');
}

function operationOf(route: Route): JsonObject {
  const { method, tag, summary, raw, example, access } = route;
  const body = route.body ?? route.holds;
  const requestBody =
    body !== undefined
      ? { 'application/json': withExample(toJsonSchema(body), example?.body) }
      : raw === 'stream'
        ? { 'application/octet-stream': {} }
        : null;
  return {
    operationId: `${method.toLowerCase()} ${pathOf(route)}`.replace(/[^A-Za-z0-9]+/g, '-').replace(/-$/, ''),
    summary,
    tags: [tag],
    description: `For ${accessText(access)}.`,
    security: securityOf(access),
    parameters: [...parametersOf(route, 'path'), ...parametersOf(route, 'query')],
    ...(requestBody === null ? {} : { requestBody: { required: true, content: requestBody } }),
    responses: { ...successOf(route), default: { $ref: '#/components/responses/Problem' } },
  };
}

function successOf({ method, reply, media, example }: Route): JsonObject {
  if (reply !== undefined) {
    const schema = withExample(toJsonSchema(reply), example?.reply);
    return { 200: { description: 'Done', content: { 'application/json': schema } } };
  }
  if (media !== undefined) return { 200: { description: 'Done', content: { [media]: {} } } };
  return method === 'HEAD' ? { 200: { description: 'It is here' } } : { 204: { description: 'Done' } };
}

function securityOf(access: Access): JsonValue {
  if (access === 'public') return [];
  if (access === 'machine') return [{}, { token: [] }];
  return [access === 'agent' ? { agent: [] } : { token: [] }];
}

function parametersOf(route: Route, place: 'path' | 'query'): readonly JsonObject[] {
  if (place === 'path' && route.path.includes('*')) {
    return [{ name: 'path', in: 'path', required: true, schema: { type: 'string' } }];
  }
  const schema = place === 'path' ? route.params : route.query;
  if (schema === undefined) return [];
  const { properties, required } = toJsonSchema(schema);
  return Object.entries(properties as JsonObject).map(([name, of]) => ({
    name,
    in: place,
    required: (required as readonly string[] | undefined)?.includes(name) ?? false,
    schema: of,
  }));
}

function withExample(schema: JsonObject, example: object | undefined): JsonObject {
  return { schema, ...(example === undefined ? {} : { example: example as JsonObject }) };
}

/** What goes over the wire: the side of a schema before its transforms, without the mark of its dialect. */
function toJsonSchema(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  }) as JsonObject;
  return rest;
}
