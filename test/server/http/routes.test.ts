// The table of routes: each says all about itself, its examples are what it takes and answers, and OpenAPI tells the same.
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Access } from '../../../server/http/access.ts';
import { ROUTES } from '../../../server/http/all-routes.ts';
import { pathOf, renderOpenApi } from '../../../server/http/openapi.ts';
import type { Route } from '../../../server/http/route.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { renderOpenApiFile } from '../../docs/pages/http-api-page.ts';
import { readSources } from '../../support/source-tree.ts';

const named = ROUTES.map((route) => ({ ...route, name: `${route.method} ${route.path}` }));

describe('every route', () => {
  it('stands once in the table', () => {
    expect(new Set(named.map(({ name }) => name)).size).toBe(named.length);
  });

  it.each(named)('$name names its parameters', ({ path, params }) => {
    const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    const shape = params instanceof z.ZodObject ? Object.keys(params.shape) : [];

    expect(shape).toEqual(inPath);
  });

  it.each(named)(
    '$name gives examples that its own schemas accept',
    ({ example, params, query, body, holds, reply }) => {
      const parts = { params, query, body: body ?? holds, reply };
      const { excerpt: _, ...said } = example;
      for (const [part, value] of Object.entries(said)) {
        // A wildcard is any path, and has no schema.
        if (value === undefined || '*' in value) continue;
        const schema = parts[part as keyof typeof parts];
        expect(schema, part).toBeDefined();
        if (schema !== undefined) expect(() => parseDocument(schema, value, part)).not.toThrow();
      }
    },
  );

  it.each(named.filter(({ body, holds }) => body !== undefined || holds !== undefined))(
    '$name shows a body',
    ({ example }) => {
      expect(example.body).toBeDefined();
    },
  );

  it('that takes a list apart says so by its cursor', () => {
    const lists = named.filter(
      ({ method, reply }) => method === 'GET' && reply instanceof z.ZodObject && isList(reply),
    );
    const unpaged = lists.filter(({ query }) => !(query instanceof z.ZodObject && 'cursor' in query.shape));

    expect(unpaged.map(({ name }) => name)).toEqual([]);
    expect(lists.length).toBeGreaterThan(5);
  });
});

