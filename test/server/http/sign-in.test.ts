// Sign-in with a real OpenID provider: whose tokens count, for what, and what happens when its keys change or it is gone.
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type IdentityConfig, identityConfig, identityOf, personOf } from '../../../server/core/identity.ts';
import { credentialOf } from '../../../server/http/access.ts';
import { createApp } from '../../../server/http/app.ts';
import { createSignIn } from '../../../server/http/sign-in.ts';
import { AUDIENCE, type IdentityProvider, startIdentityProvider } from '../../support/identity-provider.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let provider: IdentityProvider;
let server: TestServer;
let app: TestServer['app'];

function configOf(issuer: string): IdentityConfig {
  const roles = { operator: ['ops', 'night-shift'], viewer: ['staff'] };
  return identityConfig.parse({ schema: 'fairlead/oidc@1', issuer, audience: AUDIENCE, roles });
}

beforeEach(async () => {
  provider = await startIdentityProvider();
  server = await startTestServer();
  server.now = Date.now();
  app = await createApp({ ...server.context, signIn: createSignIn(configOf(provider.issuer)) });
});
afterEach(async () => {
  vi.useRealTimers();
  await app.close();
  await server.close();
  await provider.close();
});

async function ask(token: string, method: 'GET' | 'POST' = 'GET', url = '/api/v1/instances') {
  const payload = method === 'POST' ? { payload: { name: 'Harbour hospital' } } : {};
  return app.inject({ method, url, headers: { authorization: `Bearer ${token}` }, ...payload });
}

describe('an access token of the provider', () => {
  it.each([
    ['a group that holds a role', ['ops'], 200, 200],
    ['another group of the same role', ['elsewhere', 'night-shift'], 200, 200],
    ['one group, as providers write it that know no lists', 'ops', 200, 200],
    ['a group that may look', ['staff'], 200, 403],
    ['both', ['staff', 'ops'], 200, 200],
    ['a group that holds nothing here', ['sales'], 403, 403],
    ['no group', [], 403, 403],
    ['groups that are no texts', [1, null, { ops: true }], 403, 403],
  ])('counts for what its groups hold: %s', async (_what, groups, reads, enrols) => {
    const token = await provider.token(groups);

    expect((await ask(token)).statusCode).toBe(reads);
    expect((await ask(token, 'POST', '/api/v1/enrolments')).statusCode).toBe(enrols);
  });

  it('stands in the audit log by the name that never changes', async () => {
    await ask(await provider.token(['ops']), 'POST', '/api/v1/enrolments');

    const [entry] = await server.context.db.selectFrom('audit').selectAll().execute();

    expect(entry).toMatchObject({ actor: 'person ci', action: 'enrolment.created' });
  });

  it('is refused where it is for somebody else', async () => {
    const response = await ask(await provider.token(['ops'], 'urn:another:service'));

    expect([response.statusCode, response.body]).toEqual([401, expect.stringContaining('\\"aud\\"')]);
  });

  it('is refused once it has expired', async () => {
    const token = await provider.token(['ops']);
    server.now += 600_000 + 61_000;

    expect((await ask(token)).body).toContain('it has expired');
  });

  it('is refused where it lives longer than a day', async () => {
    provider.lifetimeMs = 25 * 3_600_000;

    expect((await ask(await provider.token(['ops']))).body).toContain('longer than a day');
  });

  it.each([
    ['an unsigned one', async () => unsigned()],
    ['one signed with a secret', async () => (await signer()).sign(Buffer.alloc(32, 'x'))],
    ['rubbish', async () => 'a.b.c'],
    ['nothing like a token', async () => 'secret'],
  ])('is refused where it is %s', async (_what, forge) => {
    expect((await ask(await forge())).statusCode).toBe(401);
  });

  it('does not pass for an agent', async () => {
    const response = await ask(await provider.token(['ops']), 'POST', '/api/v1/reports');

    expect(response.statusCode).toBe(401);
  });
});

