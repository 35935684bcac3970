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
      schemas: { Problem: toJsonSchema(problem), ...namedSchemas(routes) },
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
      ? { 'application/json': withExample(toJsonSchema(body), example.body) }
      : raw === 'stream'
        ? { 'application/octet-stream': {} }
        : null;
  return {
    operationId: `${method.toLowerCase()} ${pathOf(route)}`.replace(/[^A-Za-z0-9]+/g, '-').replace(/-$/, ''),
    summary,
    tags: [tag],
    description: `For ${accessText(access)}.`,
    security: securityOf(access),
    parameters: [...parametersOf(route, 'path'), ...parametersOf(route, 'query'), ...headersOf(route)],
    ...(requestBody === null ? {} : { requestBody: { required: true, content: requestBody } }),
    responses: { ...successOf(route), default: { $ref: '#/components/responses/Problem' } },
  };
}

/** What the examples change has not been changed before. */
export const EXAMPLE_TAG = '"1"';
const KEY_TEXT =
  'Honoured for a day: the same request under the same key has its effect once and gets the same answer';
const TAG_TEXT = 'The ETag of the state that is meant; 412 when it is another by now';

function headersOf({ repeats, ifMatch }: Route): readonly JsonObject[] {
  const of = (name: string, description: string, example: string, required: boolean): JsonObject => ({
    ...{ name, in: 'header', required, description, example },
    schema: { type: 'string' },
  });
  return [
    ...(repeats === 'by-key' ? [of('Idempotency-Key', KEY_TEXT, 'b5e1c1d2', false)] : []),
    ...(ifMatch === true ? [of('If-Match', TAG_TEXT, EXAMPLE_TAG, true)] : []),
  ];
}

function successOf({ method, reply, media, example, status }: Route): JsonObject {
  if (reply !== undefined) {
    const schema = withExample(toJsonSchema(reply), example.reply);
    return { [status ?? 200]: { description: 'Done', content: { 'application/json': schema } } };
  }
  if (media !== undefined) {
    const content = { [media]: { example: example.excerpt ?? '' } };
    const description = status === 101 ? 'A WebSocket, and what may be said over it' : 'Done';
    return { [status ?? 200]: { description, content } };
  }
  return method === 'HEAD' ? { 200: { description: 'It is here' } } : { 204: { description: 'Done' } };
}

function securityOf(access: Access): JsonValue {
  if (access === 'public') return [];
  if (access === 'machine') return [{}, { token: [] }];
  return [access === 'agent' ? { agent: [] } : { token: [] }];
}

function parametersOf(route: Route, place: 'path' | 'query'): readonly JsonObject[] {
  const given = { ...(place === 'path' ? route.example.params : route.example.query) } as JsonObject;
  const exampleOf = (name: string) => (given[name] === undefined ? {} : { example: given[name] });
  if (place === 'path' && route.path.includes('*')) {
    return [{ name: 'path', in: 'path', required: true, schema: { type: 'string' }, ...exampleOf('*') }];
  }
  const schema = place === 'path' ? route.params : route.query;
  if (schema === undefined) return [];
  const { properties, required } = toJsonSchema(schema);
  return Object.entries(properties as JsonObject).map(([name, of]) => ({
    name,
    in: place,
    required: (required as readonly string[] | undefined)?.includes(name) ?? false,
    schema: of,
    ...exampleOf(name),
  }));
}

function withExample(schema: JsonObject, example: object | undefined): JsonObject {
  return { schema, ...(example === undefined ? {} : { example: example as JsonObject }) };
}

/** What goes over the wire: the side of a schema before its transforms, without the mark of its dialect. */
function toJsonSchema(schema: z.ZodType): JsonObject {
  const { $schema: _, $defs: _named, ...rest } = describe(schema);
  return rest;
}

/** A shape that has a name of its own stands once, under it. */
function describe(schema: z.ZodType): JsonObject {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/')) as JsonObject;
}

function namedSchemas(routes: readonly Route[]): JsonObject {
  const schemas = routes.flatMap(({ params, query, body, holds, reply }) => [
    params,
    query,
    body,
    holds,
    reply,
  ]);
  return Object.assign({}, ...schemas.map((one) => (one === undefined ? {} : (describe(one).$defs ?? {}))));
}
