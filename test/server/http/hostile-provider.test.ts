// What a provider, or somebody in its place, may answer a sign-in with: nobody gets in who did not sign in here and now.
import type { ServerResponse } from 'node:http';
import type { JWTPayload } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityConfig } from '../../../server/core/identity.ts';
import { createApp } from '../../../server/http/app.ts';
import { createSignIn } from '../../../server/http/sign-in.ts';
import { type HostileProvider, startHostileProvider } from '../../support/hostile-provider.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const CLIENT = 'fairlead-web';
const SECRET = 'a secret of the tests alone';

let provider: HostileProvider;
let server: TestServer;
let app: TestServer['app'];
/** Of the sign-in that was begun. */
let begun: URLSearchParams;
let cookie: string;

beforeEach(async () => {
  provider = await startHostileProvider();
  server = await startTestServer();
  server.now = Date.now();
  const config = identityConfig.parse({
    ...{ schema: 'fairlead/oidc@1', issuer: provider.issuer, audience: 'urn:fairlead' },
    roles: { operator: ['ops'] },
    browser: { clientId: CLIENT, url: 'https://releases.example.com' },
  });
  app = await createApp({ ...server.context, signIn: createSignIn(config, SECRET) });
  await begin();
});
afterEach(async () => {
  await app.close();
  await server.close();
  await provider.close();
});

async function begin(): Promise<void> {
  const response = await app.inject({ url: '/auth/sign-in' });
  begun = new URL(String(response.headers.location)).searchParams;
  cookie = String(response.headers['set-cookie']).split(';')[0] ?? '';
  provider.claims = goodClaims();
}

function goodClaims(): JWTPayload {
  const now = Math.floor(server.now / 1000);
  const nonce = begun.get('nonce') ?? '';
  return { iss: provider.issuer, aud: CLIENT, sub: 'ann', iat: now, exp: now + 300, nonce, groups: ['ops'] };
}

async function comeBack(change: Readonly<Record<string, string | null>> = {}, sent = cookie) {
  const query = new URLSearchParams({ code: 'one', state: begun.get('state') ?? '', iss: provider.issuer });
  for (const [name, value] of Object.entries(change)) {
    query.delete(name);
    if (value !== null) query.set(name, value);
  }
  return app.inject({ url: `/auth/callback?${query}`, headers: { cookie: sent } });
}

/** The status, and whether there is a session now. */
async function outcome(response: Awaited<ReturnType<typeof comeBack>>) {
  const rows = await server.context.db.selectFrom('sessions').selectAll().execute();
  expect(String(response.headers['set-cookie'] ?? '').includes('session=')).toBe(rows.length === 1);
  return [response.statusCode, rows.length];
}

const IN = [303, 1];
const REFUSED = [400, 0];
const UNABLE = [503, 0];

it('lets in whoever signed in', async () => {
  expect(await outcome(await comeBack())).toEqual(IN);
  expect(provider.heard.filter(({ path }) => path === '/token')).toMatchObject([
    {
      headers: {
        authorization: `Basic ${Buffer.from(`${CLIENT}:a+secret+of+the+tests+alone`).toString('base64')}`,
      },
    },
  ]);
});

describe('an ID token', () => {
  const now = Math.floor(Date.now() / 1000);

  it.each([
    ['of another sign-in', { nonce: 'another' }],
    ['of no sign-in', { nonce: undefined }],
    ['of another provider', { iss: 'https://id.example.com' }],
    ['for another client', { aud: 'another' }],
    ['for this API in place of this client', { aud: 'urn:fairlead' }],
    ['for several clients, of which none is said to have asked', { aud: [CLIENT, 'another'] }],
    ['that another client asked for', { aud: [CLIENT, 'another'], azp: 'another' }],
    ['that has expired', { exp: now - 120 }],
    ['that has no end', { exp: undefined }],
    ['that has no beginning', { iat: undefined }],
    ['of the future', { iat: now + 300, exp: now + 600 }],
    ['of an hour ago', { iat: now - 3600, exp: now + 300 }],
    ['that lives for ever', { exp: now + 10 ** 6 }],
    ['of nobody', { sub: undefined }],
    ['of a number', { sub: 7 }],
  ] as const)('%s is refused', async (_what, claims) => {
    provider.claims = { ...goodClaims(), ...claims } as JWTPayload;

    expect(await outcome(await comeBack())).toEqual(REFUSED);
  });

  it.each([
    ['a minute ahead of us', 45],
    ['a minute behind us', -45],
  ])('of a provider whose clock is %s counts', async (_what, seconds) => {
    const { iat = 0, exp = 0 } = goodClaims();
    provider.claims = { ...goodClaims(), iat: iat + seconds, exp: exp + seconds };

    expect(await outcome(await comeBack())).toEqual(IN);
  });

  it('says that clocks differ where they do', async () => {
    server.now -= 10 * 60_000;
    await begin();
    const now = Math.floor(Date.now() / 1000);
    provider.claims = { ...goodClaims(), iat: now, exp: now + 300 };

    expect((await comeBack()).body).toContain('clocks');
  });

  it('for several clients counts where this one asked for it', async () => {
    provider.claims = { ...goodClaims(), aud: [CLIENT, 'another'], azp: CLIENT };

    expect(await outcome(await comeBack())).toEqual(IN);
  });
});

