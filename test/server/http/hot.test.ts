// Metadata out of memory, at the door and in Node's HTTP: the same answers as the usual way gives, of what is published now, and nobody else is asked.
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { firstPublication, publicationOf, signRole } from '../../support/publications.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
let url: string;

beforeEach(async () => {
  server = await startTestServer();
  const { publisher } = server.context;
  await publisher.publish(firstPublication(publisher.onlineKeys), 'ada');
  url = await server.app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => server.close());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Asked = Readonly<Record<string, string>>;

async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
  const answer = await fetch(`${url}${path}`, init);
  const { date: _date, ...headers } = Object.fromEntries(answer.headers);
  return { status: answer.status, headers, body: await answer.text() };
}

/** Behind a request that is not hot: such a connection stays with Node's HTTP. */
async function askBehindAnother(path: string, headers: Asked): Promise<Answer> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = (path: string, method: string, headers: Asked) =>
    new Promise<Answer>((resolve) =>
      request(`${url}${path}`, { agent, method, headers }, async (answer) => {
        const { date: _date, ...rest } = answer.headers as Record<string, string>;
        resolve({ status: answer.statusCode ?? 0, headers: rest, body: await text(answer) });
      }).end(),
    );
  await send('/healthz', 'GET', {});
  return send(path, 'GET', headers).finally(() => agent.destroy());
}

/** From here on only what is in memory can be answered. */
function takeStoreAway(): void {
  Object.assign(server.context.files, { find: () => Promise.reject(new Error('nobody is to be asked')) });
}

const TIMESTAMP = '/repository/metadata/timestamp.json';

describe('metadata that was asked for before', () => {
  it.each([
    ['whole', TIMESTAMP, {}],
    ['by a version', '/repository/metadata/1.root.json', {}],
    ['that there is not', '/repository/metadata/2.root.json', {}],
    ['that is known already', TIMESTAMP, { 'if-none-match': '*' }],
    ['that is known as another', TIMESTAMP, { 'if-none-match': '"another", W/"and another"' }],
  ])('is answered alike everywhere: %s', async (_what, path, headers: Asked) => {
    const usual = await server.app.inject({ url: path, headers });
    const { date: _date, ...about } = usual.headers;
    const kept = { connection: 'keep-alive', 'keep-alive': 'timeout=72' };
    const expected = { status: usual.statusCode, body: usual.body, headers: { ...about, ...kept } };
    takeStoreAway();
    const seen = vi.fn();
    server.app.server.on('request', seen);

    const atTheDoor = await ask(path, { headers });
    expect(seen).not.toHaveBeenCalled();
    expect([atTheDoor, await askBehindAnother(path, headers)]).toEqual([expected, expected]);
  });

  it('is answered as not modified to whoever has it', async () => {
    const { headers } = await ask(TIMESTAMP);
    takeStoreAway();

    const again = await ask(TIMESTAMP, { headers: { 'if-none-match': `"another", ${headers.etag}` } });

    expect(again).toMatchObject({ status: 304, body: '', headers: { etag: headers.etag } });
  });

  it('is what is published now, at once', async () => {
    const { publisher } = server.context;
    const before = await ask(TIMESTAMP);

    const { timestamp } = await publisher.publish(
      publicationOf([['security', signRole('security', 2, [])]], []),
      'ada',
    );
    const after = await ask(TIMESTAMP);

    expect(JSON.parse(after.body).signed.version).toBe(timestamp);
    expect(after.headers.etag).not.toBe(before.headers.etag);
  });

  it('is looked for again after a second: another process may have published', async () => {
    await ask(TIMESTAMP);
    takeStoreAway();
    await new Promise((resolve) => setTimeout(resolve, 1_050));

    expect((await ask(TIMESTAMP)).status).toBe(500);
  });

  it.each([
    ['a part of it', { headers: { range: 'bytes=0-9' } }, 206],
    ['its headers alone', { method: 'HEAD' }, 200],
    ['something else than to read it', { method: 'DELETE' }, 404],
    ['it with a question', { query: '?now' }, 200],
  ])('goes the usual way for whoever wants %s', async (_what, init, status) => {
    await ask(TIMESTAMP);
    const { query = '', ...rest } = init as RequestInit & { readonly query?: string };

    expect((await ask(`${TIMESTAMP}${query}`, rest)).status).toBe(status);
    takeStoreAway();
    if (status !== 404) expect((await ask(`${TIMESTAMP}${query}`, rest)).status).toBe(500);
  });

  it('is counted like every answer', async () => {
    for (let i = 0; i < 3; i++) await ask(TIMESTAMP);

    const { body } = await ask('/metrics');

    expect(body).toMatch(
      /fairlead_http_request_duration_seconds_count\{method="GET",route="\/repository\/\*",status="200"\} 3/,
    );
  });
});
