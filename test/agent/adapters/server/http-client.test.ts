// The HTTP client: caps, etags, refusals, and downloads that go on where they stopped.
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { patternedBytes, temporaryDirectory } from '../../../support/directories.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { serveHttp } from '../../../support/http-server.ts';

const CONTENT = patternedBytes(300_000, 'pack');

function client() {
  const http = createHttpClient();
  onTestFinished(() => http.close());
  return http;
}

/** Serves CONTENT with ranges, as static file servers do, and notes the ranges asked for. */
async function fileServer() {
  const ranges: (string | undefined)[] = [];
  const url = await serveHttp((request, response) => {
    ranges.push(request.headers.range);
    serveRange(request, response);
  });
  return { url: `${url}/full.pack`, ranges };
}

function serveRange(request: IncomingMessage, response: ServerResponse): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start >= CONTENT.length) {
    response.writeHead(416, { 'content-range': `bytes */${CONTENT.length}` }).end();
  } else if (start > 0) {
    const range = `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}`;
    response.writeHead(206, { 'content-range': range }).end(CONTENT.subarray(start));
  } else {
    response.end(CONTENT);
  }
}

describe('get', () => {
  it('returns the whole body and its etag', async () => {
    const url = await serveHttp((_request, response) => response.setHeader('etag', '"1"').end('hello'));

    const answer = await client().get(url, { maxBytes: 5 });

    expect(answer).toEqual({ kind: 'body', bytes: Uint8Array.from(Buffer.from('hello')), etag: '"1"' });
  });

  it('says so when the server still has what the etag names', async () => {
    const url = await serveHttp((request, response) => {
      response.statusCode = request.headers['if-none-match'] === '"1"' ? 304 : 500;
      response.end();
    });

    expect(await client().get(url, { maxBytes: 5, etag: '"1"' })).toEqual({ kind: 'not-modified' });
  });

  it.each([403, 404, 410])('tells a file that is not there by status %i', async (status) => {
    const url = await serveHttp((_request, response) => response.writeHead(status).end('a page'));

    expect(await client().get(url, { maxBytes: 5 })).toEqual({ kind: 'missing', status });
  });

  it.each([429, 500, 503])('refuses status %i', async (status) => {
    const url = await serveHttp((_request, response) =>
      response.writeHead(status, { location: '/elsewhere', 'retry-after': '7' }).end(),
    );

    const refusal = await rejectionOf(client().get(url, { maxBytes: 5 }));

    expect(dataOf(refusal, 'transport/refused')).toMatchObject({ status, retryAfterSeconds: 7 });
  });

  it('cuts a body that is longer than its cap, however long it goes on', async () => {
    const url = await serveHttp((_request, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    });

    const refusal = await rejectionOf(client().get(url, { maxBytes: 100_000 }));

    expect(refusal.code).toBe('transport/too-large');
  });

  it('does not take a cut connection for the end of a body', async () => {
    const url = await serveHttp((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('only this');
      setImmediate(() => response.destroy());
    });

    expect((await rejectionOf(client().get(url, { maxBytes: 100 }))).code).toBe('transport/unreachable');
  });

  it('says what cannot be reached', async () => {
    const refusal = await rejectionOf(client().get('http://127.0.0.1:1/', { maxBytes: 5 }));

    expect(refusal.code).toBe('transport/unreachable');
  });

  it('goes through the proxy that the environment names', async () => {
    const asked: (string | undefined)[] = [];
    const proxy = await serveHttp((request, response) => {
      asked.push(request.url);
      response.end('from the proxy');
    });
    process.env.http_proxy = proxy;
    onTestFinished(() => {
      delete process.env.http_proxy;
    });

    const answer = await client().get('http://repository.test/file', { maxBytes: 100 });

    expect(answer).toMatchObject({ kind: 'body', bytes: Uint8Array.from(Buffer.from('from the proxy')) });
    expect(asked.join()).toContain('repository.test');
  });
});

it('gives a body up when it is told to', async () => {
  const stop = new AbortController();
  const url = await serveHttp((_request, response) => {
    response.write('the beginning', () => stop.abort());
  });

  const refusal = await rejectionOf(client().get(url, { maxBytes: 1_000, signal: stop.signal }));

  expect(refusal.code).toBe('transport/unreachable');
});

