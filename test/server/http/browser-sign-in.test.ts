// People with a browser and a real OpenID provider: who gets in, for what, for how long, and out again.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type IdentityConfig, identityConfig } from '../../../server/core/identity.ts';
import { beginSession } from '../../../server/db/sessions.ts';
import { makeSecret } from '../../../server/db/token-lists.ts';
import { createApp } from '../../../server/http/app.ts';
import { createSignIn } from '../../../server/http/sign-in.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { type Browser, createBrowser, signInWith } from '../../support/browser.ts';
import {
  CLIENT,
  CLIENT_SECRET,
  type PeopleOptions,
  type PeopleProvider,
  startPeopleProvider,
} from '../../support/people-provider.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const ORIGIN = 'http://localhost:18080';
const REDIRECT = { redirectUri: `${ORIGIN}/auth/callback` };
const MINUTE_MS = 60_000;

let provider: PeopleProvider;
let server: TestServer;
let app: TestServer['app'];
let browser: Browser;

function configOf(change: Partial<IdentityConfig> = {}): IdentityConfig {
  return identityConfig.parse({
    ...{ schema: 'fairlead/oidc@1', issuer: provider.issuer, audience: 'urn:fairlead' },
    roles: { operator: ['ops'], viewer: ['staff'] },
    browser: { clientId: CLIENT, url: ORIGIN, scopes: ['groups'], lasts: 'PT1H' },
    ...change,
  });
}

async function serveWith(config: IdentityConfig, secret: string | null = CLIENT_SECRET) {
  const fresh = await createApp({ ...server.context, signIn: createSignIn(config, secret) });
  await app?.close();
  app = fresh;
}

async function startProvider(options: PeopleOptions) {
  await provider?.close();
  provider = await startPeopleProvider(options);
  provider.groups.set('ann', ['ops', 'choir']).set('bob', ['staff']).set('eve', ['sales']);
}

beforeEach(async () => {
  server = await startTestServer();
  server.now = Date.now();
  await startProvider(REDIRECT);
  await serveWith(configOf());
  browser = createBrowser(ORIGIN, () => app);
});
afterEach(async () => {
  await app.close();
  await server.close();
  await provider.close();
});

/** With a password: whatever the provider still knew of this browser is gone. */
function signIn(login: string, to = '') {
  for (const [key, { host }] of browser.cookies) if (host === '127.0.0.1') browser.cookies.delete(key);
  return signInWith(browser, `${ORIGIN}/auth/sign-in${to}`, login);
}
/** A session as a sign-in makes it, for tests of what comes afterwards. */
async function enter(login: string): Promise<string> {
  const secret = makeSecret();
  const identity = { subject: login, name: login, groups: [login === 'ann' ? 'ops' : 'staff'] };
  const session = { secret, issuer: provider.issuer, identity, lastsMs: 60 * MINUTE_MS, before: null };
  await beginSession(server.context.db, session, server.now);
  return secret;
}
const fromPage = { from: ORIGIN, fetched: true };
const list = async (of = browser) => (await of.open(`${ORIGIN}/api/v1/instances`, fromPage)).status;
const me = async () => JSON.parse((await browser.open(`${ORIGIN}/api/v1/session`, fromPage)).text);
const auditOf = (action: string) =>
  server.context.db.selectFrom('audit').selectAll().where('action', '=', action).execute();

