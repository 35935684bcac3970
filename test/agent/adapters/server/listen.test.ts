// How the agent listens, and what it makes of servers and proxies that are slow, silent, loud or no servers at all.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { listenTo } from '../../../../agent/adapters/server/listen.ts';
import type { ListeningEnd } from '../../../../agent/ports/server.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { Hint } from '../../../../shared/protocol/hint.ts';
import { freePort } from '../../../support/free-port.ts';

const TOKEN = async () => 'the-token';

describe('listening', () => {
  let http: Server;
  let server: WebSocketServer;
  let url: string;
  const hints: Hint[] = [];
  const asked: { readonly path: string | undefined; readonly authorization: string | undefined }[] = [];
  beforeEach(async () => {
    hints.length = 0;
    asked.length = 0;
    http = createServer();
    server = new WebSocketServer({ server: http, perMessageDeflate: true });
    server.on('connection', (_websocket, { url: path, headers: { authorization } }) => {
      asked.push({ path, authorization });
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    for (const websocket of server.clients) websocket.terminate();
    http.close();
    http.closeAllConnections();
  });

  function listen(place = url, signal = new AbortController().signal, token = TOKEN): Promise<ListeningEnd> {
    return listenTo(
      place,
      token,
      { onOpen: () => undefined, onHint: (hint) => void hints.push(hint) },
      signal,
    );
  }

  /** What the server does with whoever listens. */
  const onConnection = (act: (websocket: import('ws').WebSocket) => void) =>
    void server.on('connection', act);

  it('hears hints with the agent’s own credential, and passes over what it does not know', async () => {
    onConnection((websocket) => {
      websocket.send('{"timestamp":7,"spreadMs":20,"later":{"version":1}}');
      websocket.send('{"proposals":true,"spreadMs":0}');
      websocket.close(1012);
    });

    const end = await listen();

    expect(asked).toEqual([{ path: '/api/v1/subscribe', authorization: 'Bearer the-token' }]);
    expect(hints).toEqual([
      { timestamp: 7, spreadMs: 20 },
      { proposals: true, spreadMs: 0 },
    ]);
    expect(end).toEqual({ problem: 'the connection was closed (1012)', isRefusal: false, isSteady: false });
  });

  it.each([
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['a number that is none', '{"timestamp":"7","spreadMs":0}'],
    ['a time that runs backwards', '{"timestamp":7,"spreadMs":-1}'],
    ['half a document', '{"timestamp":7'],
    ['a name twice', '{"timestamp":7,"timestamp":8,"spreadMs":0}'],
    ['a deep one', `${'['.repeat(500)}${']'.repeat(500)}`],
  ])('takes nothing from %s, and hears what comes after', async (_what, message) => {
    onConnection((websocket) => {
      websocket.send(message);
      websocket.send('{"timestamp":8,"spreadMs":0}');
      websocket.close();
    });

    await listen();

    expect(hints).toEqual([{ timestamp: 8, spreadMs: 0 }]);
  });

  it('ends with a server that says more than a hint in one message', async () => {
    onConnection((websocket) => websocket.send(`{"timestamp":8,"spreadMs":0,"more":"${'x'.repeat(2_000)}"}`));

    const end = await listen();

    expect(end.problem).toBe('Max payload size exceeded (WS_ERR_UNSUPPORTED_MESSAGE_LENGTH)');
    expect(hints).toEqual([]);
  });

  it('ends with a server that sends hints without end', async () => {
    onConnection((websocket) => {
      for (let i = 1; i < 1_000; i++) websocket.send(`{"timestamp":${i},"spreadMs":0}`);
    });

    const end = await listen();

    expect(end.problem).toBe('it sends hints without end');
    expect(hints).toHaveLength(60);
  });

  it('was steady once the server has pinged, and hears as much again after each ping', async () => {
    onConnection((websocket) => {
      for (let i = 1; i <= 120; i++) {
        websocket.send(`{"timestamp":${i},"spreadMs":0}`);
        if (i === 60) websocket.ping();
      }
      websocket.close();
    });

    expect(await listen()).toMatchObject({ isSteady: true });
    expect(hints).toHaveLength(120);
  });

  it('ends with the agent', async () => {
    const stopping = new AbortController();
    onConnection(() => stopping.abort());

    expect(await listen(url, stopping.signal)).toMatchObject({ problem: 'the agent stops' });
  });

  it('compresses nothing, whatever the server offers', async () => {
    onConnection((websocket) => {
      hints.push({ timestamp: websocket.extensions.length + 1, spreadMs: 0 });
      websocket.close();
    });

    await listen();

    expect(hints).toEqual([{ timestamp: 1, spreadMs: 0 }]);
  });

  it.each([
    ['that refuses', 403, true],
    ['that knows no such address', 404, true],
    ['that shows a page of its own', 200, true],
    ['that sends elsewhere', 302, true],
    ['that is overloaded', 429, false],
    ['whose server is away', 502, false],
    ['whose server restarts', 503, false],
  ])('says what a proxy %s answered, and whether that passes', async (_what, status, isRefusal) => {
    const proxy = createServer();
    proxy.on('upgrade', (_request, socket) => {
      socket.end(`HTTP/1.1 ${status} Whatever\r\nLocation: ${url}\r\nContent-Length: 2\r\n\r\nno`);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');

    const end = await listen(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    proxy.close();

    expect(end).toEqual({
      problem: `the answer was ${status}, not a WebSocket`,
      ...{ isRefusal, isSteady: false },
    });
    expect(asked).toEqual([]);
  });

  it.each([
    ['nobody', async () => await freePort(), 'ECONNREFUSED'],
    ['somebody who hangs up', hangsUp, 'ECONNRESET'],
  ])('says who is there when it is %s', async (_what, port, problem) => {
    const end = await listen(`http://127.0.0.1:${await port()}`);

    expect(end).toEqual({ problem, isRefusal: false, isSteady: false });
  });

  it('goes through the proxy of the environment, unless that says otherwise', async () => {
    vi.stubEnv('http_proxy', `http://127.0.0.1:${await freePort()}`);
    const through = await listen();
    vi.stubEnv('no_proxy', '127.0.0.1');
    onConnection((websocket) => websocket.close());
    const past = await listen();

    expect([through.problem, past.problem]).toEqual(['ECONNREFUSED', 'the connection was closed (1005)']);
  });

  it('says which variable names no proxy, and does not ask without one', async () => {
    vi.stubEnv('http_proxy', 'socks5://127.0.0.1:1080');

    const end = await listen();

    expect(end).toMatchObject({ isRefusal: true, problem: expect.stringContaining('http_proxy') });
    expect(asked).toEqual([]);
  });

  it('asks nobody without an identity', async () => {
    const lost = new FairleadError('enrolment/identity-lost', {
      path: '/s/identity.json',
      problem: 'the file is missing',
    });

    const end = await listen(url, new AbortController().signal, () => Promise.reject(lost));

    expect(end).toEqual({ problem: lost.message, isRefusal: true, isSteady: false });
    expect(asked).toEqual([]);
  });
});

async function hangsUp(): Promise<number> {
  const server = createTcpServer((socket) => socket.on('data', () => socket.resetAndDestroy()));
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
