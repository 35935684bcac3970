// The traffic switch and its connections: they end in their own time, break where the service's break, and are counted.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createProcessDriver } from '../../../../agent/adapters/drivers/process/process-driver.ts';
import { countIn } from '../../../../agent/adapters/drivers/traffic/tcp-table.ts';
import { createTraffic } from '../../../../agent/adapters/drivers/traffic/traffic.ts';
import type { Slot } from '../../../../agent/core/deploy/blue-green.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { until } from '../../../support/driver-contract.ts';
import { freePort } from '../../../support/free-port.ts';

const COMPONENT = 'core/auth' as ComponentKey;
const KEY = `${COMPONENT}.traffic` as ComponentKey;
const MAIN = new URL('../../../../agent/cli/main.ts', import.meta.url).pathname;

async function createWorld() {
  const stateDir = temporaryDirectory();
  const driver = createProcessDriver({ stateDir });
  const traffic = createTraffic({ stateDir, driver, command: [process.execPath, MAIN, 'agent', 'switch'] });
  onTestFinished(() => traffic.close(COMPONENT));
  const publicPort = await freePort();
  return {
    traffic,
    publicPort,
    routeFile: join(stateDir, 'traffic/core.auth/route.json'),
    direct: (slot: Slot, server: Server) =>
      traffic.direct({
        component: COMPONENT,
        driver: 'process',
        slot,
        address: '127.0.0.1',
        publicPort,
        port: portOf(server),
        user: null,
      }),
    async pid() {
      const status = await driver.status(KEY);
      return status.kind === 'running' ? (status.pid ?? 0) : 0;
    },
  };
}

async function listening(onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    onTestFinished(() => void socket.destroy());
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server;
}

/** Answers every line with its name and the line. */
const echo = (name: string) =>
  listening((socket) => {
    socket.on('data', (chunk) => socket.write(`${name} ${chunk}`));
    socket.on('end', () => socket.end());
  });

/** RFC 6455 §4.2.2. */
function acceptance(key = ''): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  return `${[...lines, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function client(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function said(socket: Socket, line: string): Promise<string> {
  socket.write(line);
  const [chunk] = await once(socket, 'data');
  return String(chunk);
}

/** Empty when the connection ends or breaks first. */
async function answerOf(port: number, line: string): Promise<string> {
  try {
    const socket = await client(port);
    socket.write(line);
    for await (const chunk of socket) return String(chunk);
  } catch {
    // Whoever asks will ask again.
  }
  return '';
}

async function everything(socket: Socket): Promise<number> {
  let bytes = 0;
  for await (const chunk of socket) bytes += (chunk as Buffer).length;
  return bytes;
}

describe('a connection through the switch', () => {
  it('may end in one direction and go on in the other', async () => {
    const { traffic, direct, publicPort } = await createWorld();
    const asked = Promise.withResolvers<Socket>();
    const blue = await listening((socket) => socket.resume().once('end', () => asked.resolve(socket)));
    const green = await echo('green');
    await direct('blue', blue);
    const socket = await client(publicPort);
    socket.end('the whole question');
    const service = await asked.promise;
    await direct('green', green);
    const whileHalfOpen = await traffic.connectionsTo(portOf(blue));

    service.end('the answer');

    expect(whileHalfOpen).toBe(1);
    expect(await everything(socket)).toBe('the answer'.length);
    await until(async () => (await traffic.connectionsTo(portOf(blue))) === 0);
  });

  it('brings a slow reader all of a long answer that began before the traffic moved', async () => {
    const { traffic, direct, publicPort } = await createWorld();
    const size = 30 << 20;
    const blue = await listening((socket) => void socket.end(Buffer.alloc(size)));
    await direct('blue', blue);
    const socket = await client(publicPort);
    await until(async () => (await traffic.connectionsTo(portOf(blue))) === 1);
    await direct('green', await echo('green'));

    const open = await traffic.connectionsTo(portOf(blue));

    expect(open).toBe(1);
    expect(await everything(socket)).toBe(size);
  });

  it('may be a WebSocket, which stays with the version that accepted it', async () => {
    const { traffic, direct, publicPort } = await createWorld();
    const upgrades = createHttpServer().on('upgrade', ({ headers }, socket) => {
      socket.write(acceptance(headers['sec-websocket-key']));
      // A text frame of four bytes for whatever comes, a close frame included: RFC 6455 §5.2.
      socket.on('data', () => socket.write(Buffer.from('\x81\x04blue', 'latin1')));
      socket.on('end', () => socket.end());
    });
    const blue = await listening((socket) => void upgrades.emit('connection', socket));
    await direct('blue', blue);
    const socket = new WebSocket(`ws://127.0.0.1:${publicPort}`);
    await once(socket, 'open');

    await direct('green', await echo('green'));
    socket.send('still here');
    const [answer] = await once(socket, 'message');

    expect(answer).toMatchObject({ data: 'blue' });
    expect(await traffic.connectionsTo(portOf(blue))).toBe(1);
  });

  it('breaks for the client where it broke for the service: half an answer must not look whole', async () => {
    const { direct, publicPort } = await createWorld();
    const blue = await listening((socket) => {
      socket.once('data', () => socket.write('half of the ans', () => socket.resetAndDestroy()));
    });
    await direct('blue', blue);
    const socket = await client(publicPort);
    socket.write('question');
    socket.resume();

    const [error] = await once(socket, 'error');

    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('is not counted once its client is gone', async () => {
    const { traffic, direct, publicPort } = await createWorld();
    const blue = await echo('blue');
    await direct('blue', blue);
    const socket = await client(publicPort);
    await said(socket, 'one');
    const before = await traffic.connectionsTo(portOf(blue));

    socket.resetAndDestroy();

    expect(before).toBe(1);
    await until(async () => (await traffic.connectionsTo(portOf(blue))) === 0);
  });

  it('is one of two thousand, none of which notices that the traffic moves', {
    timeout: 20_000,
  }, async () => {
    const { traffic, direct, publicPort } = await createWorld();
    const [blue, green] = [await echo('blue'), await echo('green')];
    await direct('blue', blue);
    const sockets = await Promise.all(Array.from({ length: 2_000 }, () => client(publicPort)));
    await Promise.all(sockets.map((socket) => said(socket, 'one')));

    await direct('green', green);

    const answers = await Promise.all(sockets.map((socket) => said(socket, 'two')));
    expect(answers.every((answer) => answer === 'blue two')).toBe(true);
    expect(await said(await client(publicPort), 'three')).toBe('green three');
    expect(await traffic.connectionsTo(portOf(blue))).toBe(2_000);
  });
});

