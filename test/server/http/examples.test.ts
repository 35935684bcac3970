// Every example of the documentation, sent to a real server: what it says is answered is what comes back, and fits the schema.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../../server/http/all-routes.ts';
import { pathOf } from '../../../server/http/openapi.ts';
import type { Route } from '../../../server/http/route.ts';
import { type ExampleFleet, startExampleFleet } from '../../support/example-fleet.ts';
import { type Tried, tryExample } from '../../support/try-example.ts';

interface Described {
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, Answer> }>>;
}
interface Answer {
  readonly content?: Record<string, { readonly schema?: object }>;
}

let reading: ExampleFleet;
let described: Described;
let ajv: Ajv2020;

beforeAll(async () => {
  reading = await startExampleFleet();
  described = (await (await fetch(`${reading.url}/docs/openapi.json`)).json()) as Described;
  // Formats beyond the vocabulary are notes for people; patterns say the same to programs.
  ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ ...described, $id: 'openapi.json' });
});
afterAll(() => reading.server.close());

/** Questions leave the fleet as it was; whatever changes something gets one of its own. */
async function send(route: Route): Promise<Tried> {
  if (route.method === 'GET' || route.method === 'HEAD') return await tryExample(reading, route);
  const fleet = await startExampleFleet();
  try {
    return await tryExample(fleet, route);
  } finally {
    await fleet.server.close();
  }
}

describe('the example of', () => {
  it.each(ROUTES.map((route) => ({ name: `${route.method} ${route.path}`, route })))(
    '$name is what a server does',
    async ({ route }) => {
      const { status, headers, text } = await send(route);

      const [[wanted, answer] = []] = Object.entries(responsesOf(route));
      expect([String(status), text]).toEqual([wanted, expect.any(String)]);
      expect(headers.has('location')).toBe(status === 201);
      const { excerpt, reply } = route.example;
      if (excerpt !== undefined) expect(text).toContain(excerpt);
      else expect(text === '' ? undefined : plain(JSON.parse(text))).toEqual(plain(reply));
      if (reply !== undefined) expect(misfits(route, answer, JSON.parse(text))).toEqual([]);
    },
  );

  it('a refusal is a problem document, as the description says of all', async () => {
    const response = await fetch(`${reading.url}/api/v1/instances`);

    const validate = ajv.getSchema('openapi.json#/components/schemas/Problem');
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect([validate?.(await response.json()), validate?.errors]).toEqual([true, null]);
  });
});

function responsesOf(route: Route): Record<string, Answer> {
  return described.paths[pathOf(route)]?.[route.method.toLowerCase()]?.responses ?? {};
}

function misfits(route: Route, answer: Answer | undefined, value: unknown): readonly string[] {
  const [media = ''] = Object.keys(answer?.content ?? {});
  const [status = ''] = Object.keys(responsesOf(route));
  const steps = ['paths', pathOf(route), route.method.toLowerCase(), 'responses', status, 'content', media];
  const pointer = [...steps, 'schema'].map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1'));
  const validate = ajv.getSchema(`openapi.json#/${pointer.map(encodeURIComponent).join('/')}`);
  if (validate === undefined) return ['the description has no schema'];
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const CHANCE = [
  [/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'an instant'],
  [/^(?:sha256:)?[0-9a-f]{64}$/, 'a digest or a key'],
  [/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'an id'],
  [/^(?:flt_)?[A-Za-z0-9_-]{32}$/, 'a secret'],
  [/^[A-Za-z0-9_-]{43}$/, 'a public key'],
  [/^sha-256=:/, 'a digest of a body'],
  [/^msg_[0-9a-f-]{36}$/, 'a message'],
  [/^whsec_/, 'a secret of a webhook'],
  [/^17\d{8}$/, 'a version made of seconds'],
] as const;

/** What chance and the clock made is compared by its kind alone; ids that an example names were put in their place before. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
  }
  return CHANCE.find(([pattern]) => pattern.test(String(value)))?.[1] ?? value;
}
