// A server, a proxy or a network that means no good: every exchange ends in time, and what is in the way is named.

import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { postJson } from '../../../../agent/adapters/server/post-json.ts';
import { EXCHANGE_LIMITS } from '../../../../agent/adapters/server/watch.ts';
import { redeemReply } from '../../../../shared/protocol/enrolment.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { serveHttp } from '../../../support/http-server.ts';

const QUICK = { ...EXCHANGE_LIMITS, headersMs: 300, discardMs: 300, rateGraceMs: 300 };

function client() {
  const http = createHttpClient(QUICK);
  onTestFinished(() => http.close());
  return http;
}

/** Bytes of our own making, without an HTTP server's manners. */
async function serveRaw(talk: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => talk(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/x.json`;
}

function drip(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 5);
  socket.on('close', () => clearInterval(timer));
}

const ENDLESS: readonly (readonly [string, (socket: Socket) => void])[] = [
  ['nothing at all', () => undefined],
  ['half a status line', (socket) => void socket.write('HTTP/1.1 2')],
  ['early hints without end', (socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n')],
  [
    'a header at a time',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      drip(socket, 'x: y\r\n');
    },
  ],
  [
    'headers without end',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      drip(socket, `x: ${'y'.repeat(4000)}\r\n`);
    },
  ],
  [
    'the body of a 200 a byte at a time',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n');
      drip(socket, 'x');
    },
  ],
  [
    'a body without a length a byte at a time',
    (socket) => {
      socket.write('HTTP/1.0 200 OK\r\n\r\n');
      drip(socket, 'x');
    },
  ],
  [
    'chunks of nothing but extensions',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      drip(socket, '1;x=y\r\nx\r\n');
    },
  ],
  [
    'trailers without end',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n');
      drip(socket, 'x: y\r\n');
    },
  ],
  [
    'the body of a 404 a byte at a time',
    (socket) => {
      socket.write('HTTP/1.1 404 Not Found\r\ncontent-length: 10000\r\n\r\n');
      drip(socket, 'x');
    },
  ],
  [
    'the body of a 503 a byte at a time',
    (socket) => {
      socket.write('HTTP/1.1 503 No\r\ncontent-length: 10000\r\n\r\n');
      drip(socket, 'x');
    },
  ],
  [
    'the body of a redirect a byte at a time',
    (socket) => {
      socket.write('HTTP/1.1 302 Found\r\nlocation: /x.json\r\ncontent-length: 10000\r\n\r\n');
      drip(socket, 'x');
    },
  ],
];

/** Fast enough at every moment: 5,000 bytes in about a second. */
const SLOW: Parameters<typeof serveRaw>[0] = (socket) => {
  let left = 50;
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5000\r\nconnection: close\r\n\r\n');
  const timer = setInterval(() => {
    socket.write('x'.repeat(100));
    if (--left > 0) return;
    clearInterval(timer);
    socket.end();
  }, 20);
  socket.on('close', () => clearInterval(timer));
};

describe('a file that comes slowly', () => {
  const quick = { ...EXCHANGE_LIMITS, wholeMs: 400, wholeBytesPerSecond: 100_000 };

  it.each<[string, typeof QUICK, string]>([
    ['is left at its last moment where it is wanted as a whole', quick, 'transport/unreachable'],
    ['has longer where more may come', { ...quick, wholeBytesPerSecond: 50 }, 'body'],
    ['has longer where little may come', { ...quick, wholeMs: 60_000 }, 'body'],
  ])('%s', async (_name, limits, expected) => {
    const http = createHttpClient(limits);
    onTestFinished(() => http.close());
    const got = http.get(await serveRaw(SLOW), { maxBytes: 5_000 });

    expect(
      await got.then(
        ({ kind }) => kind,
        ({ code }) => code,
      ),
    ).toBe(expected);
  });

  it('has no last moment where the next attempt would go on from what came', async () => {
    const http = createHttpClient(quick);
    onTestFinished(() => http.close());
    const path = join(temporaryDirectory(), 'pack');

    await http.download(await serveRaw(SLOW), path, { maxBytes: 5_000 });

    expect((await stat(path)).size).toBe(5_000);
  });
});

describe('a server that sends', () => {
  it.each(ENDLESS)('%s is left in time by get', async (_name, talk) => {
    const url = await serveRaw(talk);
    const start = performance.now();

    await client()
      .get(url, { maxBytes: 4_000 })
      .catch(() => undefined);

    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it.each(ENDLESS)('%s is left in time by a download', async (_name, talk) => {
    const url = await serveRaw(talk);
    const start = performance.now();

    await client()
      .download(url, join(temporaryDirectory(), 'pack'), { maxBytes: 4_000 })
      .catch(() => undefined);

    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('a 404 with a body that drips is still "not there"', async () => {
    const [, talk] = ENDLESS.find(([name]) => name.includes('404'))!;

    expect(await client().get(await serveRaw(talk), { maxBytes: 10 })).toEqual({
      kind: 'missing',
      status: 404,
    });
  });

  it.each([
    ['less than it announces', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'],
    ['more than it announces', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabcdef'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc'],
    ['a length beyond all numbers', `HTTP/1.1 200 OK\r\ncontent-length: ${'9'.repeat(40)}\r\n\r\nabc`],
    ['a megabyte of headers', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(2 ** 20)}\r\n\r\n`],
    ['what is no HTTP', 'SSH-2.0-OpenSSH\r\n'],
  ])('%s never gives more than was sent, and ends', async (_name, text) => {
    const url = await serveRaw((socket) => socket.end(text));

    const answer = await client()
      .get(url, { maxBytes: 100 })
      .catch(() => null);

    expect(answer === null || (answer.kind === 'body' && answer.bytes.length <= 2)).toBe(true);
  });
});

