// Who may call what: every route, every role, every kind of credential that should not work.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { revokeTokens } from '../../../server/db/tokens.ts';
import { ROUTES } from '../../../server/http/all-routes.ts';
import { createApp } from '../../../server/http/app.ts';
import { TOKEN_ROLES } from '../../../shared/protocol/fleet.ts';
import { problem } from '../../../shared/protocol/problem.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { reportOf } from '../../support/reports.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;

beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const CALLS = ROUTES.map(({ method, path, access }) => ({
  ...{ route: `${method} ${path}`, method, access },
  url: path.replace(/:\w+/g, 'x').replace('*', 'x'),
}));

describe('every route', () => {
  it.each(CALLS.filter(({ access }) => access === 'agent' || Array.isArray(access)))(
    '$route refuses a caller without a token',
    async (r) => {
      const response = await server.app.inject({ method: r.method, url: r.url });

      expect(response.statusCode).toBe(401);
      expect(response.headers['www-authenticate']).toBe('Bearer');
    },
  );

  it.each(CALLS.filter(({ access }) => Array.isArray(access)))(
    '$route lets in exactly its roles',
    async (r) => {
      const allowed = new Set<string>(r.access);
      for (const role of TOKEN_ROLES) {
        const headers = await server.bearer(role);
        const response = await server.app.inject({ method: r.method, url: r.url, headers });
        const expected = role === 'admin' || allowed.has('viewer') || allowed.has(role);
        expect(response.statusCode !== 403, `${role} on ${r.route}`).toBe(expected);
      }
    },
  );
});

describe('an API token', () => {
  it.each([
    ['unknown', 'Bearer flt_unknown', 'auth/refused'],
    ['empty', 'Bearer ', 'auth/missing'],
    ['of another scheme', 'Basic YTpi', 'auth/missing'],
    ['with a line break', 'Bearer a\tb', 'auth/missing'],
  ])('that is %s is refused', async (_what, authorization, code) => {
    const response = await server.app.inject({ url: '/api/v1/instances', headers: { authorization } });

    expect(response.statusCode).toBe(401);
    expect(response.json().error.code).toBe(code);
  });

  it('that expired or was revoked is refused', async () => {
    const headers = await server.bearer('viewer');
    const get = async () => (await server.app.inject({ url: '/api/v1/instances', headers })).statusCode;
    expect(await get()).toBe(200);

    server.now += 2 * 60 * 60 * 1000;
    expect(await get()).toBe(401);
    server.now -= 2 * 60 * 60 * 1000;
    await revokeTokens(server.context.db, 'viewer', 'test', server.now);
    expect(await get()).toBe(401);
  });

  it('does not pass for an agent', async () => {
    const headers = await server.bearer('admin');
    const response = await server.app.inject({
      method: 'POST',
      url: '/api/v1/reports',
      headers,
      payload: reportOf(1),
    });

    expect(response.json().error.code).toBe('auth/refused');
  });

  it('that keeps failing from one address is told to wait', async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 70; i++) {
      const response = await server.app.inject({
        url: '/api/v1/instances',
        headers: { authorization: 'Bearer x' },
      });
      statuses.add(response.statusCode);
      if (response.statusCode === 429) expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    }

    expect([...statuses]).toEqual([401, 429]);
  });

  it('counts an IPv6 network as one, however many addresses it fails from', async () => {
    const guess = (from: string) =>
      server.app.inject({
        ...{ url: '/api/v1/audit', remoteAddress: from },
        headers: { authorization: 'Bearer x' },
      });

    for (let i = 1; i <= 60; i++) await guess(`2001:db8:0:7::${i.toString(16)}`);

    const statuses = [await guess('2001:db8:0:7:ffff::1'), await guess('2001:db8:0:8::1')];
    expect(statuses.map(({ statusCode }) => statusCode)).toEqual([429, 401]);
  });

  it.each([
    ['each caller by itself behind a trusted proxy', ['127.0.0.0/8'], 401],
    ['the address that connects, whatever it claims, behind no proxy', [], 429],
    ['the address that connects where another proxy is trusted', ['192.0.2.1'], 429],
  ])('counts %s', async (_what, trustProxy, last) => {
    const { context } = server;
    const app = await createApp({
      ...context,
      config: { ...context.config, trustProxy, behindProxy: trustProxy.length > 0 },
    });
    const guess = (caller: number) =>
      app.inject({
        url: '/api/v1/audit',
        headers: { authorization: 'Bearer x', 'x-forwarded-for': `198.51.100.${caller}` },
      });

    for (let caller = 1; caller <= 60; caller++) await guess(caller);

    expect((await guess(61)).statusCode).toBe(last);
    await app.close();
  });
});