describe('the way back', () => {
  it.each([
    ['without a state', { state: null }],
    ['with a state that was made up', { state: 'e30.x' }],
    ['with the state of nobody', { state: '' }],
    ['without a code', { code: null }],
    ['with an error', { error: 'access_denied' }],
    ['with a code of another provider', { iss: 'https://id.example.com' }],
  ])('%s is refused, and nobody is asked', async (_what, change) => {
    expect(await outcome(await comeBack(change))).toEqual(REFUSED);
    expect(provider.heard.map(({ path }) => path)).not.toContain('/token');
  });

  it.each([
    ['changed', (state: string) => `${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}`],
    ['cut short', (state: string) => state.slice(0, -1)],
    [
      'with another payload',
      (state: string) => `${Buffer.from('["a",9e15,"/x"]').toString('base64url')}.${state.split('.')[1]}`,
    ],
  ])('with its state %s is refused', async (_what, change) => {
    expect(await outcome(await comeBack({ state: change(begun.get('state') ?? '') }))).toEqual(REFUSED);
  });

  it('with a parameter twice is refused', async () => {
    const state = begun.get('state') ?? '';
    for (const twice of ['code', 'state', 'iss']) {
      const query = new URLSearchParams({ code: 'one', state, iss: provider.issuer });
      query.append(twice, query.get(twice) ?? '');
      const response = await app.inject({ url: `/auth/callback?${query}`, headers: { cookie } });
      expect(await outcome(response)).toEqual(REFUSED);
    }
  });

  it('in another browser is refused', async () => {
    const other =
      String((await app.inject({ url: '/auth/sign-in' })).headers['set-cookie']).split(';')[0] ?? '';

    expect(await outcome(await comeBack({}, other))).toEqual(REFUSED);
    expect(await outcome(await comeBack({}, ''))).toEqual(REFUSED);
  });

  it('after ten minutes is refused', async () => {
    server.now += 10 * 60_000 + 1;

    expect(await outcome(await comeBack())).toEqual(REFUSED);
  });

  it('that does not say of which provider it is counts, but not where the provider always says so', async () => {
    provider.description = { authorization_response_iss_parameter_supported: true };
    // What it tells of itself is asked anew every hour.
    server.now += 61 * 60_000;
    await begin();
    await expect.poll(async () => (await comeBack({ iss: null })).statusCode).toBe(400);
    expect((await comeBack()).statusCode).toBe(303);
  });
});

describe('a provider', () => {
  const answers: readonly (readonly [what: string, path: string, (response: ServerResponse) => void])[] = [
    [
      'that redirects where codes are redeemed',
      '/token',
      (r) => void r.writeHead(307, { location: '/elsewhere' }).end(),
    ],
    ['whose answer has no end', '/token', (r) => void r.write(' '.repeat(300_000))],
    ['that is deeper than anybody reads', '/token', (r) => void r.end('['.repeat(10_000))],
    ['that answers with no JSON', '/token', (r) => void r.end('<html>')],
    ['that has failed', '/token', (r) => void r.writeHead(500).end('{}')],
    ['that does not know us', '/token', (r) => void r.writeHead(401).end('{"error":"invalid_client"}')],
    ['that hangs up', '/token', (r) => void r.destroy()],
    ['whose keys are elsewhere', '/jwks', (r) => void r.writeHead(302, { location: '/token' }).end()],
    ['whose keys are no keys', '/jwks', (r) => void r.writeHead(500).end()],
  ];

  it.each(answers)('%s keeps everybody out, and nobody is blamed', async (_what, path, answer) => {
    provider.answers.set(path, (_request, response) => answer(response));

    expect(await outcome(await comeBack())).toEqual(UNABLE);
    provider.answers.clear();
    expect(await outcome(await comeBack())).toEqual(IN);
  });

  it.each([
    ['gives no ID token', { access_token: 'x' }],
    ['gives a list', { id_token: ['x'] }],
    ['gives rubbish', { id_token: 'a.b.c' }],
    ['gives an unsigned one', { id_token: `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.` }],
  ])('that %s lets nobody in', async (_what, body) => {
    provider.answers.set('/token', (_request, response) => void response.end(JSON.stringify(body)));

    expect(await outcome(await comeBack())).toEqual(REFUSED);
  });

  it('that tells of somebody else’s groups lends them to nobody', async () => {
    const { groups: _, ...claims } = goodClaims();
    provider.claims = claims;
    provider.answers.set('/userinfo', (_request, response) =>
      response.end(JSON.stringify({ sub: 'bob', groups: ['ops'] })),
    );
    expect(await outcome(await comeBack())).toEqual(REFUSED);
    provider.answers.clear();

    expect(await outcome(await comeBack())).toEqual(IN);
  });

  it('cannot put markup into our pages', async () => {
    const response = await comeBack({ error: '<script>alert(1)</script>' });
    provider.claims = { ...goodClaims(), sub: '<img src=x>', groups: [] };
    const named = await comeBack();

    expect(response.body).toContain('&lt;script&gt;');
    expect(named.statusCode).toBe(403);
    expect(named.body).toContain('&lt;img src=x&gt;');
    expect(response.body + named.body).not.toMatch(/<script|<img/);
  });

  it('that is gone is said to be, and a sign-in begins again once it is back', async () => {
    const { issuer } = provider;
    const config = identityConfig.parse({
      ...{ schema: 'fairlead/oidc@1', issuer, audience: 'urn:fairlead', roles: { operator: ['ops'] } },
      browser: { clientId: CLIENT, url: 'https://releases.example.com' },
    });
    const other = await createApp({ ...server.context, signIn: createSignIn(config, SECRET) });
    provider.answers.set(
      '/.well-known/openid-configuration',
      (_request, response) => void response.destroy(),
    );

    const gone = await other.inject({ url: '/auth/sign-in' });
    provider.answers.clear();
    const back = await other.inject({ url: '/auth/sign-in' });

    await other.close();
    expect([gone.statusCode, back.statusCode]).toEqual([503, 303]);
    expect(gone.body).toContain(issuer);
  });
});