describe('the provider', () => {
  it('may change its keys: a token of the new ones counts, one of the old ones no longer', async () => {
    const old = await provider.token(['ops']);
    expect((await ask(old)).statusCode).toBe(200);
    provider.rotate();
    const fresh = await provider.token(['ops']);
    // Keys are not fetched again at once: whoever makes up names of keys would have the provider asked without end.
    vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ['Date'] });

    expect((await ask(fresh)).statusCode).toBe(200);
    expect((await ask(old)).statusCode).toBe(401);
  });

  it('is asked for its keys once, however many tokens come', async () => {
    const token = await provider.token(['ops']);

    await Promise.all(Array.from({ length: 20 }, () => ask(token)));

    expect(provider.keyRequests()).toBe(1);
  });

  it.each([
    ['rubbish', () => 'no JSON'],
    ['nothing', () => ''],
    [
      'another provider',
      (own: string) => JSON.stringify({ issuer: `${own}/other`, jwks_uri: `${own}/jwks` }),
    ],
    ['no keys', (own: string) => JSON.stringify({ issuer: own })],
    [
      'keys in the clear',
      (own: string) => JSON.stringify({ issuer: own, jwks_uri: 'http://keys.example.com/' }),
    ],
    ['keys in a file', (own: string) => JSON.stringify({ issuer: own, jwks_uri: 'file:///etc/passwd' })],
    ['more than anybody reads', () => JSON.stringify({ more: 'x'.repeat(300_000) })],
  ])(
    'that describes itself as %s is said to be unusable, and the caller is not blamed',
    async (_what, describe) => {
      const { issuer } = provider;
      const token = await provider.token(['ops']);
      provider.answerWith(describe(issuer));

      const response = await ask(token);

      expect([response.statusCode, response.json().code]).toEqual([503, 'auth/provider-unreachable']);
      provider.rotate();
      expect((await ask(await provider.token(['ops']))).statusCode).toBe(200);
    },
  );

  it('may be gone: that is said, this server’s own tokens count, and it is asked again later', async () => {
    const token = await provider.token(['ops']);
    const { issuer } = provider;
    await provider.close();
    const alone = await ask(token);
    const own = await app.inject({ url: '/api/v1/instances', headers: await server.bearer('viewer') });

    expect([alone.statusCode, alone.json().code]).toEqual([503, 'auth/provider-unreachable']);
    expect(alone.body).toContain(issuer);
    expect(own.statusCode).toBe(200);
    provider = await startIdentityProvider();
  });
});

it('tells each credential from every other: what one holder repeats is not another’s', () => {
  const person = (subject: string) =>
    ({ kind: 'person', person: { subject, name: 'Ann', roles: [] } }) as const;
  const token = { kind: 'token', token: { id: 'a', name: 'one', role: 'viewer' } } as const;
  const agent = {
    kind: 'agent',
    instance: 'b',
    boot: null,
    key: 'k',
    by: { kind: 'signature', asks: null },
  } as const;

  const all = [person('ann'), person('bob'), token, agent, { kind: 'nobody' } as const].map(credentialOf);

  expect(new Set(all).size).toBe(all.length);
});

describe('the file about it', () => {
  const BROWSER = { clientId: 'fairlead', url: 'https://releases.example.com' };
  const good = { schema: 'fairlead/oidc@1', issuer: 'https://id.example.com', audience: 'x', roles: {} };

  it.each([
    ['an issuer in the clear', { issuer: 'http://id.example.com' }],
    ['a role that nobody knows', { roles: { root: ['x'] } }],
    ['a role without groups', { roles: { admin: [] } }],
    ['a field that nobody knows', { secret: 'x' }],
    ['a client that is the audience too', { browser: { ...BROWSER, clientId: 'x' } }],
    ['an address with a path', { browser: { ...BROWSER, url: 'https://releases.example.com/fleet' } }],
    ['an address in the clear', { browser: { ...BROWSER, url: 'http://releases.example.com' } }],
    ['an address of no web', { browser: { ...BROWSER, url: 'ftp://127.0.0.1' } }],
    ['a scope that is two', { browser: { ...BROWSER, scopes: ['a b'] } }],
    ['sign-ins of a minute', { browser: { ...BROWSER, lasts: 'PT1M' } }],
    ['sign-ins of a week', { browser: { ...BROWSER, lasts: 'P7D' } }],
  ])('is refused with %s', (_what, wrong) => {
    expect(identityConfig.safeParse({ ...good, browser: BROWSER }).success).toBe(true);
    expect(identityConfig.safeParse({ ...good, ...wrong }).success).toBe(false);
  });

  it('says which claims name a person and their groups', () => {
    const config = identityConfig.parse({
      ...{ ...good, groups: 'urn:roles', name: 'email' },
      roles: { admin: ['boss'], viewer: ['boss', 'staff'] },
    });

    const identity = identityOf({ sub: '1', email: 'a@b.example\n', 'urn:roles': ['boss', 'sales'] }, config);

    expect(identity).toEqual({ subject: '1', name: 'a@b.example', groups: ['boss'] });
    expect(identity && personOf(identity, config)).toEqual({
      ...{ subject: '1', name: 'a@b.example' },
      roles: ['viewer', 'admin'],
    });
  });

  it.each([
    ['no name', { sub: '1' }],
    ['a name of blanks', { sub: '1', email: ' \n' }],
    ['a name alone', { email: 'a@b.example' }],
    ['an empty subject', { sub: '', email: 'a@b.example' }],
    ['a subject that no store takes', { sub: 'a\u0000', email: 'a@b.example' }],
    ['a subject longer than any', { sub: 'a'.repeat(256), email: 'a@b.example' }],
  ])('names nobody by %s', (_what, claims) => {
    const config = identityConfig.parse({ ...good, name: 'email' });

    expect(identityOf(claims, config)).toBeNull();
  });
});

async function signer(): Promise<SignJWT> {
  return new SignJWT({ groups: ['ops'] })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(provider.issuer)
    .setAudience(AUDIENCE)
    .setSubject('x')
    .setIssuedAt()
    .setExpirationTime('5m');
}

function unsigned(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: provider.issuer, aud: AUDIENCE, sub: 'x', iat: now, exp: now + 300, groups: ['ops'] };
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}