describe('what is for this machine', () => {
  const get = (remoteAddress: string, headers: Record<string, string> = {}) =>
    server.app.inject({ url: '/metrics', remoteAddress, headers });

  it.each([
    ['over the loopback', '127.0.0.1', {}, 200],
    ['over the loopback of IPv6', '::1', {}, 200],
    ['over the loopback, seen as IPv6', '::ffff:127.0.0.1', {}, 200],
    ['from elsewhere', '192.0.2.7', {}, 401],
    ['from an address that begins alike', '::1:2', {}, 401],
    ['from what is no address', '127.0.0.256', {}, 401],
    ['by its name', '127.0.0.1', { host: 'localhost:8080' }, 200],
    ['by its address of IPv6', '::1', { host: '[::1]:8080' }, 200],
    ['by another address of it', '127.0.0.1', { host: '127.0.0.9' }, 200],
    ['under a name that somebody turned to it', '127.0.0.1', { host: 'elsewhere.example:8080' }, 401],
    ['under a name that begins alike', '127.0.0.1', { host: '127.0.0.1.elsewhere.example' }, 401],
    ['under a name that ends alike', '127.0.0.1', { host: 'elsewhere.example@localhost:8080.' }, 401],
    ['under no name that can be read', '127.0.0.1', { host: '[' }, 401],
    ['through a proxy that says so', '127.0.0.1', { 'x-forwarded-for': '127.0.0.1' }, 401],
    ['through a proxy that says so the new way', '127.0.0.1', { forwarded: 'for=127.0.0.1' }, 401],
  ])('is answered %s by %s', async (_from, address, headers, status) => {
    expect((await get(address, headers)).statusCode).toBe(status);
  });

  it('is answered from elsewhere to any token', async () => {
    expect((await get('192.0.2.7', await server.bearer('viewer'))).statusCode).toBe(200);
  });

  it('is for nobody without a token once a proxy stands before the server', async () => {
    const { context } = server;
    const app = await createApp({ ...context, config: { ...context.config, behindProxy: true } });

    expect((await app.inject({ url: '/metrics', remoteAddress: '127.0.0.1' })).statusCode).toBe(401);
    await app.close();
  });
});

describe('hostile requests', () => {
  const part = fc
    .oneof(fc.json({ maxDepth: 3 }), fc.string(), claims())
    .map((text) => Buffer.from(text).toString('base64url'));
  const token = fc.oneof(
    fc.tuple(part, part, part).map((parts) => parts.join('.')),
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
    fc.stringMatching(/^[!-~]{1,200}$/),
  );

  it('with any token are refused in one shape, and never fail the server', async () => {
    const guess = fc.asyncProperty(token, async (text) => {
      const headers = { authorization: `Bearer ${text}` };
      const response = await server.app.inject({
        method: 'POST',
        url: '/api/v1/reports',
        headers,
        payload: {},
        remoteAddress: someAddress(),
      });
      expect(response.statusCode).toBe(401);
      parseDocument(problem, response.json(), 'the answer');
    });
    await fc.assert(guess, { numRuns: 200 });
  });

  it('to any address are answered in one shape, and never fail the server', async () => {
    const headers = await server.bearer('viewer');
    const path = fc.array(
      fc.oneof(fc.string(), fc.constantFrom('%', '%zz', '%c0%ae', '..', ';', '?', '#', '//')),
    );
    const guess = fc.asyncProperty(fc.constantFrom(...CALLS), path, async ({ method, url }, parts) => {
      const address = encodeURI(`${url}${parts.join('')}`).replaceAll('%25', '%');
      const response = await server.app.inject({
        method,
        url: address,
        headers,
        remoteAddress: someAddress(),
      });
      expect(response.statusCode, address).toBeLessThan(500);
      // Pages for people are apart: they tell the same in words.
      const isPage = String(response.headers['content-type']).startsWith('text/html');
      const isRefusal = response.statusCode >= 400 && method !== 'HEAD' && !isPage;
      if (isRefusal) parseDocument(problem, response.json(), address);
    });
    await fc.assert(guess, { numRuns: 300 });
  });

  it.each([
    ['malformed addresses', '/api/v1/%zz'],
    ['addresses that lead nowhere', '/api/v2/instances'],
  ])('for %s are counted against where they come from', async (_what, url) => {
    const statuses = new Set<number>();
    for (let i = 0; i < 70; i++) statuses.add((await server.app.inject({ url })).statusCode);

    expect(statuses).toContain(429);
  });
});