describe('a route that changes something', () => {
  it('and creates, says what becomes of a repetition', () => {
    const silent = named.filter(({ method, repeats }) => method === 'POST' && repeats === undefined);

    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('and changes or removes what is there, takes the state that is meant; bytes by their digest have but one, a token and a code are revoked in any', () => {
    const untagged = named.filter(
      ({ method, ifMatch }) => /^(?:PUT|DELETE)$/.test(method) && ifMatch !== true,
    );

    expect(untagged.map(({ name }) => name)).toEqual([
      'DELETE /api/v1/enrolments/:id',
      'PUT /api/v1/packs/:treeHex/full.pack',
      'PUT /api/v1/packs/:treeHex/patches/:fromHex',
      'PUT /api/v1/packs/:treeHex/sboms/:sbomHex',
      'DELETE /api/v1/tokens/:id',
    ]);
  });

  it('and takes something away, is acknowledged once that is at the place of the backups', () => {
    const kept = named.filter(({ keeps }) => keeps === true);

    expect(kept.map(({ name }) => name).toSorted()).toEqual([
      'DELETE /api/v1/customers/:id',
      'DELETE /api/v1/enrolments/:id',
      'DELETE /api/v1/tokens/:id',
      'POST /api/v1/instances/:id/isolate',
      'POST /api/v1/instances/:id/restore',
      'POST /api/v1/instances/:id/retire',
      'POST /api/v1/publications',
      'POST /api/v1/tokens/:id/rotate',
    ]);
  });

  it('says so in its description', () => {
    const paths = renderOpenApi(ROUTES).paths as Record<string, Record<string, { parameters: object[] }>>;

    expect(paths['/api/v1/deployments']?.post?.parameters).toMatchObject([{ name: 'Idempotency-Key' }]);
    expect(paths['/api/v1/deployments/{id}']?.put?.parameters).toMatchObject([
      { name: 'id' },
      { name: 'If-Match', required: true },
    ]);
  });
});

describe('OpenAPI', () => {
  const described = renderOpenApi(ROUTES) as unknown as {
    readonly openapi: string;
    readonly paths: Record<string, Record<string, { readonly operationId: string }>>;
  };

  it('describes every route, each under an id of its own', () => {
    const operations = Object.values(described.paths).flatMap((path) => Object.values(path));

    expect(described.openapi).toBe('3.1.0');
    expect(operations).toHaveLength(ROUTES.length);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
    for (const route of ROUTES) {
      expect(described.paths[pathOf(route)]?.[route.method.toLowerCase()]).toBeDefined();
    }
  });

  it('asks for the credential that the route asks for, and for none where anybody may', () => {
    const asked = (method: string, path: string) => {
      const operation = described.paths[path]?.[method] as { readonly security?: object } | undefined;
      return operation?.security;
    };
    const of = (access: Access) => ROUTES.filter((route) => route.access === access)[0] as Route;
    const askedBy = (route: Route) => asked(route.method.toLowerCase(), pathOf(route));
    const rights = ROUTES.filter((route) => typeof route.access !== 'string').map(askedBy);

    expect(askedBy(of('public'))).toEqual([]);
    expect(askedBy(of('agent'))).toEqual([{ agent: [] }]);
    expect(askedBy(of('machine'))).toEqual([{}, { token: [] }]);
    expect(rights.length).toBeGreaterThan(5);
    expect(rights).toEqual(rights.map(() => [{ token: [] }]));
  });

  it('is OpenAPI 3.1 in the eyes of a validator that shares no code with us', async () => {
    const verdict = await new Validator().validate(structuredClone(described));
    const broken = structuredClone(described) as unknown as { paths: Record<string, unknown> };
    broken.paths['no-slash'] = { get: { responses: { much: 1 } } };

    expect(verdict).toEqual({ valid: true });
    expect((await new Validator().validate(broken)).valid).toBe(false);
  });

  it('holds schemas that are JSON Schema 2020-12, and examples that fit them by another reading than ours', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    ajv.addSchema({ ...described, $id: 'openapi.json' });
    const shown = listShown(described, []);
    const misfits = shown.flatMap(({ path, example }) => {
      const pointer = path.map((step) =>
        encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')),
      );
      const validate = ajv.getSchema(`openapi.json#/${pointer.join('/')}/schema`);
      return validate?.(example) === true ? [] : [{ path, errors: validate?.errors }];
    });

    expect(misfits).toEqual([]);
    expect(shown.length).toBeGreaterThan(ROUTES.length);
  });

  it('refers to nothing that it does not hold', () => {
    const text = JSON.stringify(described);
    const refs = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path.split('/'));
    const missing = refs.filter((path) => path.reduce<unknown>(into, described) === undefined);

    expect(missing).toEqual([]);
  });
});

describe('the house', () => {
  const files = readSources('server').filter(({ path }) => !path.startsWith('server/vendor/'));

  it.each([
    ['a transaction', /\.transaction\(\)/, 'server/db/transact.ts'],
    ['a route', /\bapp\.(?:route|get|post|put|delete|head)\(/, 'server/http/mount.ts'],
  ])('has one door for %s', (_what, pattern, door) => {
    expect(files.filter(({ text }) => pattern.test(text)).map(({ path }) => path)).toEqual([door]);
  });

  it('asks and answers what the openapi.json of the documentation says', () => {
    const page = readFileSync(new URL('../../../docs/reference/openapi.json', import.meta.url), 'utf8');

    expect(JSON.parse(renderOpenApiFile())).toEqual(JSON.parse(page));
  });
});

function isList({ shape }: z.ZodObject): boolean {
  const fields = Object.values(shape);
  return fields.length === 1 && fields[0] instanceof z.ZodArray;
}

/** Every place that shows an example beside the schema it is of. */
function listShown(
  value: unknown,
  path: readonly string[],
): readonly { readonly path: readonly string[]; readonly example: unknown }[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('schema' in value && 'example' in value) return [{ path, example: value.example }];
  return Object.entries(value).flatMap(([key, one]) =>
    key === 'example' || key === 'schema' ? [] : listShown(one, [...path, key]),
  );
}

function into(value: unknown, key: string): unknown {
  return (value as Record<string, unknown> | undefined)?.[key];
}
