// Whoever sends or reads a byte now and then does not hold a connection, whatever the route and whatever the answer.
import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  limitAddresses,
  type SlowConnections,
  watchSlowConnections,
} from '../../../server/http/slow-connections.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
let clock: number;
let watch: SlowConnections;
let sockets: Socket[];

beforeEach(async () => {
  server = await startTestServer();
  clock = 0;
  watch = watchSlowConnections(server.app.server, () => clock);
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  watch.stop();
  await server.close();
});

/** Connects, sends the text, and waits until the server has it. */
async function send(text: string, to: Server = server.app.server): Promise<Socket> {
  const socket = connect((to.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  sockets.push(socket);
  const arrived = once(to, 'request');
  socket.write(text);
  await arrived;
  return socket;
}

async function isEnded(socket: Socket): Promise<boolean> {
  watch.look();
  // Its end takes a turn of the loop on either side; one that lives answers to nothing.
  for (let turn = 0; turn < 20 && !socket.closed; turn++) await new Promise(setImmediate);
  return socket.closed;
}

const BODY = 'content-type: application/json\r\ncontent-length: 50000\r\n\r\n{';

describe('a body that comes a byte at a time', () => {
  it.each([
    ['on a route for anybody', `POST /api/v1/enrolments/redeem HTTP/1.1\r\nhost: x\r\n${BODY}`],
    ['where a token is needed', `POST /api/v1/reports HTTP/1.1\r\nhost: x\r\n${BODY}`],
    ['at an address that leads nowhere', `POST /nowhere HTTP/1.1\r\nhost: x\r\n${BODY}`],
    ['at a malformed address', `POST /%zz HTTP/1.1\r\nhost: x\r\n${BODY}`],
    ['to a file', `POST /repository/metadata/timestamp.json HTTP/1.1\r\nhost: x\r\n${BODY}`],
    ['behind a GET', `GET /healthz HTTP/1.1\r\nhost: x\r\n${BODY}`],
    ['in chunks', 'POST /api/v1/reports HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n'],
  ])('%s ends', async (_where, text) => {
    const socket = await send(text);
    socket.resume();
    for (clock = 0; clock < 20_000; clock += 1_000) {
      watch.look();
      socket.write('1');
    }
    clock = 22_000;

    expect(await isEnded(socket)).toBe(true);
  });

  it('ends for forty of them together', async () => {
    const slow: Socket[] = [];
    for (let i = 0; i < 40; i++) slow.push(await send(`POST /nowhere HTTP/1.1\r\nhost: x\r\n${BODY}`));
    watch.look();
    clock = 30_000;

    expect(await Promise.all(slow.map(isEnded))).not.toContain(false);
  });

  it('may take its time where it comes fast enough', async () => {
    const headers = await server.bearer('publisher');
    server.app.server.once('connection', (one: Socket) => {
      const look = () => (one.bytesRead > 1_900_000 ? server.app.server.emit('taken') : setImmediate(look));
      look();
    });
    const socket = await send(
      `PUT /api/v1/packs/${'a'.repeat(64)}/full.pack HTTP/1.1\r\nhost: x\r\nauthorization: ${headers.authorization}\r\n` +
        'content-type: application/octet-stream\r\ncontent-length: 9000000\r\n\r\n',
    );
    const taken = once(server.app.server, 'taken');
    for (let i = 0; i < 20; i++) socket.write(Buffer.alloc(100_000));
    await taken;
    clock = 60_000;

    expect(await isEnded(socket)).toBe(false);
  });
});

describe('an answer that is read a byte at a time', () => {
  it('ends, however long the file is', async () => {
    const large = createServer((_request, response) => response.end(Buffer.alloc(64 * 2 ** 20)));
    await new Promise<void>((resolve) => large.listen(0, '127.0.0.1', resolve));
    const own = watchSlowConnections(large, () => clock);
    const socket = await send('GET / HTTP/1.1\r\nhost: x\r\n\r\n', large);
    socket.pause();
    own.look();
    clock = 90_000;
    own.look();
    own.stop();

    const left = await new Promise((resolve) => large.getConnections((_error, count) => resolve(count)));

    expect(left).toBe(0);
    large.close();
  });

  it('does not end while it is the server that takes its time', async () => {
    const slow = createServer(() => undefined);
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    const own = watchSlowConnections(slow, () => clock);
    const socket = await send('GET / HTTP/1.1\r\nhost: x\r\n\r\n', slow);
    clock = 3_600_000;
    own.look();
    own.stop();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);

    expect(socket.closed).toBe(false);
    socket.destroy();
    slow.close();
  });
});

describe('connections of one address', () => {
  function open(server: EventEmitter, remoteAddress: string) {
    const socket = Object.assign(new EventEmitter(), {
      remoteAddress,
      destroyed: false,
      destroy: () => Object.assign(socket, { destroyed: true }),
    });
    server.emit('connection', socket);
    return socket;
  }

  it('are so many and no more, until one of them closes; another address has its own', () => {
    const server = new EventEmitter();
    limitAddresses(server as Server);
    const sockets = Array.from({ length: 513 }, () => open(server, '192.0.2.1'));

    expect(sockets.map(({ destroyed }) => destroyed).lastIndexOf(false)).toBe(511);
    expect(open(server, '192.0.2.2').destroyed).toBe(false);
    sockets[0]?.emit('close');
    expect(open(server, '192.0.2.1').destroyed).toBe(false);
  });

  it('are those of one network, where each has as many addresses as it likes', () => {
    const server = new EventEmitter();
    limitAddresses(server as Server);
    const sockets = Array.from({ length: 513 }, (_, i) => open(server, `2001:db8::${i.toString(16)}:1`));

    expect(sockets.some(({ destroyed }) => destroyed)).toBe(true);
    expect(open(server, '2001:db8:0:1::1').destroyed).toBe(false);
  });

  it('are not counted on this machine, where a proxy may stand for everybody', () => {
    const server = new EventEmitter();
    limitAddresses(server as Server);
    const sockets = Array.from({ length: 600 }, () => open(server, '::ffff:127.0.0.1'));

    expect(sockets.some(({ destroyed }) => destroyed)).toBe(false);
  });
});

describe('bytes that are no request', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['headers without an end', `GET / HTTP/1.1\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`],
    ['two lengths', 'POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'],
  ])('%s are answered with a problem and the connection ends', async (_what, text) => {
    const { port } = server.app.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    sockets.push(socket);
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString();
    });
    socket.write(text);
    await once(socket, 'close');

    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('application/problem+json');
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({
      code: 'request/invalid',
      status: 400,
    });
  });
});
