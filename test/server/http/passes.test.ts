// Passes: what one signature is given, what it proves, and that it is worth nothing to anybody else or a moment too long.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createContext } from '../../../server/context.ts';
import { changeStanding } from '../../../server/db/standing.ts';
import { transact } from '../../../server/db/transact.ts';
import { ROUTES } from '../../../server/http/all-routes.ts';
import { createApp } from '../../../server/http/app.ts';
import { reportOf } from '../../support/reports.ts';
import { enrolAgent, type Prove, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
let agent: ServerAgent;
let prove: Prove;

beforeAll(async () => {
  server = await startTestServer();
  agent = await enrolAgent(server, 'one');
});
afterAll(() => server.close());
beforeEach(async () => {
  prove = await agent.pass('boot-of-one');
});

interface Sent {
  readonly method?: 'GET' | 'POST';
  readonly path?: string;
  readonly body?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly app?: TestServer['app'];
}

const BODY = JSON.stringify(reportOf(1));

/** A report that the pass proves, unless told otherwise. */
async function send(sent: Sent = {}) {
  const { method = 'POST', path = 'reports', body = BODY, app = server.app } = sent;
  const response = await app.inject({
    ...{ method, url: `/api/v1/${path}` },
    headers: {
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      ...(sent.headers ?? prove(method, path, body)),
    },
    ...(body === null ? {} : { payload: body }),
  });
  const { code = 'taken' } = response.statusCode === 204 ? {} : response.json();
  return code as string;
}

const row = (id: string) =>
  server.context.db.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

const setKey = (key: string) =>
  server.context.db
    .updateTable('instances')
    .set({ public_key: key })
    .where('id', '=', agent.instance)
    .execute();

const standing = (to: 'isolated' | 'retired' | null) =>
  transact(server.context.db, 'committed', (trx) =>
    changeStanding(
      trx,
      { id: agent.instance, to, reason: 'a test', actor: 'test' },
      () => undefined,
      server.now,
    ),
  );

describe('a pass', () => {
  it('proves reports and whatever else an agent asks', async () => {
    expect(await send()).toBe('taken');
    expect(await send({ method: 'GET', path: 'proposals/mine', body: null })).toBe('taken');
  });

  it('says which start of the agent speaks', async () => {
    await send();

    const { voices } = await row(agent.instance);
    expect(JSON.parse(voices ?? '{}').boots).toEqual(['boot-of-one']);
  });

  it('is given to nobody who does not ask, and sends no secret that opens it', async () => {
    const plain = await agent.ask('GET', 'proposals/mine');

    expect(plain.headers).not.toHaveProperty('fairlead-pass');
    // Who reads the answer along has the pass and half of what makes the secret.
    expect(await send({ headers: { authorization: prove('GET', 'x', null).authorization ?? '' } })).toBe(
      'auth/refused',
    );
  });

  it.each<[string, () => Sent]>([
    ['another body', () => ({ body: JSON.stringify(reportOf(2)), headers: prove('POST', 'reports', BODY) })],
    ['another address', () => ({ headers: prove('POST', 'proposals/answers', BODY) })],
    [
      'another query',
      () => ({
        method: 'GET',
        path: 'proposals/mine?after=x',
        body: null,
        headers: prove('GET', 'proposals/mine', null),
      }),
    ],
    ['another method', () => ({ headers: prove('PUT', 'reports', BODY) })],
    ['no body', () => ({ headers: prove('POST', 'reports', null) })],
    [
      'a body whose digest was left out',
      () => {
        const { authorization = '' } = prove('POST', 'reports', BODY);
        return { headers: { authorization } };
      },
    ],
  ])('is refused for a proof of %s', async (_what, sent) => {
    const before = await row(agent.instance);

    expect(await send(sent())).toBe('auth/refused');
    expect(await row(agent.instance)).toEqual(before);
  });

  it.each([
    [
      'a byte of it changed',
      (pass: string) => pass.replace(/(\..{20})./, (_, kept) => `${kept}_`),
      'auth/refused',
    ],
    [
      'a key that no process has',
      (pass: string) => pass.replace(/^[^.]*/, 'nobody-made-it'),
      'auth/pass-over',
    ],
    ['nothing sealed in it', (pass: string) => pass.replace(/\..*$/, '.AAAA'), 'auth/refused'],
    ['no form', () => 'x', 'auth/missing'],
  ])('with %s is refused', async (_what, change, code) => {
    const { authorization = '', ...rest } = prove('POST', 'reports', BODY);
    const [scheme, credential = ''] = authorization.split(' ');
    const [, pass = '', tail = ''] = /^(.*)(\.\d+\..*)$/.exec(credential) ?? [];

    expect(await send({ headers: { authorization: `${scheme} ${change(pass)}${tail}`, ...rest } })).toBe(
      code,
    );
  });

  it('is over after an hour, and a request that is repeated after minutes is refused before', async () => {
    const early = prove('POST', 'reports', BODY);
    server.now += 181_000;
    expect(await send({ headers: early })).toBe('auth/refused');
    server.now += 3_600_000 - 182_000;
    expect(await send()).toBe('taken');

    server.now += 1_000;

    expect(await send()).toBe('auth/pass-over');
  });

  it('that is over counts as no failure of the address: after a restore thousands come with one', async () => {
    const { app } = await another(async () => new Uint8Array(32));

    const codes = new Set<string>();
    for (let i = 0; i < 80; i++) codes.add(await send({ app }));

    expect([...codes]).toEqual(['auth/pass-over']);
    await app.close();
  });

  it('opens no route for people, and none of this machine', async () => {
    for (const path of ['instances', 'session']) {
      expect(await send({ method: 'GET', path, body: null })).toMatch(/^auth\//);
    }
  });
});

/** Another process on the same database, which made no pass itself. */
async function another(sealing = async () => new Uint8Array(32).fill(9)) {
  const { config, now, log, publisher } = server.context;
  const context = await createContext(config, { now, log, sealing, openPublisher: async () => publisher });
  const app = await createApp(context);
  app.addHook('onClose', async () => context.db.destroy());
  return { app };
}

describe('a pass at another process', () => {
  it('is good there, too', async () => {
    const { app } = await another();

    expect(await send({ app })).toBe('taken');
    await app.close();
  });

  it('is worth nothing where the rows of its keys cannot be opened: a copy of the database is no credential', async () => {
    const { app } = await another(async () => new Uint8Array(32));

    expect(await send({ app })).toBe('auth/pass-over');
    await app.close();
  });

  const itself = ROUTES.filter(({ access }) => access === 'agent').map(({ method, path, example }) => ({
    ...{ method: method as 'GET' | 'POST', path: path.slice('/api/v1/'.length) },
    body: example.body === undefined ? null : JSON.stringify(example.body),
  }));

  it.each(itself)(
    'is refused on $path at once when its instance is shut out, or has another key',
    async (route) => {
      const { app } = await another();
      const ask = () => send({ ...route, app });
      await standing('isolated');
      expect(await ask()).toBe('instance/isolated');
      await standing('retired');
      expect(await ask()).toBe('instance/retired');
      await standing(null);
      const { public_key: key } = await row(agent.instance);
      await setKey('B'.repeat(43));

      expect(await ask()).toBe('auth/refused');
      await setKey(key);
      await app.close();
    },
  );
});
