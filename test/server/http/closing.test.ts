// A server that ends: what was begun to be asked before is answered like anything else.
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startTestServer } from '../../support/server-under-test.ts';

it('answers a request that is on its way when the server is told to end, and ends the connection with it', async () => {
  const { app, close } = await startTestServer();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  const arrived = once(app.server, 'connection') as Promise<[Socket]>;
  socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n');
  const [theirs] = await arrived;
  while (theirs.bytesRead === 0) await delay(5);

  const ended = app.close();
  while (app.server.listening) await delay(5);
  socket.write('\r\n');
  const answer = await text(socket);
  await ended;

  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answer).toMatch(/\r\nconnection: close\r\n/i);
  await close();
});
