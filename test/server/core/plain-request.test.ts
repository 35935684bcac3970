// What is taken for a plain request is one for Node's HTTP too, the same one, and ends where that says it ends.
import { createServer, type IncomingMessage } from 'node:http';
import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { LONGEST_PLAIN, parsePlainRequest } from '../../../server/core/plain-request.ts';

const parse = (text: string) => parsePlainRequest(Buffer.from(text, 'latin1'));
const LINE = 'GET /repository/metadata/timestamp.json HTTP/1.1\r\n';

describe('a plain request', () => {
  it('is read: where it goes, and what is known there', () => {
    const text = `${LINE}Host: x\r\nAccept: */*\r\nif-none-match: "a", W/"b" \r\nConnection: Keep-Alive\r\n\r\n`;

    expect(parse(text)).toEqual({
      path: '/repository/metadata/timestamp.json',
      ifNoneMatch: '"a", W/"b"',
    });
  });

  it.each([
    ['nothing', ''],
    ['another method', 'HEAD / HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['an older protocol', 'GET / HTTP/1.0\r\nhost: x\r\n\r\n'],
    ['a question', 'GET /?a HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['something encoded', 'GET /%2e HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['a whole address', 'GET http://x/ HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['no host', `${LINE}accept: */*\r\n\r\n`],
    ['two hosts', `${LINE}host: x\r\nhost: x\r\n\r\n`],
    ['a length', `${LINE}host: x\r\ncontent-length: 0\r\n\r\n`],
    ['chunks', `${LINE}host: x\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['a space before the colon', `${LINE}host: x\r\ncontent-length : 4\r\n\r\n`],
    ['a folded line', `${LINE}host: x\r\na: b\r\n content-length: 4\r\n\r\n`],
    ['a line that ends without CR', `${LINE}host: x\ncontent-length: 4\r\n\r\n`],
    ['a CR in a value', `${LINE}host: x\r\na: b\rcontent-length: 4\r\n\r\n`],
    ['a NUL', `${LINE}host: x\r\na: \0\r\n\r\n`],
    ['what is not ASCII', `${LINE}host: x\r\na: é\r\n\r\n`],
    ['the end of the connection', `${LINE}host: x\r\nconnection: close\r\n\r\n`],
    ['that in the words of proxies', `${LINE}host: x\r\nproxy-connection: close\r\n\r\n`],
    ['another protocol', `${LINE}host: x\r\nupgrade: websocket\r\n\r\n`],
    ['a part', `${LINE}host: x\r\nRange: bytes=0-1\r\n\r\n`],
    ['a promise to wait', `${LINE}host: x\r\nexpect: 100-continue\r\n\r\n`],
    ['two of what is known', `${LINE}host: x\r\nif-none-match: "a"\r\nif-none-match: "b"\r\n\r\n`],
    ['no end', `${LINE}host: x\r\n`],
    ['more behind its end', `${LINE}host: x\r\n\r\nG`],
    ['an empty line before it', `\r\n${LINE}host: x\r\n\r\n`],
    ['too many bytes', `${LINE}host: x\r\na: ${'b'.repeat(LONGEST_PLAIN)}\r\n\r\n`],
  ])('has not: %s', (_what, text) => {
    expect(parse(text)).toBeNull();
  });
});

describe('Node’s HTTP', () => {
  const server = createServer();
  afterAll(() => server.closeAllConnections());

  /** What it makes of the bytes, as far as to a request that stands behind them. */
  async function readByNode(bytes: Buffer): Promise<string[]> {
    const [ours, theirs] = duplexPair();
    const seen: string[] = [];
    const end = new Promise<void>((resolve) => {
      const take = (request: IncomingMessage) => {
        const { method, url, headers } = request;
        seen.push(`${method} ${url} ${headers['if-none-match']}`);
        if (url === '/end') resolve();
      };
      const fail = (event: string) => () => {
        seen.push(event);
        resolve();
      };
      server.removeAllListeners();
      server.on('request', (request, response) => {
        take(request);
        response.end();
      });
      for (const event of ['clientError', 'upgrade', 'connect', 'checkContinue', 'checkExpectation'])
        server.on(event, fail(event));
    });
    ours.resume();
    connection.call(server, theirs);
    ours.write(bytes);
    ours.write('GET /end HTTP/1.1\r\nhost: x\r\n\r\n');
    await end;
    theirs.destroy();
    return seen;
  }
  const [connection = () => undefined] = server.listeners('connection');

  const odd = fc.constantFrom(
    ...['content-length: 5', 'Content-Length:0', 'transfer-encoding: chunked', 'transfer-encoding:\tchunked'],
    ...['content-length : 5', ' content-length: 5', 'a: b\ncontent-length: 5', 'a: b\rcontent-length: 5', ''],
    ...[
      'connection: close',
      'connection: upgrade',
      'upgrade: h2c',
      'expect: 100-continue',
      'trailer: a',
      'te: a',
    ],
    ...['host: y', 'a:', ':a', 'if-none-match: "x"', 'If-None-Match:"y"', 'a: \x0b', 'a: \x7f', 'a: \xff'],
    ...[
      'connection: keep-alive, content-length',
      'keep-alive: timeout=1',
      'proxy-connection: close',
      'x_y: z',
    ],
  );
  const text = fc.string({ unit: 'binary-ascii', maxLength: 12 });
  const field = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('accept: */*', 'user-agent: a/1', 'x-forwarded-for: 1.2.3.4') },
    { weight: 1, arbitrary: odd },
    { weight: 1, arbitrary: fc.tuple(text, text).map(([name, value]) => `${name}:${value}`) },
  );
  const line = fc.oneof(
    { weight: 8, arbitrary: fc.constant('GET /repository/a HTTP/1.1') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        ...['GET /a HTTP/1.0', 'GET  /a HTTP/1.1', 'GET /a HTTP/1.1 ', 'get /a HTTP/1.1', 'GET /a\tHTTP/1.1'],
        ...['POST /a HTTP/1.1', 'GET //../a HTTP/1.1', 'GET /a', '', 'GET http://y/a HTTP/1.1'],
      ),
    },
  );
  const ending = fc.oneof({ weight: 8, arbitrary: fc.constant('\r\n\r\n') }, { weight: 1, arbitrary: text });
  const request = fc
    .tuple(line, fc.array(field, { maxLength: 4 }), ending)
    .map(([first, fields, last]) => Buffer.from([first, 'host: x', ...fields].join('\r\n') + last, 'latin1'));

  it('reads the same request in every one that is plain, and the next one behind it', async () => {
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(request, async (bytes) => {
        const found = parsePlainRequest(bytes);
        if (found === null) return;
        plain++;
        const seen = await readByNode(bytes);
        expect(seen).toEqual([`GET ${found.path} ${found.ifNoneMatch}`, 'GET /end undefined']);
      }),
      { numRuns: 1_500 },
    );

    expect(plain).toBeGreaterThan(100);
  });
});