describe('download', () => {
  const options = { maxBytes: CONTENT.length };

  it('saves a file and reports how far it is', async () => {
    const { url } = await fileServer();
    const path = join(temporaryDirectory(), 'below', 'full.pack');
    const progress: number[] = [];

    await client().download(url, path, { ...options, onProgress: (bytes) => progress.push(bytes) });

    expect(await readFile(path)).toEqual(CONTENT);
    expect(progress.at(-1)).toBe(CONTENT.length);
  });

  it('continues after the bytes it has', async () => {
    const { url, ranges } = await fileServer();
    const path = join(temporaryDirectory(), 'full.pack');
    await writeFile(path, CONTENT.subarray(0, 100_000));

    await client().download(url, path, options);

    expect(await readFile(path)).toEqual(CONTENT);
    expect(ranges).toEqual(['bytes=100000-']);
  });

  it('fetches nothing of a file that is complete', async () => {
    const { url, ranges } = await fileServer();
    const path = join(temporaryDirectory(), 'full.pack');
    await writeFile(path, CONTENT);

    await client().download(url, path, options);

    expect(await readFile(path)).toEqual(CONTENT);
    expect(ranges).toEqual([`bytes=${CONTENT.length}-`]);
  });

  it('starts over when what it has is longer than the file', async () => {
    const { url, ranges } = await fileServer();
    const path = join(temporaryDirectory(), 'full.pack');
    await writeFile(path, Buffer.concat([CONTENT, Buffer.from('of another file')]));

    await client().download(url, path, { maxBytes: CONTENT.length + 100 });

    expect(await readFile(path)).toEqual(CONTENT);
    expect(ranges).toEqual([`bytes=${CONTENT.length + 15}-`, undefined]);
  });

  it.each<[string, number, string?]>([
    ['takes a range for nonsense', 400],
    ['forbids them', 403],
    ['fails at them', 500],
    ['says that there are none', 416],
    ['gives a part and does not say which', 206],
    ['gives the start again', 206, 'bytes 0-9/200000'],
    ['gives another part', 206, 'bytes 50000-199999/200000'],
  ])('starts over where something on the way %s', async (_what, status, range) => {
    const asked: (string | undefined)[] = [];
    const url = await serveHttp((request, response) => {
      asked.push(request.headers.range);
      if (request.headers.range === undefined) response.end(CONTENT);
      else response.writeHead(status, range === undefined ? {} : { 'content-range': range }).end('a part');
    });
    const path = join(temporaryDirectory(), 'full.pack');
    await writeFile(path, CONTENT.subarray(0, 100_000));

    await client().download(url, path, options);

    expect(await readFile(path)).toEqual(CONTENT);
    const again = status === 500 ? ['bytes=100000-'] : [];
    expect(asked).toEqual(['bytes=100000-', ...again, undefined]);
  });

  it.each([500, 502, 504])('goes on where a server failed for a moment: %i', async (status) => {
    const asked: (string | undefined)[] = [];
    const url = await serveHttp((request, response) => {
      asked.push(request.headers.range);
      if (asked.length === 1) response.writeHead(status).end();
      else serveRange(request, response);
    });
    const path = join(temporaryDirectory(), 'full.pack');
    await writeFile(path, CONTENT.subarray(0, 100_000));

    await client().download(url, path, options);

    expect(await readFile(path)).toEqual(CONTENT);
    expect(asked).toEqual(['bytes=100000-', 'bytes=100000-']);
  });

  it.each([429, 503])('keeps what it has where it is told to ask later: %i', async (status) => {
    let asked = 0;
    const url = await serveHttp((_request, response) => {
      asked += 1;
      response.writeHead(status).end();
    });
    const path = join(temporaryDirectory(), 'full.pack');
    await writeFile(path, CONTENT.subarray(0, 100_000));

    const refusal = await rejectionOf(client().download(url, path, options));

    expect([dataOf(refusal, 'transport/refused').status, asked]).toEqual([status, 1]);
    expect(await readFile(path)).toEqual(CONTENT.subarray(0, 100_000));
  });

  it('keeps what it has where neither the rest nor the whole is given', async () => {
    const url = await serveHttp((_request, response) => response.writeHead(404).end());
    const path = join(temporaryDirectory(), 'full.pack');
    await writeFile(path, CONTENT.subarray(0, 100_000));

    const refusal = await rejectionOf(client().download(url, path, options));

    expect(dataOf(refusal, 'transport/refused').status).toBe(404);
    expect(await readFile(path)).toEqual(CONTENT.subarray(0, 100_000));
  });

  it('starts over with a server that knows no ranges', async () => {
    const url = await serveHttp((_request, response) => response.end(CONTENT));
    const path = join(temporaryDirectory(), 'full.pack');
    await writeFile(path, 'something');

    await client().download(url, path, options);

    expect(await readFile(path)).toEqual(CONTENT);
  });

  it('keeps what arrived before the connection broke, for the next attempt', async () => {
    let attempts = 0;
    const url = await serveHttp((request, response) => {
      attempts += 1;
      if (attempts > 1) return serveRange(request, response);
      response.writeHead(200, { 'content-length': `${CONTENT.length}` });
      response.write(CONTENT.subarray(0, 50_000), () => response.destroy());
    });
    const path = join(temporaryDirectory(), 'full.pack');
    const http = client();

    const refusal = await rejectionOf(http.download(url, path, options));
    await http.download(url, path, options);

    expect(refusal.code).toBe('transport/unreachable');
    expect(await readFile(path)).toEqual(CONTENT);
  });

  it('counts the bytes it has against the cap', async () => {
    const { url } = await fileServer();
    const path = join(temporaryDirectory(), 'full.pack');
    await writeFile(path, CONTENT.subarray(0, 100_000));

    const refusal = await rejectionOf(client().download(url, path, { maxBytes: CONTENT.length - 1 }));

    expect(refusal.code).toBe('transport/too-large');
  });

  it.each([404, 500])('refuses status %i', async (status) => {
    const url = await serveHttp((_request, response) => response.writeHead(status).end());

    const refusal = await rejectionOf(client().download(url, join(temporaryDirectory(), 'x'), options));

    expect(dataOf(refusal, 'transport/refused').status).toBe(status);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const url = await serveHttp((_request, response) => {
      response.write('the beginning', () => stop.abort());
    });
    const path = join(temporaryDirectory(), 'full.pack');

    const refusal = await rejectionOf(client().download(url, path, { ...options, signal: stop.signal }));

    expect(refusal.code).toBe('transport/unreachable');
  });
});