describe('the switch', () => {
  it('outlives having no descriptor left, and takes clients in again when it has', async () => {
    const { direct, publicPort, pid } = await createWorld();
    const blue = await echo('blue');
    await direct('blue', blue);
    const first = await client(publicPort);
    await said(first, 'one');
    const before = await pid();
    spawnSync('prlimit', [`--pid=${before}`, '--nofile=60:60']);
    const crowd = Array.from({ length: 100 }, () => connect(publicPort, '127.0.0.1'));
    for (const socket of crowd) socket.resume().on('error', () => socket.destroy());
    await until(async () => crowd.some((socket) => socket.destroyed));

    const inTheCrowd = await said(first, 'two');
    for (const socket of crowd) socket.destroy();

    expect(inTheCrowd).toBe('blue two');
    await until(async () => (await answerOf(publicPort, 'three')) === 'blue three');
    expect(await pid()).toBe(before);
  });

  it('goes on where it last led when its route is spoiled, which the next direction mends', async () => {
    const { traffic, direct, publicPort, routeFile } = await createWorld();
    const [blue, green] = [await echo('blue'), await echo('green')];
    await direct('blue', blue);
    writeFileSync(routeFile, '{ "slot": ');

    const spoiled = await said(await client(publicPort), 'one');
    const slot = await traffic.slotOf(COMPONENT);
    await direct('green', green);

    expect(spoiled).toBe('blue one');
    expect(slot).toBeNull();
    expect(await said(await client(publicPort), 'two')).toBe('green two');
  });
});

describe('the table of connections', () => {
  const row = (from: string, to: string, state: string, inode = '4711') =>
    `   1: ${from} ${to} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 20 4 30 10 -1`;
  const SERVICE = '0100007F:1F41';
  const OURS = '0100007F:C001';

  it.each([
    ['an open connection', row(OURS, SERVICE, '01'), 1],
    ['one that is closed in our direction', row(OURS, SERVICE, '05'), 1],
    ['one that is closed in theirs', row(OURS, SERVICE, '08'), 1],
    ['not the service’s own end', row(SERVICE, OURS, '01'), 0],
    ['not what a process has let go', row(OURS, SERVICE, '05', '0'), 0],
    ['not what only waits for its number', row(OURS, SERVICE, '06'), 0],
    ['not another port', row(OURS, '0100007F:1F42', '01'), 0],
    ['not the port on another machine', row(OURS, '0200007F:1F41', '01'), 0],
  ])('counts %s', (_, table, count) => {
    expect(countIn(`  sl  local_address rem_address   st\n${table}\n`, 8001)).toBe(count);
  });
});