/** Claims of every type where a string or a number belongs. */
function claims(): fc.Arbitrary<string> {
  const value = fc.oneof(
    fc.integer(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.integer()),
    fc.object(),
  );
  return fc
    .record({
      iss: value,
      aud: value,
      iat: value,
      exp: value,
      nbf: value,
      alg: value,
      crit: value,
      b64: value,
    })
    .map((claim) => JSON.stringify(claim));
}

let asked = 0;

/** Another one each time, so that no limit answers instead. */
function someAddress(): string {
  asked++;
  return `10.${asked >> 16}.${(asked >> 8) & 255}.${asked & 255}`;
}

describe('an agent token', () => {
  interface Agent {
    readonly instance: string;
    readonly key: KeyObject;
  }
  let one: Agent;
  let two: Agent;

  beforeEach(async () => {
    one = await enrol('one');
    two = await enrol('two');
  });

  it('of the instance itself is accepted, and speaks for that instance alone', async () => {
    const response = await report(await sign(one));

    expect(response.statusCode).toBe(200);
    const headers = await server.bearer('viewer');
    const { instances } = (await server.app.inject({ url: '/api/v1/instances', headers })).json();
    const seen = instances.filter((i: { lastSeen: string | null }) => i.lastSeen !== null);
    expect(seen.map((i: { id: string }) => i.id)).toEqual([one.instance]);
  });

  it.each<[string, () => Promise<string>]>([
    ['signed by another instance', () => sign({ instance: one.instance, key: two.key })],
    ['of no instance', () => sign({ instance: '00000000-0000-0000-0000-000000000000', key: one.key })],
    ['for another audience', () => sign(one, { aud: 'somewhere' })],
    ['that has expired', () => sign(one, { age: 400 })],
    ['from the future', () => sign(one, { age: -400 })],
    ['that lives too long', () => sign(one, { lifetime: 3600 })],
    ['that never expires', () => sign(one, { lifetime: null })],
    ['without a signature', async () => unsigned(one.instance)],
    ['that is no token', async () => 'a.b.c'],
  ])('%s is refused', async (_what, token) => {
    const response = await report(await token());

    expect(response.statusCode).toBe(401);
    expect(response.json().error.code).toBe('auth/refused');
  });

  it('does not open the fleet', async () => {
    const headers = { authorization: `Bearer ${await sign(one)}` };

    expect((await server.app.inject({ url: '/api/v1/instances', headers })).statusCode).toBe(401);
  });

  async function enrol(name: string): Promise<Agent> {
    const headers = await server.bearer('operator');
    const made = await server.app.inject({
      method: 'POST',
      url: '/api/v1/enrolments',
      headers,
      payload: { name },
    });
    const { publicKey, privateKey: key } = generateKeyPairSync('ed25519');
    const agent = {
      hostname: 'host',
      agentVersion: '0.1.0',
      publicKey: publicKey.export({ format: 'jwk' }).x,
    };
    const payload = { ...agent, code: made.json().code };
    const redeemed = await server.app.inject({ method: 'POST', url: '/api/v1/enrolments/redeem', payload });
    return { instance: redeemed.json().instance, key };
  }

  function sign(
    agent: Agent,
    options: { readonly aud?: string; readonly age?: number; readonly lifetime?: number | null } = {},
  ): Promise<string> {
    const { aud = 'fairlead-server', age = 0, lifetime = 120 } = options;
    const issued = Math.floor(server.now / 1000) - age;
    const token = new SignJWT()
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer(agent.instance)
      .setAudience(aud)
      .setIssuedAt(issued);
    if (lifetime !== null) token.setExpirationTime(issued + lifetime);
    return token.sign(agent.key);
  }

  function report(token: string) {
    const headers = { authorization: `Bearer ${token}` };
    return server.app.inject({ method: 'POST', url: '/api/v1/reports', headers, payload: reportOf(1) });
  }
});

/** The oldest trick: an algorithm of "none". */
function unsigned(instance: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: instance, aud: 'fairlead-server', iat: 1_795_176_000, exp: 1_795_176_100 };
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}
