// The hub: who may listen, who hears what, and who is let go.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHub } from '../../../server/hub/hub.ts';
import { SUBSCRIBE_PATH } from '../../../shared/protocol/hint.ts';
import { until } from '../../support/driver-contract.ts';
import { listenForHints } from '../../support/listening-agent.ts';
import { firstPublication, publicationOf, signRole } from '../../support/publications.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

describe('an agent that listens', () => {
  let server: TestServer;
  let url: string;
  let agent: ServerAgent;
  beforeEach(async () => {
    server = await startTestServer();
    url = await server.app.listen({ host: '127.0.0.1', port: 0 });
    agent = await enrolAgent(server, 'one');
  });
  afterEach(() => server.close());

  it('hears of what is published, and not of what is only signed again', async () => {
    const { publisher } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'ada');
    const { hints } = await listenForHints(url, await agent.token());
    server.now += 7 * 60 * 60 * 1000;
    await publisher.resign();

    const { timestamp } = await publisher.publish(
      publicationOf([['security', signRole('security', 2, [])]], []),
      'ada',
    );
    await until(async () => hints.length > 0);

    expect(hints).toEqual([{ timestamp, spreadMs: 5 }]);
  });

  it.each([
    ['no credential', async () => ({}), 401],
    ['a token of the fleet', () => server.bearer('admin'), 401],
    ['rubbish', async () => ({ authorization: 'Bearer rubbish' }), 401],
  ])('is refused with %s, as a problem, and the connection ends', async (_what, headers, status) => {
    const answer = await ask(url, await headers());

    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ status, code: expect.stringMatching(/^auth\//) });
    expect(server.context.hub.count()).toBe(0);
  });

  it('is told to upgrade where it does not', async () => {
    const headers = { authorization: `Bearer ${await agent.token()}` };

    const answer = await fetch(`${url}${SUBSCRIBE_PATH}`, { headers });

    expect(answer.status).toBe(426);
    expect(answer.headers.get('upgrade')).toBe('websocket');
    expect(await answer.json()).toMatchObject({ code: 'request/upgrade-required' });
  });

  it('counts, as long as its connection stands', async () => {
    const { hub } = server.context;
    const { websocket } = await listenForHints(url, await agent.token());
    const standing = hub.count();

    websocket.terminate();
    await until(async () => hub.count() === 0);

    expect(standing).toBe(1);
  });

  it('keeps nothing of its request while it stands', async () => {
    const requests: WeakRef<IncomingMessage>[] = [];
    server.app.server.prependListener('upgrade', (request) => requests.push(new WeakRef(request)));
    const socket = await deafListener(url, await agent.token());

    await until(async () => {
      collectGarbage();
      return requests.every((request) => request.deref() === undefined);
    });

    expect(requests.length).toBe(1);
    expect(server.context.hub.count()).toBe(1);
    socket.destroy();
  });

  it('is sent away when the server ends, which waits for nobody', async () => {
    const { closed } = await listenForHints(url, await agent.token());
    const deaf = await deafListener(url, await agent.token());

    await server.app.close();

    expect(await closed).toBe(1012);
    deaf.destroy();
  });

  it('that has something to say is told that nobody listens', async () => {
    const { websocket, closed } = await listenForHints(url, await agent.token());

    websocket.send('hello');

    expect(await closed).toBe(1008);
  });

  it('that sends more than a frame of nothing is cut off', async () => {
    const { websocket, closed } = await listenForHints(url, await agent.token());

    websocket.send('x'.repeat(100_000));

    expect(await closed).toBe(1009);
    await until(async () => server.context.hub.count() === 0);
  });

  it('comes again after a connection that broke unseen: two are kept, the oldest goes', async () => {
    const first = await listenForHints(url, await agent.token());
    await listenForHints(url, await agent.token());
    await listenForHints(url, await agent.token());
    await first.closed;

    expect(server.context.hub.count()).toBe(2);
  });
});