type Listener = (request: IncomingMessage, response: ServerResponse) => void;
const page: Listener = (_request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(`<!doctype html><title>Log in</title>${' '.repeat(5_000)}`);
};
const compressed: Listener = (_request, response) => {
  response.setHeader('content-encoding', 'gzip').end(gzipSync('{}'));
};

describe('what stands between', () => {
  it.each<[string, Listener]>([
    ['a login page', page],
    ['a compressing proxy', compressed],
    ['a network that asks for a login', (_request, response) => response.writeHead(511).end()],
    ['a proxy that asks for credentials', (_request, response) => response.writeHead(407).end()],
  ])('as %s is named for what it is', async (_name, listener) => {
    const url = await serveHttp(listener);
    const path = join(temporaryDirectory(), 'pack');

    const refusals = [
      await rejectionOf(client().get(url, { maxBytes: 100 })),
      await rejectionOf(client().download(url, path, { maxBytes: 100 })),
      await rejectionOf(postJson(client(), url, {}, redeemReply)),
    ];

    expect(refusals.map(({ code }) => code)).toEqual(Array(3).fill('transport/intercepted'));
  });

  it('is not suspected where a file is called a page and is none', async () => {
    const url = await serveHttp((_request, response) =>
      response.setHeader('content-type', 'text/html').end('{"signed":{}}'),
    );

    expect(await client().get(url, { maxBytes: 100 })).toMatchObject({ kind: 'body' });
  });
});

describe('a redirect', () => {
  /** Where the test runs everything is loopback: the configured server is there itself. */
  async function redirecting(location: (n: number) => string, status = 302) {
    let asked = 0;
    return await serveHttp((request, response) => {
      if (request.url === '/file') return void response.end('the file');
      asked += 1;
      response.writeHead(status, { location: location(asked) }).end('moved');
    });
  }

  it.each([301, 302, 303, 307, 308])('of status %i to another server is followed', async (status) => {
    const other = await serveHttp((request, response) => {
      expect(request.headers.authorization).toBeUndefined();
      expect(request.headers.cookie).toBeUndefined();
      response.end('the file');
    });
    const url = await redirecting(() => `${other.replace('//', '//user:password@')}/other`, status);

    const answer = await client().get(`${url}/x.json`, { maxBytes: 100 });

    expect(answer).toMatchObject({ kind: 'body', bytes: Uint8Array.from(Buffer.from('the file')) });
  });

  it('carries no credential, not even back to the server that sent it', async () => {
    const shown: (string | undefined)[] = [];
    const url = await serveHttp((request, response) => {
      shown.push(request.headers.authorization);
      if (request.url === '/x') response.writeHead(307, { location: '/y' }).end();
      else response.end('the file');
    });
    const authorization = 'Bearer token';

    await client().get(`${url}/x`, { maxBytes: 100, authorization });
    await client().download(`${url}/x`, join(temporaryDirectory(), 'pack'), { maxBytes: 100, authorization });

    expect(shown).toEqual(['Bearer token', undefined, 'Bearer token', undefined]);
  });

  it('keeps the range of a download', async () => {
    const ranges: (string | undefined)[] = [];
    const url = await serveHttp((request, response) => {
      ranges.push(request.headers.range);
      if (request.url === '/x') response.writeHead(307, { location: '/y' }).end();
      else response.end('the file');
    });
    const path = join(temporaryDirectory(), 'pack');
    const { writeFile, readFile } = await import('node:fs/promises');
    await writeFile(path, 'the');

    await client().download(`${url}/x`, path, { maxBytes: 100 });

    expect(ranges).toEqual(['bytes=3-', 'bytes=3-']);
    expect(await readFile(path, 'utf8')).toBe('the file');
  });

  it.each<[string, (n: number) => string]>([
    ['to itself without end', (n) => `/x.json?${n}`],
    ['to another scheme', () => 'https://127.0.0.1:1/x'],
    ['to a scheme of files', () => 'file:///etc/passwd'],
    ['to what is no address', () => 'http://['],
    ['to link-local addresses', () => 'http://169.254.169.254/latest/meta-data'],
    ['to private addresses', () => 'http://10.0.0.1/x'],
    ['to a private address in IPv6', () => 'http://[fd00::1]/x'],
    ['to a private address mapped into IPv6', () => 'http://[::ffff:10.0.0.1]/x'],
    ['to a private address written as a number', () => 'http://167772161/x'],
    ['to a private address through a translator', () => 'http://[64:ff9b::a00:1]/x'],
  ])('%s is refused', async (_name, location) => {
    const url = await redirecting(location);

    expect((await rejectionOf(client().get(`${url}/x.json`, { maxBytes: 100 }))).code).toBe(
      'transport/refused',
    );
  });

  it('of a request that carries credentials is refused, and named', async () => {
    const url = await redirecting(() => 'https://elsewhere.test/api');

    const refusal = await rejectionOf(postJson(client(), `${url}/api`, {}, redeemReply, 'token'));

    expect(refusal.code).toBe('transport/refused');
    expect(refusal.message).toContain('https://elsewhere.test/api');
  });
});
