// Tokens over HTTP: what an admin makes is shown once, counts at once, and ends when it should.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAudit } from '../../../server/db/audit.ts';
import { verifyAudit } from '../../../server/db/audit-chain.ts';
import { durationMs, instantMs } from '../../../shared/encoding/instant.ts';
import { tokenReply, tokensReply } from '../../../shared/protocol/fleet.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;

beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

async function ask(method: 'GET' | 'POST' | 'DELETE', path: string, payload?: object) {
  const headers = await server.bearer('admin');
  const body = payload === undefined ? {} : { payload };
  return server.app.inject({ method, url: `/api/v1/tokens${path}`, headers, ...body });
}

async function create(overrides: object = {}) {
  const response = await ask('POST', '', {
    name: 'dashboard',
    role: 'viewer',
    validFor: 'P90D',
    ...overrides,
  });
  return tokenReply.parse(response.json());
}

function elapse(ms: number): void {
  server.now += ms;
}

/** What a token may: its holder's list of instances. */
async function statusWith(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await server.app.inject({ url: '/api/v1/instances', headers })).statusCode;
}

describe('a token that an admin makes', () => {
  it('counts at once, for its role and as long as was asked', async () => {
    const made = await create();

    expect(instantMs(made.expires) - server.now).toBe(durationMs('P90D'));
    expect(await statusWith(made.token)).toBe(200);
    server.now += durationMs('P90D');
    expect(await statusWith(made.token)).toBe(401);
  });

  it('shows its text nowhere else: not in a list, a log or the database', async () => {
    const { token, id } = await create();

    const list = await ask('GET', '');
    const audit = await readAudit(server.context.db, 0, 100);
    const rows = await server.context.db.selectFrom('tokens').selectAll().execute();

    expect(tokensReply.parse(list.json()).tokens.map((one) => one.id)).toContain(id);
    for (const text of [list.body, JSON.stringify(audit), JSON.stringify(rows)])
      expect(text).not.toContain(token);
  });

  it.each([
    ['no role of ours', { role: 'root' }, 'role'],
    ['a life that never ends', { validFor: 'P9999D' }, 'validFor'],
    ['no life', { validFor: 'soon' }, 'validFor'],
    ['no name', { name: '' }, 'name'],
    ['a field that nobody knows', { admin: true }, 'admin'],
  ])('is refused with %s, by the field', async (_what, wrong, field) => {
    const response = await ask('POST', '', { name: 'x', role: 'viewer', validFor: 'P1D', ...wrong });

    expect(response.statusCode).toBe(400);
    expect(response.body).toContain(field);
  });
});

describe('a rotation', () => {
  it('gives a new text, and lets the old one go on for the overlap', async () => {
    const old = await create();

    const response = await ask('POST', `/${old.id}/rotate`, { validFor: 'P30D', overlap: 'PT2H' });
    const fresh = tokenReply.parse(response.json());

    expect(fresh).toMatchObject({ name: 'dashboard', role: 'viewer' });
    expect(fresh.token).not.toBe(old.token);
    server.now += durationMs('PT2H') - 1;
    expect(await Promise.all([statusWith(old.token), statusWith(fresh.token)])).toEqual([200, 200]);
    server.now += 1;
    expect(await Promise.all([statusWith(old.token), statusWith(fresh.token)])).toEqual([401, 200]);
  });

  it('never makes the old one live longer', async () => {
    const old = await create({ validFor: 'PT1H' });

    await ask('POST', `/${old.id}/rotate`, { validFor: 'P30D', overlap: 'P7D' });

    server.now += durationMs('PT1H');
    expect(await statusWith(old.token)).toBe(401);
  });

  it.each([
    ['was revoked', async (id: string) => void (await ask('DELETE', `/${id}`))],
    ['has expired', async () => elapse(durationMs('PT30M'))],
  ])('is refused for one that %s', async (_what, end) => {
    const { id } = await create({ validFor: 'PT30M' });
    await end(id);

    const response = await ask('POST', `/${id}/rotate`, { validFor: 'P30D', overlap: 'PT1H' });

    expect(response.statusCode).toBe(404);
  });

  it('says how long the old one may go on at most', async () => {
    const { id } = await create();

    const response = await ask('POST', `/${id}/rotate`, { validFor: 'P30D', overlap: 'P8D' });

    expect([response.statusCode, response.body]).toEqual([400, expect.stringContaining('at most P7D')]);
  });
});

describe('a revocation', () => {
  it('is at once and for good, and the second finds nothing', async () => {
    const { id, token } = await create();

    const statuses = [(await ask('DELETE', `/${id}`)).statusCode, (await ask('DELETE', `/${id}`)).statusCode];

    expect(statuses).toEqual([204, 404]);
    expect(await statusWith(token)).toBe(401);
    expect(tokensReply.parse((await ask('GET', '')).json()).tokens.map((one) => one.id)).not.toContain(id);
  });
});

describe('the list', () => {
  it('goes on where a page ends, each token once', async () => {
    const made = [];
    for (const name of ['b', 'a', 'c', 'a']) made.push((await create({ name })).id);
    const seen: string[] = [];
    for (let next: string | undefined = '?limit=2'; next !== undefined; ) {
      const response = await ask('GET', next);
      seen.push(...tokensReply.parse(response.json()).tokens.map(({ id }) => id));
      next = /tokens(\?[^>]+)>; rel="next"/.exec(String(response.headers.link))?.[1];
    }

    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(made));
  });
});

it('every step stands in the audit log, with who took it', async () => {
  const { id } = await create();
  await ask('POST', `/${id}/rotate`, { validFor: 'P30D', overlap: 'PT1H' });
  await ask('DELETE', `/${id}`);

  const { entries } = await readAudit(server.context.db, 0, 100);

  const steps = entries.filter(({ subject }) => subject === 'dashboard');
  expect(steps.map(({ action }) => action).toSorted()).toEqual([
    'token.created',
    'token.created',
    'token.revoked',
    'token.rotated',
  ]);
  expect(new Set(steps.map(({ actor }) => actor))).toEqual(new Set(['token admin']));
  await expect(verifyAudit(server.context.db, null)).resolves.toBeDefined();
});