describe('a person who signs in', () => {
  it('comes back signed in, with the roles of their groups, and stands in the log', async () => {
    const page = await signIn('ann');

    expect([page.status, page.url]).toEqual([200, `${ORIGIN}/`]);
    expect(page.text).toContain('signed in as ann (operator)');
    expect(await me()).toEqual({ kind: 'person', name: 'ann', roles: ['operator'] });
    expect(await list()).toBe(200);
    expect(await auditOf('session.began')).toMatchObject([{ actor: 'person ann', subject: 'ann' }]);
  });

  it('may do what their roles may, and no more', async () => {
    const enrol = () =>
      app.inject({
        method: 'POST',
        url: '/api/v1/enrolments',
        headers: { origin: ORIGIN, 'sec-fetch-site': 'same-origin', cookie: cookie() },
        payload: { name: 'Harbour hospital' },
      });
    await signIn('bob');
    const asBob = await enrol();
    await signIn('ann');
    const asAnn = await enrol();

    expect([asBob.statusCode, asAnn.statusCode]).toEqual([403, 200]);
    expect(await auditOf('enrolment.created')).toMatchObject([{ actor: 'person ann' }]);
  });

  it.each([
    ['a confidential client, its secret in the header', REDIRECT, CLIENT_SECRET],
    ['one whose secret goes in the body', { ...REDIRECT, authMethod: 'client_secret_post' }, CLIENT_SECRET],
    ['a public client', { ...REDIRECT, isPublic: true }, null],
    ['a provider that tells of groups when asked', { ...REDIRECT, groupsInIdToken: false }, CLIENT_SECRET],
  ] as const)('is known with %s', async (_what, options, secret) => {
    await startProvider(options);
    await serveWith(configOf(), secret);

    await signIn('ann');

    expect(await me()).toMatchObject({ name: 'ann', roles: ['operator'] });
  });

  it('goes on to where they wanted to', async () => {
    const page = await signIn('ann', '?to=/readyz?a=1%26b');

    expect(page.url).toBe(`${ORIGIN}/readyz?a=1&b`);
  });

  it('is told so when no group of theirs holds a role, and gets no session', async () => {
    const page = await signIn('eve');

    expect([page.status, page.text]).toEqual([403, expect.stringContaining('knows eve')]);
    expect(await list()).toBe(401);
  });

  it('is told so when they say no at the provider', async () => {
    const asked = await browser.open(`${ORIGIN}/auth/sign-in`);
    const [, abort = ''] = /href="([^"]+\/abort)"/.exec(asked.text) ?? [];

    const page = await browser.open(abort, { from: provider.issuer });

    expect([page.status, page.text]).toEqual([400, expect.stringContaining('access_denied')]);
  });

  it('is known after the provider has changed its keys, and while it is gone', async () => {
    await signIn('ann');
    provider.rotate();
    expect(await list()).toBe(200);
    await provider.close();

    expect(await list()).toBe(200);
    await startProvider(REDIRECT);
  });

  it('need not show a password again while the provider knows them, and has a new session', async () => {
    await signIn('ann');
    server.now += 2_000;
    const before = cookie();

    const page = await browser.open(`${ORIGIN}/auth/sign-in?to=/healthz`);

    expect(page.url).toBe(`${ORIGIN}/healthz`);
    expect(cookie()).not.toBe(before);
    expect(await list()).toBe(200);
  });

  it('can begin in two tabs at once and end in either order', async () => {
    const first = await browser.open(`${ORIGIN}/auth/sign-in?to=/healthz`);
    const second = await browser.open(`${ORIGIN}/auth/sign-in?to=/readyz`);

    const ended = [];
    for (const tab of [second, first]) {
      let page = await browser.submit(tab, { login: 'ann', password: 'x' });
      while (page.text.includes('name="prompt"')) page = await browser.submit(page);
      ended.push(page.url);
    }

    expect(ended).toEqual([`${ORIGIN}/readyz`, `${ORIGIN}/healthz`]);
  });

  it('has no sign-in to begin where the file names no client', async () => {
    const { browser: _, ...without } = configOf();
    await serveWith(without);

    const page = await browser.open(`${ORIGIN}/auth/sign-in`);

    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
  });
});

