// Asking over HTTP: the status decides, of the body only so much is waited for as somebody asks about.
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { exchange } from '../../../shared/node/probes/http.ts';
import { connect } from '../../../shared/node/probes/tcp.ts';

const open: { close(): unknown; closeAllConnections?(): void }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections?.();
    server.close();
  }
});

async function listen(server: Server | ReturnType<typeof createNetServer>): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
async function answerOf(
  answer: RequestListener,
  expected: { expect?: number; contains?: string } = {},
  ms = 20_000,
) {
  const port = await listen(createServer(answer));
  const { expect: status = 200, contains = null } = expected;
  const to = { protocol: 'http:', host: '127.0.0.1', port, path: '/' };
  return exchange(to, { expect: status, contains }, AbortSignal.timeout(ms));
}
async function outcomeOf(raw: string) {
  const port = await listen(createNetServer((socket) => void socket.once('data', () => socket.end(raw))));
  const to = { host: '127.0.0.1', port, path: '/' };
  return exchange(to, { expect: 200, contains: null }, AbortSignal.timeout(20_000));
}

describe('an answer of the expected status', () => {
  it.each<[string, RequestListener]>([
    ['without a body', (_, response) => response.end()],
    ['whose body never ends', (_, response) => void response.write('data: 1\n')],
    ['that is larger than anybody reads', (_, response) => response.end('x'.repeat(1 << 20))],
  ])('is healthy %s', async (_what, answer) => {
    expect(await answerOf(answer)).toEqual({ healthy: true, detail: 'HTTP 200' });
  });

  it.each<[string, RequestListener]>([
    ['in one piece', (_, response) => response.end('all is ready now')],
    ['in pieces', (_, response) => void response.write('all is rea', () => response.end('dy now'))],
    ['in a body that never ends', (_, response) => void response.write('ready')],
    ['at the end of what is read', (_, response) => response.end(`${'x'.repeat(65_531)}ready`)],
  ])('holds a text %s', async (_what, answer) => {
    expect(await answerOf(answer, { contains: 'ready' })).toEqual({ healthy: true, detail: 'HTTP 200' });
  });

  it('holds a text as soon as it came, however long the body goes on', async () => {
    const endless: RequestListener = (_, response) => void response.write('ready');
    const began = performance.now();

    await answerOf(endless, { contains: 'ready' });

    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it.each<[string, RequestListener, string]>([
    ['where there is none', (_, response) => response.end(), 'HTTP 200 without "ready": '],
    ['that is another', (_, response) => response.end('no'), 'HTTP 200 without "ready": no'],
    [
      'that was broken off',
      (_, response) => void response.write('rea', () => response.destroy()),
      'HTTP 200 without "ready": rea',
    ],
  ])('does not hold a text %s', async (_what, answer, detail) => {
    expect(await answerOf(answer, { contains: 'ready' })).toEqual({ healthy: false, detail });
  });

  it('does not hold a text that stands behind the first 64 KiB', async () => {
    const { healthy, detail } = await answerOf((_, response) => response.end(`${'x'.repeat(65_532)}ready`), {
      contains: 'ready',
    });

    expect([healthy, detail.length]).toEqual([false, 'HTTP 200 without "ready": '.length + 65_536]);
  });

  it('is what came until the time was over', async () => {
    const silent: RequestListener = (_, response) => void response.write('rea');

    expect(await answerOf(silent, { contains: 'ready' }, 300)).toEqual({
      healthy: false,
      detail: 'HTTP 200 without "ready": rea',
    });
  });
});

describe('an answer of another status', () => {
  it.each<[string, RequestListener, string]>([
    ['nothing where nothing is', (_, response) => response.writeHead(503).end(), 'HTTP 503 instead of 200'],
    [
      'its body',
      (_, response) => response.writeHead(503).end('no database'),
      'HTTP 503 instead of 200: no database',
    ],
    [
      'its first line, and waits for no other',
      (_, response) => void response.writeHead(503).write('no database\n'),
      'HTTP 503 instead of 200: no database ',
    ],
    [
      'the first 120 characters',
      (_, response) => response.writeHead(503).end('x'.repeat(121)),
      `HTTP 503 instead of 200: ${'x'.repeat(119)}…`,
    ],
    [
      'where a redirect does not lead',
      (_, response) => response.writeHead(302, { location: '/a' }).end(),
      'HTTP 302 instead of 200',
    ],
  ])('says %s', async (_what, answer, detail) => {
    expect(await answerOf(answer)).toEqual({ healthy: false, detail });
  });

  it('may be the expected one', async () => {
    const answer: RequestListener = (_, response) => response.writeHead(204).end();

    expect(await answerOf(answer, { expect: 204 })).toEqual({ healthy: true, detail: 'HTTP 204' });
  });
});

describe('what is no answer', () => {
  it('is many headers, up to 64 KiB of which are read', async () => {
    const cookies =
      (bytes: number): RequestListener =>
      (_, response) =>
        response.writeHead(200, { a: 'x'.repeat(bytes) }).end();

    expect(await answerOf(cookies(60_000))).toEqual({ healthy: true, detail: 'HTTP 200' });
    expect(await answerOf(cookies(70_000))).toEqual({
      healthy: false,
      detail: 'more than 64 KiB of headers',
    });
  });

  it.each([
    ['an end without a word', '', 'ECONNRESET'],
    ['something else than HTTP', 'SSH-2.0-x\r\n', 'HPE_INVALID_CONSTANT'],
  ])('is %s', async (_what, raw, code) => {
    await expect(outcomeOf(raw)).rejects.toMatchObject({ code });
  });

  it('is a switch to another protocol', async () => {
    const raw = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';

    await expect(outcomeOf(raw)).rejects.toThrow('the connection ended without an answer');
  });

  it('is silence until the time is over', async () => {
    await expect(answerOf(() => undefined, {}, 200)).rejects.toMatchObject({ code: 'ABORT_ERR' });
  });
});

describe('a connection', () => {
  it('is let go once somebody accepted it', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<string>();
    const port = await listen(
      createNetServer((socket) => void socket.resume().once('close', () => resolve('closed'))),
    );

    expect(await connect({ host: '127.0.0.1', port }, AbortSignal.timeout(20_000))).toEqual({
      healthy: true,
      detail: 'connected',
    });
    expect(await closed).toBe('closed');
  });

  it('is let go once its answer is known, though the body never ends', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<string>();

    await answerOf((_, response) => {
      response.once('close', () => resolve('closed'));
      response.write('data: 1\n');
    });

    expect(await closed).toBe('closed');
  });

  it('is refused in the words of the system', async () => {
    const server = createNetServer();
    const port = await listen(server);
    await new Promise((gone) => server.close(gone));

    await expect(connect({ host: '127.0.0.1', port }, AbortSignal.timeout(20_000))).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});
