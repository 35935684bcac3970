// The description of the API, as the server itself gives it: as a document for programs, and as a page for people.
import type { FastifyReply } from 'fastify';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { readOwnText } from '../../../shared/node/own-parts.ts';
import { type Description, renderDocsPage } from '../../web/docs-page.ts';
import { renderOpenApi } from '../openapi.ts';
import { defineRawRoute, type Route } from '../route.ts';

/**
 * Nothing from elsewhere, nothing inline, no text that becomes script (Trusted Types), no frame around it: the page
 * holds a token while somebody tries an operation.
 */
const POLICY = [
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:",
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "require-trusted-types-for 'script'; trusted-types 'none'",
].join('; ');

/** Describes the routes it is given, and itself. */
export function describeRoutes(others: readonly Route[]): readonly Route[] {
  const all: Route[] = [];
  const describe = once(() => renderOpenApi(all));
  const page = once(() => renderDocsPage(describe() as unknown as Description));
  all.push(
    ...others,
    file('openapi.json', 'This description of the API, as OpenAPI 3.1', 'application/json', {
      excerpt: '{"openapi":"3.1.0","info":{"title":"Fairlead release server"',
      text: once(() => JSON.stringify(describe() satisfies JsonObject)),
    }),
    file('', 'This description of the API as a page, on which operations can be tried', 'text/html', {
      excerpt: '<title>Fairlead release server: API</title>',
      text: page,
    }),
    file('page.css', 'How that page looks', 'text/css', {
      excerpt: 'color-scheme: light dark',
      text: once(() => readOwnText('server/web/docs-page.css')),
    }),
    file('page.js', 'What moves on that page', 'text/javascript', {
      excerpt: "addEventListener('hashchange', showLinked)",
      text: once(() => readOwnText('server/web/docs-page.js')),
    }),
  );
  return all;
}

function file(
  name: string,
  summary: string,
  media: string,
  { excerpt, text }: { readonly excerpt: string; readonly text: () => string },
): Route {
  return defineRawRoute({
    method: 'GET',
    path: name === '' ? '/docs' : `/docs/${name}`,
    access: 'public',
    tag: 'operations',
    summary,
    quiet: true,
    media,
    example: { excerpt },
    respond: async (_context, _request, reply: FastifyReply) =>
      reply
        .headers({
          'content-type': `${media}; charset=utf-8`,
          'content-security-policy': POLICY,
          'cross-origin-opener-policy': 'same-origin',
          'referrer-policy': 'no-referrer',
          'x-content-type-options': 'nosniff',
          'cache-control': 'no-cache',
        })
        .send(text()),
  });
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