describe('requests for other protocols', () => {
  it('are answered as if they had not asked', async () => {
    const server = await startTestServer();
    const url = await server.app.listen({ host: '127.0.0.1', port: 0 });

    const h2c = await ask(url, { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' }, '/healthz');
    const websocket = await ask(url, {}, '/healthz');
    await server.close();

    expect([h2c.status, websocket.status]).toEqual([200, 200]);
  });
});

describe('hints', () => {
  const HINT = { timestamp: 7 };
  let hub: ReturnType<typeof createHub>;
  let url: string;
  let end: () => void;
  beforeEach(async () => {
    hub = createHub();
    const http = createServer();
    http.on('upgrade', (request, socket, head) => {
      hub.accept(request, socket, head, String(request.headers.authorization).replace('Bearer ', ''));
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    end = () => {
      hub.stop();
      http.close();
    };
  });
  afterEach(() => end());

  it('reach everybody, and spread their answers over longer the more there are', async () => {
    const agents = await Promise.all(Array.from({ length: 40 }, (_, i) => listenForHints(url, `agent-${i}`)));

    hub.tellAll(HINT, 'usual');
    hub.tellAll(HINT, 'emergency');
    await until(async () => agents.every(({ hints }) => hints.length === 2));

    const heard = new Set(agents.flatMap(({ hints }) => hints.map(({ spreadMs }) => spreadMs)));
    expect([...heard]).toEqual([200, 40]);
  });

  it('for some reach those alone, on every connection of theirs', async () => {
    const ours = [await listenForHints(url, 'a'), await listenForHints(url, 'a')];
    const other = await listenForHints(url, 'b');

    hub.tell(['a', 'nobody'], { proposals: true });
    hub.tellAll(HINT, 'usual');
    await until(async () => other.hints.length > 0 && ours.every(({ hints }) => hints.length === 2));

    expect(ours.map(({ hints }) => hints[0])).toEqual(Array(2).fill({ proposals: true, spreadMs: 10 }));
    expect(other.hints).toEqual([{ ...HINT, spreadMs: 15 }]);
  });

  it('wait for nobody who does not read them: that connection is let go', async () => {
    const socket = await deafListener(url, 'deaf');
    socket.pause();
    const quick = await listenForHints(url, 'quick');

    for (let i = 0; hub.count() === 2 && i < 2_000; i++) {
      for (let j = 0; j < 500; j++) hub.tell(['deaf'], HINT);
      await setTimeout(1);
    }
    hub.tellAll(HINT, 'usual');
    await until(async () => quick.hints.length > 0);

    expect(hub.count()).toBe(1);
    socket.destroy();
  });

  it('are over for an instance that is dropped', async () => {
    const { closed } = await listenForHints(url, 'a');

    hub.drop('a');

    expect(await closed).toBe(1006);
    await until(async () => hub.count() === 0);
  });
});

/** All of it, now. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

/** Says what a WebSocket says at first, and answers nothing. */
async function deafListener(url: string, token: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(`${headOf({ authorization: `Bearer ${token}` }, SUBSCRIBE_PATH).join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  return socket;
}

function headOf(headers: object, path: string): readonly string[] {
  const all = {
    ...{ host: 'server', connection: 'Upgrade', upgrade: 'websocket' },
    ...{ 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
    ...headers,
  };
  return [`GET ${path} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`)];
}

/** The answer to a request for a WebSocket that is none, once the server has ended the connection. */
async function ask(url: string, headers: object, path = SUBSCRIBE_PATH) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const close = path === SUBSCRIBE_PATH ? {} : { connection: 'close, upgrade' };
  socket.write(`${headOf({ ...close, ...headers }, path).join('\r\n')}\r\n\r\n`);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    if (path !== SUBSCRIBE_PATH) socket.end();
  });
  await once(socket, 'close');
  const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: path === SUBSCRIBE_PATH ? JSON.parse(body) : body };
}
