// Requests as the world sends them: malformed, oversized, hostile, and answered in one shape.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorReply } from '../../../shared/protocol/problem.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { firstPublication } from '../../support/publications.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;

beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

describe('a body', () => {
  it.each([
    ['broken JSON', '{', 'json/invalid', 400],
    ['a key twice', '{"name":"a","name":"b"}', 'json/invalid', 400],
    ['a fraction', '{"name":1.5}', 'json/invalid', 400],
    ['a prototype', '{"__proto__":{"name":"a"}}', 'json/invalid', 400],
    ['too many levels', `${'['.repeat(100)}${']'.repeat(100)}`, 'json/too-large', 413],
    ['a wrong type', '{"name":1}', 'document/invalid', 400],
    ['an unknown key', '{"name":"a","role":"admin"}', 'document/invalid', 400],
    ['nothing', '', 'json/invalid', 400],
    ['more than is allowed', `{"name":"${'a'.repeat(70_000)}"}`, 'request/too-large', 413],
  ])('with %s is refused', async (_what, payload, code, status) => {
    const headers = { ...(await server.bearer('operator')), 'content-type': 'application/json' };

    const response = await server.app.inject({ method: 'POST', url: '/api/v1/enrolments', headers, payload });

    const { error } = parseDocument(errorReply, response.json(), 'the answer');
    expect([response.statusCode, error.code]).toEqual([status, code]);
  });

  it.each([
    ['whose value is bare', '{"password":hunter2}'],
    ['that stops in a text', '{"password":"hunter2'],
    ['that goes on behind its end', '{"a":1}hunter2'],
    ['that is none', 'hunter2'],
  ])('%s is refused without a word of what stands in it', async (_what, payload) => {
    const headers = { ...(await server.bearer('operator')), 'content-type': 'application/json' };

    const response = await server.app.inject({ method: 'POST', url: '/api/v1/enrolments', headers, payload });

    expect([response.statusCode, response.json().code]).toEqual([400, 'json/invalid']);
    expect(response.body).not.toContain('unter');
  });

  it.each([
    ['a name', 'POST', '/api/v1/enrolments', { name: 'a\0b' }],
    ['a name below', 'POST', '/api/v1/groups', { name: 'a', instances: ['\0'] }],
    ['a query', 'GET', '/api/v1/instances?named=a%00b', undefined],
    ['a cursor', 'GET', `/api/v1/instances?cursor=${cursor(['a\0', 'b'])}`, undefined],
    ['an address', 'GET', '/api/v1/policies/a%00b', undefined],
  ] as const)(
    'or %s with a character that one of the databases does not take is refused on both',
    async (_what, method, url, payload) => {
      const sent = payload === undefined ? {} : { payload };
      const response = await server.app.inject({
        method,
        url,
        headers: await server.bearer('operator'),
        ...sent,
      });

      expect(response.statusCode, response.body).toBe(400);
    },
  );

  it('of another type is refused', async () => {
    const headers = { ...(await server.bearer('operator')), 'content-type': 'text/xml' };
    const response = await server.app.inject({
      method: 'POST',
      url: '/api/v1/enrolments',
      headers,
      payload: '<a/>',
    });

    expect(response.json().error.code).toBe('request/invalid');
  });

  it('is refused with the headers of its own refusal, and of no other', async () => {
    const headers = { 'content-type': 'application/json' };
    const anonymous = { method: 'POST', url: '/api/v1/enrolments', headers, payload: '{' } as const;
    const broken = { ...anonymous, headers: { ...headers, ...(await server.bearer('operator')) } };
    const headersOf = async (request: typeof anonymous) => {
      const { statusCode, headers: sent } = await server.app.inject(request);
      return [
        statusCode,
        sent['www-authenticate'],
        sent['content-range'],
        sent['retry-after'],
        sent['cache-control'],
      ];
    };

    expect(await headersOf(broken)).toEqual([400, undefined, undefined, undefined, 'no-store']);
    expect(await headersOf(anonymous)).toEqual([401, 'Bearer', undefined, undefined, 'no-store']);
  });

  it('names the wrong field and its remedy', async () => {
    const headers = await server.bearer('operator');
    const response = await server.app.inject({
      method: 'POST',
      url: '/api/v1/enrolments',
      headers,
      payload: { nam: 'a' },
    });

    const { message } = response.json().error;
    expect(message).toContain('name');
    expect(message).toContain('nam');
  });
});

describe('an address', () => {
  it.each([
    '/api/v1/instances/..%2faudit',
    '/api/v1/instances/not-an-id',
    '/api/v1/changes/CHG-x',
    '/api/v1/deployments?limit=0',
    '/api/v1/deployments?limit=1&limit=2',
    '/api/v1/deployments?order=up',
    '/api/v1/audit?after=-1',
  ])('%s is refused as a bad request', async (url) => {
    const response = await server.app.inject({ url, headers: await server.bearer('viewer') });

    expect([400, 404]).toContain(response.statusCode);
    parseDocument(errorReply, response.json(), 'the answer');
  });

  it.each(['/api/v1/instances/00000000-0000-0000-0000-000000000000', '/api/v1/changes/CHG-9', '/nowhere'])(
    '%s that leads nowhere says so',
    async (url) => {
      const response = await server.app.inject({ url, headers: await server.bearer('viewer') });

      expect([response.statusCode, response.json().error.code]).toEqual([404, 'request/not-found']);
    },
  );
});