describe('a session', () => {
  /** In the browser. */
  async function begin(login: string): Promise<void> {
    const key = 'localhost / fairlead-session';
    const kept = { name: 'fairlead-session', host: 'localhost', path: '/', secure: false };
    browser.cookies.set(key, { ...kept, value: await enter(login) });
  }

  it('ends when its time is over, however much it was used', async () => {
    await begin('ann');
    for (let minutes = 0; minutes < 59; minutes += 10) {
      server.now += 10 * MINUTE_MS - 1;
      if (minutes < 50) expect(await list()).toBe(200);
    }
    server.now += 6;

    expect(await list()).toBe(401);
  });

  it('ends when nobody used it for half an hour, and not before', async () => {
    await begin('ann');
    server.now += 29 * MINUTE_MS;
    expect(await list()).toBe(200);
    server.now += 29 * MINUTE_MS;
    expect(await list()).toBe(200);
    await begin('ann');
    server.now += 31 * MINUTE_MS;

    expect(await list()).toBe(401);
  });

  it('ends with the sign-out, on every process, and for whoever copied its cookie', async () => {
    await signIn('ann');
    const copied = cookie();
    const page = await browser.open(`${ORIGIN}/`);

    const out = await browser.submit(page);

    expect(out.text).toContain('You are signed out of this server');
    expect(out.text).toContain(`${provider.issuer}/session/end`);
    expect(cookie()).not.toContain('session');
    const other = await createApp({ ...server.context, signIn: createSignIn(configOf(), CLIENT_SECRET) });
    const headers = { cookie: copied, 'sec-fetch-site': 'same-origin' };
    const answers = [app, other].map((process) => process.inject({ url: '/api/v1/instances', headers }));
    const ended = (await Promise.all(answers)).map((response) => response.json().code);
    await other.close();
    expect(ended).toEqual(['auth/session-over', 'auth/session-over']);
    expect(await auditOf('session.ended')).toMatchObject([{ actor: 'person ann', subject: 'ann' }]);
  });

  it('holds what the configuration of now gives its groups', async () => {
    await signIn('ann');
    await serveWith(configOf({ roles: { viewer: ['ops'] } }));
    expect(await me()).toMatchObject({ roles: ['viewer'] });
    await serveWith(configOf({ roles: { viewer: ['staff'] } }));

    expect(await list()).toBe(403);
  });

  it('has the groups of its own sign-in: after the next one those of then', async () => {
    await signIn('ann');
    provider.groups.set('ann', ['staff']);
    expect(await me()).toMatchObject({ roles: ['operator'] });

    await signIn('ann');

    expect(await me()).toMatchObject({ roles: ['viewer'] });
  });

  it('of another provider is none', async () => {
    await signIn('ann');
    await startProvider(REDIRECT);
    await serveWith(configOf());

    expect(await list()).toBe(401);
  });

  it('gets a new secret at each sign-in, and the one before ends', async () => {
    await signIn('ann');
    const before = cookie();
    await signIn('bob');

    const again = await app.inject({ url: '/api/v1/session', headers: { cookie: before } });

    expect(cookie()).not.toBe(before);
    expect(again.json().code).toBe('auth/session-over');
  });

  it('is kept as a hash, and not for ever: those that ended go with the next sign-in', async () => {
    await signIn('ann');
    const secret = cookie().split('session=')[1] ?? '';
    const rows = () => server.context.db.selectFrom('sessions').selectAll().execute();
    expect(secret).toMatch(/^[\w-]{32}/);
    expect(JSON.stringify(await rows())).not.toContain(secret.slice(0, 32));
    expect(JSON.stringify(await rows())).not.toContain('choir');
    const over = { expires_at: formatInstantMs(server.now) };
    await server.context.db.updateTable('sessions').set(over).execute();
    browser = createBrowser(ORIGIN, () => app);
    await signIn('bob');

    expect((await rows()).map(({ subject }) => subject)).toEqual(['bob']);
  });

  it('does not pass for an agent', async () => {
    await signIn('ann');
    const headers = { cookie: cookie(), origin: ORIGIN, 'sec-fetch-site': 'same-origin' };

    const response = await app.inject({ method: 'POST', url: '/api/v1/reports', headers, payload: {} });

    expect(response.json().code).toBe('auth/missing');
  });

  it('counts only where no other credential is sent beside it', async () => {
    await signIn('ann');
    const send = async (authorization: string) =>
      (await app.inject({ url: '/api/v1/session', headers: { cookie: cookie(), authorization } })).json();

    expect(await send((await server.bearer('security')).authorization)).toMatchObject({
      roles: ['security'],
    });
    expect(await send('Bearer flt_unknown')).toMatchObject({ code: 'auth/refused' });
    expect(await send('Basic YTpi')).toMatchObject({ code: 'auth/missing' });
  });

  it('is answered with what no cache keeps', async () => {
    await signIn('ann');
    const response = await app.inject({ url: '/api/v1/instances', headers: { cookie: cookie() } });

    expect(response.headers['cache-control']).toBe('no-store');
  });
});

