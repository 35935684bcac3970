// The description of the API, as the server itself gives it.
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { renderOpenApi } from '../openapi.ts';
import { defineRawRoute, type Route } from '../route.ts';

/** Describes the routes it is given, and itself. */
export function describeRoutes(others: readonly Route[]): readonly Route[] {
  let page: JsonObject | undefined;
  const route = defineRawRoute({
    method: 'GET',
    path: '/docs/openapi.json',
    access: 'public',
    tag: 'operations',
    summary: 'This description of the API, as OpenAPI 3.1',
    media: 'application/json',
    respond: async () => {
      page ??= renderOpenApi([...others, route]);
      return page;
    },
  });
  return [...others, route];
}