describe('a file of the repository', () => {
  beforeEach(async () => {
    const { publisher } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
  });

  it.each([
    ['timestamp.json', /max-age=10\b/],
    ['1.root.json', /immutable/],
    ['1.targets.json', /immutable/],
  ])('%s is cached as long as it stays what it is', async (name, expected) => {
    const response = await server.app.inject({ url: `/repository/metadata/${name}` });

    expect(response.statusCode).toBe(200);
    expect(response.headers['cache-control']).toMatch(expected);
  });

  it('that did not change is not sent again', async () => {
    const url = '/repository/metadata/timestamp.json';
    const { etag } = (await server.app.inject({ url })).headers;
    server.now += 7 * 60 * 60 * 1000;

    const unchanged = await server.app.inject({ url, headers: { 'if-none-match': String(etag) } });
    await server.context.publisher.resign();
    const changed = await server.app.inject({ url, headers: { 'if-none-match': String(etag) } });

    expect([unchanged.statusCode, changed.statusCode]).toEqual([304, 200]);
  });

  it('is sent in part when a part is asked for', async () => {
    const headers = { range: 'bytes=2-5' };
    const whole = await server.app.inject({ url: '/repository/metadata/1.root.json' });
    const part = await server.app.inject({ url: '/repository/metadata/1.root.json', headers });

    expect(part.statusCode).toBe(206);
    expect(part.body).toBe(whole.body.slice(2, 6));
  });

  it('that does not exist yet is not remembered as missing', async () => {
    const response = await server.app.inject({ url: '/repository/metadata/2.root.json' });

    expect([response.statusCode, response.headers['cache-control']]).toEqual([404, 'no-store']);
  });

  it.each([
    '/repository/../fairlead.db',
    '/repository/%2e%2e/fairlead.db',
    '/repository/..%2ffairlead.db',
    '/repository/metadata/..%5c..%5ckeys/snapshot.json',
    '/repository//etc/passwd',
    '/repository/metadata/%00',
    '/repository/metadata/.hidden.tmp',
    '/repository/metadata/',
    '/repository/',
  ])('outside what is published is never sent: %s', async (url) => {
    const response = await server.app.inject({ url });

    expect(response.statusCode).toBeGreaterThanOrEqual(400);
    expect(response.statusCode).toBeLessThan(500);
  });
});

describe('operations', () => {
  it('are ready before anything is published, and not once the timestamp has expired', async () => {
    const ask = () => server.app.inject({ url: '/readyz' });
    const ready = async () => (await ask()).statusCode;
    expect(await ready()).toBe(200);
    const { publisher } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
    expect(await ready()).toBe(200);

    server.now += 25 * 60 * 60 * 1000;

    expect(await ready()).toBe(503);
    expect(Number((await ask()).headers['retry-after'])).toBeGreaterThan(0);
  });

  it('say which metadata has expired, and what ends within a month', async () => {
    const { publisher } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
    await server.bearer('viewer');
    const ask = () => server.app.inject({ url: '/readyz' });
    const { endsSoon } = (await ask()).json();
    const { root } = publisher.state() ?? {};
    server.now = root?.content.expires ?? 0;
    await publisher.resign();

    const expired = await ask();

    expect(endsSoon).toContainEqual({ kind: 'token', role: null, at: expect.any(String) });
    expect(JSON.stringify(endsSoon)).not.toContain('viewer');
    expect([expired.statusCode, expired.json().code]).toEqual([503, 'server/not-ready']);
    expect(expired.json().detail).toMatch(/\b(root|targets|releases|security|halts)\b/);
  });

  it('count when each token ends, and what speaks with two voices', async () => {
    await server.bearer('viewer');

    const { body } = await server.app.inject({ url: '/metrics' });

    expect(body).toMatch(/fairlead_token_expires_timestamp_seconds\{name="viewer"\} \d+/);
    expect(body).toContain('fairlead_instances_twinned 0');
  });

  it('count requests by route, never by address', async () => {
    await server.app.inject({ url: '/nowhere/at/all' });
    await server.app.inject({ url: '/api/v1/instances/some-id' });

    const { body } = await server.app.inject({ url: '/metrics' });

    expect(body).toContain('route="/api/v1/instances/:id",status="401"');
    expect(body).not.toContain('some-id');
    expect(body).not.toContain('nowhere');
  });

  it('describe every route but the files and themselves', async () => {
    const { paths } = (await server.app.inject({ url: '/docs/openapi.json' })).json();

    expect(paths['/api/v1/publications'].post.requestBody).toBeDefined();
    expect(paths['/api/v1/instances/{id}'].get.responses['200']).toBeDefined();
  });
});

function cursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}