describe('another site', () => {
  const ELSEWHERE = 'https://elsewhere.example';
  const same = { 'sec-fetch-site': 'same-origin' };
  const cross = { 'sec-fetch-site': 'cross-site' };
  const link = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  const READS = { method: 'GET', url: '/api/v1/instances' } as const;
  const WRITES = { method: 'POST', url: '/api/v1/enrolments', payload: { name: 'x' } } as const;

  it.each([
    ['reads from a page of ours', READS, same, 200],
    ['reads because a person typed it', READS, { 'sec-fetch-site': 'none', ...link }, 200],
    ['reads because a person followed a link from elsewhere', READS, { ...cross, ...link }, 200],
    ['reads in a browser that says nothing', READS, {}, 200],
    ['reads for a script of another site', READS, { ...cross, 'sec-fetch-mode': 'cors' }, 403],
    ['reads for an image of another site', READS, { ...cross, 'sec-fetch-mode': 'no-cors' }, 403],
    [
      'reads in a frame of another site',
      READS,
      { ...cross, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
      403,
    ],
    ['reads for a neighbour under the same domain', READS, { 'sec-fetch-site': 'same-site' }, 403],
    ['reads with another origin', READS, { origin: ELSEWHERE }, 403],
    ['writes from a page of ours', WRITES, { ...same, origin: ORIGIN }, 200],
    ['writes from a page of ours in an older browser', WRITES, { origin: ORIGIN }, 200],
    ['writes in a browser that says nothing', WRITES, {}, 403],
    ['writes because a person typed it', WRITES, { 'sec-fetch-site': 'none', ...link }, 403],
    ['writes from a form elsewhere', WRITES, { ...cross, ...link, origin: ELSEWHERE }, 403],
    ['writes from a page without an origin', WRITES, { ...cross, ...link, origin: 'null' }, 403],
    ['writes from a neighbour', WRITES, { 'sec-fetch-site': 'same-site', origin: ORIGIN }, 403],
    ['writes with another origin, whatever else it says', WRITES, { ...same, origin: ELSEWHERE }, 403],
    ['writes from our host under another scheme', WRITES, { origin: 'https://localhost:18080' }, 403],
  ] as const)('cannot borrow a sign-in: one that %s', async (_what, asked, said, status) => {
    const mine = `fairlead-session=${await enter('ann')}`;

    const response = await app.inject({ ...asked, headers: { cookie: mine, ...said } });

    expect(response.statusCode, response.body).toBe(status);
    if (status === 403) expect(response.json().code).toBe('auth/cross-site');
  });

  it('cannot sign anybody out', async () => {
    await signIn('ann');
    const page = await browser.open(`${ORIGIN}/auth/sign-out`, { method: 'POST', from: ELSEWHERE });

    expect(page.status).toBe(403);
    expect(await list()).toBe(200);
  });

  it.each([
    ['another host', '//elsewhere.example/'],
    ['another host as browsers read it', '/%5Celsewhere.example/'],
    ['a whole address', 'https://elsewhere.example/'],
    ['a script', 'javascript:alert(1)'],
    ['a line break', '/%0d%0aset-cookie:x=1'],
    ['the sign-in itself', '/auth/sign-in'],
    ['the callback by a detour', '/x/../auth/callback'],
    ['more than any address', `/${'x'.repeat(600)}`],
  ])('cannot lead a sign-in away to %s', async (_what, to) => {
    const page = await signIn('ann', `?to=${to}`);

    expect(page.url).toBe(`${ORIGIN}/`);
  });

  it('cannot give anybody its own sign-in: what another browser brings back is not taken', async () => {
    const mallory = createBrowser(ORIGIN, () => app);
    await signInWith(mallory, `${ORIGIN}/auth/sign-in`, 'bob');
    const callback = mallory.visited.find((url) => url.includes('/auth/callback')) ?? '';

    const page = await browser.open(callback, { from: ELSEWHERE });

    expect([page.status, page.text]).toEqual([400, expect.stringContaining('in another browser')]);
    expect(await list()).toBe(401);
  });

  it('has nothing of a callback that it saw: the same browser cannot use it again either', async () => {
    await signIn('ann');
    const callback = browser.visited.find((url) => url.includes('/auth/callback')) ?? '';

    const page = await browser.open(callback);

    expect([page.status, page.text]).toEqual([400, expect.stringContaining('invalid_grant')]);
  });

  it('finds no code and no secret in the log, nor where a page was that leads to it', async () => {
    const page = await signIn('ann');

    expect(page.headers.get('referrer-policy')).toBe('same-origin');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.headers.get('cache-control')).toBe('no-store');
  });
});

describe('cookies', () => {
  const https = { clientId: CLIENT, url: 'https://releases.example.com', scopes: [], lasts: 'PT1H' };

  it('are for this host alone and over TLS alone where people come over TLS', async () => {
    await serveWith(configOf({ browser: https }));

    const response = await app.inject({ url: '/auth/sign-in' });

    expect(String(response.headers['set-cookie'])).toMatch(
      /^__Host-fairlead-sign-in=[\w-]{32}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(String(response.headers.location)).toContain(
      'redirect_uri=https%3A%2F%2Freleases.example.com%2Fauth',
    );
  });

  it.each([
    ['of a name that a neighbour could have set', (secret: string) => `fairlead-session=${secret}`],
    [
      'that stands there twice',
      (secret: string) => `__Host-fairlead-session=${secret}; __Host-fairlead-session=${'x'.repeat(32)}`,
    ],
    ['with more behind it', (secret: string) => `__Host-fairlead-session=${secret}x`],
  ])('do not count %s', async (_what, cookieOf) => {
    const secret = await enter('ann');
    await serveWith(configOf({ browser: https }));
    const ask = async (sent: string) =>
      (await app.inject({ url: '/api/v1/session', headers: { cookie: sent } })).json();
    expect(await ask(`a=b; __Host-fairlead-session=${secret}`)).toMatchObject({ name: 'ann' });

    expect(await ask(cookieOf(secret))).toMatchObject({ code: 'auth/missing' });
  });
});

/** As the browser would send it now. */
function cookie(): string {
  return [...browser.cookies.values()]
    .filter(({ name }) => name.startsWith('fairlead'))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');
}
