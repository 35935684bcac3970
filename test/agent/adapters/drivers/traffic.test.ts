// The traffic switch: new connections follow the route at once, open ones stay, and a service that starts is waited for.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createProcessDriver } from '../../../../agent/adapters/drivers/process/process-driver.ts';
import { createTraffic } from '../../../../agent/adapters/drivers/traffic/traffic.ts';
import type { Slot } from '../../../../agent/core/deploy/blue-green.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { freePort } from '../../../support/free-port.ts';

const COMPONENT = 'core/auth' as ComponentKey;
const MAIN = new URL('../../../../agent/cli/main.ts', import.meta.url).pathname;

async function createWorld() {
  const stateDir = temporaryDirectory();
  const driver = createProcessDriver({ stateDir });
  const withDriver = (one: typeof driver) =>
    createTraffic({ stateDir, driver: one, command: [process.execPath, MAIN, 'agent', 'switch'] });
  const open = () => withDriver(driver);
  const traffic = open();
  onTestFinished(() => traffic.close(COMPONENT));
  const publicPort = await freePort();
  const routeTo = (slot: Slot, port: number) =>
    ({
      component: COMPONENT,
      driver: 'process',
      slot,
      address: '127.0.0.1',
      publicPort,
      port,
      user: null,
    }) as const;
  return { traffic, reopen: open, withDriver, driver, publicPort, routeTo };
}

/** Answers every line with its name and the line. */
async function serve(name: string, port = 0): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('data', (chunk) => socket.write(`${name} ${chunk}`));
    socket.on('error', () => socket.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

function client(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function said(socket: Socket, line: string): Promise<string> {
  socket.write(line);
  const [chunk] = await once(socket, 'data');
  return String(chunk);
}

describe('traffic', () => {
  it('moves new connections at once and leaves open ones where they are', async () => {
    const { traffic, publicPort, routeTo } = await createWorld();
    const [blue, green] = [await serve('blue'), await serve('green')];
    await traffic.direct(routeTo('blue', portOf(blue)));
    const before = client(publicPort);
    expect(await said(before, 'one')).toBe('blue one');

    await traffic.direct(routeTo('green', portOf(green)));

    expect(await said(client(publicPort), 'two')).toBe('green two');
    expect(await said(before, 'three')).toBe('blue three');
    expect(await traffic.slotOf(COMPONENT)).toBe('green');
  });

  it('waits for a service that is being started rather than refusing its clients', async () => {
    const { traffic, publicPort, routeTo } = await createWorld();
    const port = await freePort();
    await traffic.direct(routeTo('blue', port));

    const waiting = said(client(publicPort), 'one');
    await serve('blue', port);

    expect(await waiting).toBe('blue one');
  });

  it('is found running by the next agent, and started again when it was killed', async () => {
    const { traffic, reopen, driver, publicPort, routeTo } = await createWorld();
    const blue = await serve('blue');
    const key = `${COMPONENT}.traffic` as ComponentKey;
    await traffic.direct(routeTo('blue', portOf(blue)));
    const first = await driver.status(key);

    await reopen().direct(routeTo('blue', portOf(blue)));
    expect(await driver.status(key)).toEqual(first);
    if (first.kind === 'running' && first.pid !== null) process.kill(first.pid, 'SIGKILL');
    await driver.exited(key, new AbortController().signal);
    await traffic.direct(routeTo('blue', portOf(blue)));

    expect(await said(client(publicPort), 'one')).toBe('blue one');
  });

  it('says so when another has the public port', async () => {
    const { traffic, publicPort, routeTo } = await createWorld();
    await serve('stranger', publicPort);

    await expect(traffic.direct(routeTo('blue', 1))).rejects.toMatchObject({ code: 'service/no-traffic' });
  });

  it('is not taken in by a stranger who opens the public port first', async () => {
    const { driver, publicPort, routeTo, withDriver } = await createWorld();
    const overtaken = withDriver({
      ...driver,
      start: async (unit) => {
        await serve('stranger', publicPort);
        await driver.start(unit);
      },
    });

    await expect(overtaken.direct(routeTo('blue', 1))).rejects.toMatchObject({ code: 'service/no-traffic' });
  });

  it.each([
    ['an account that owns nothing', 18_080, 'nobody'],
    ['the agent, where only root may have the port', 80, null],
  ])('is run before containers by %s', async (_, publicPort, user) => {
    const { driver, routeTo, withDriver } = await createWorld();
    const units: unknown[] = [];
    const runs = async (unit: unknown) => units.push(unit) > 0;
    const traffic = withDriver({ ...driver, runs });

    await traffic.direct({ ...routeTo('blue', 1), publicPort, driver: 'compose' });

    expect(units).toMatchObject([{ kind: 'process', user: process.getuid?.() === 0 ? user : null }]);
  });

  it('stops when it is closed', async () => {
    const { traffic, publicPort, routeTo } = await createWorld();
    const blue = await serve('blue');
    await traffic.direct(routeTo('blue', portOf(blue)));

    await traffic.close(COMPONENT);

    const [error] = await once(client(publicPort), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });
});
