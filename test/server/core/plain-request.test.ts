// What is taken for a plain request is one for Node's HTTP too, the same one, and ends where that says it ends.
import { createServer, type IncomingMessage } from 'node:http';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  LONGEST_PLAIN,
  LONGEST_PLAIN_BODY,
  type PlainRequest,
  parsePlainRequest,
} from '../../../server/core/plain-request.ts';

const parse = (text: string) => parsePlainRequest(Buffer.from(text, 'latin1'));
const LINE = 'GET /repository/metadata/timestamp.json HTTP/1.1\r\n';

describe('a plain request', () => {
  it('is read: where it goes, and what is known there', () => {
    const text = `${LINE}Host: x\r\nAccept: */*\r\nif-none-match: "a", W/"b" \r\nConnection: Keep-Alive\r\n\r\n`;

    expect(parse(text)).toEqual({
      method: 'GET',
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

const POST = 'POST /api/v1/reports HTTP/1.1\r\nhost: x\r\n';
const JSON_TYPE = 'content-type: application/json\r\n';

describe('a plain request with a body', () => {
  it('is read: where it goes, what proves it, and all of its body', () => {
    const proof = 'authorization: Fairlead-Pass a.1.b\r\nContent-Digest: sha-256=:x=:\r\n';

    expect(parse(`${POST}${proof}${JSON_TYPE}Content-Length: 3 \r\n\r\n{ }`)).toEqual({
      ...{ method: 'POST', path: '/api/v1/reports', authorization: 'Fairlead-Pass a.1.b' },
      ...{ contentDigest: 'sha-256=:x=:', body: Buffer.from('{ }') },
    });
  });

  it.each([
    ['no length', ''],
    ['less of it than it says', 'content-length: 4\r\n'],
    ['more behind it', 'content-length: 2\r\n'],
    ['a length with a zero before it', 'content-length: 03\r\n'],
    ['a length with a sign', 'content-length: +3\r\n'],
    ['a length in another base', 'content-length: 0x3\r\n'],
    ['a length that is two', 'content-length: 3, 3\r\n'],
    ['two lengths', 'content-length: 3\r\ncontent-length: 3\r\n'],
    ['chunks', 'content-length: 3\r\ntransfer-encoding: chunked\r\n'],
    ['two proofs', 'content-length: 3\r\nauthorization: a\r\nAuthorization: b\r\n'],
    ['two digests', 'content-length: 3\r\ncontent-digest: a\r\ncontent-digest: b\r\n'],
    ['two types', `content-length: 3\r\n${JSON_TYPE}`],
    ['a promise to wait', 'content-length: 3\r\nexpect: 100-continue\r\n'],
  ])('has not: %s', (_what, fields) => {
    expect(parse(`${POST}${JSON_TYPE}${fields}\r\n{ }`)).toBeNull();
  });

  it.each([
    ['nothing', `${POST}${JSON_TYPE}content-length: 0\r\n\r\n`],
    ['another type', `${POST}content-type: text/plain\r\ncontent-length: 3\r\n\r\n{ }`],
    ['no type', `${POST}content-length: 3\r\n\r\n{ }`],
    ['another method', `${POST.replace('POST', 'PUT')}${JSON_TYPE}content-length: 3\r\n\r\n{ }`],
    [
      'more than is kept here',
      `${POST}${JSON_TYPE}content-length: 16385\r\n\r\n${'x'.repeat(LONGEST_PLAIN_BODY + 1)}`,
    ],
    ['a head that is too long', `${POST}a: ${'b'.repeat(LONGEST_PLAIN)}\r\ncontent-length: 3\r\n\r\n{ }`],
  ])('is not: %s', (_what, text) => {
    expect(parse(text)).toBeNull();
  });
});

describe('Node’s HTTP', () => {
  const server = createServer();
  afterAll(() => server.closeAllConnections());

  /** What it makes of the bytes, as far as to a request that stands behind them. */
  async function readByNode(bytes: Buffer): Promise<string[]> {
    const [ours, theirs] = duplexPair();
    const seen: Promise<string>[] = [];
    const end = new Promise<void>((resolve) => {
      const take = (request: IncomingMessage) => {
        const { method = '', url = '', headers } = request;
        const { authorization, 'if-none-match': known, 'content-digest': digest } = headers;
        const read = async () => {
          const body = await text(request);
          return method === 'POST'
            ? [method, url, authorization, digest, headers['content-type'], body].join(' ')
            : [method, url, known, body].join(' ');
        };
        seen.push(read());
        if (url === '/end') resolve();
      };
      const fail = (event: string) => () => {
        seen.splice(0, seen.length, Promise.resolve(event));
        resolve();
      };
      server.removeAllListeners();
      server.on('request', (request, response) => {
        take(request);
        request.once('end', () => response.end());
      });
      for (const event of ['clientError', 'upgrade', 'connect', 'checkContinue', 'checkExpectation'])
        server.on(event, fail(event));
    });
    ours.resume();
    connection.call(server, theirs);
    ours.write(bytes);
    ours.write('GET /end HTTP/1.1\r\nhost: x\r\n\r\n');
    await end;
    const read = await Promise.all(seen);
    theirs.destroy();
    return read;
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
  const some = fc.string({ unit: 'binary-ascii', maxLength: 12 });
  const field = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('accept: */*', 'user-agent: a/1', 'x-forwarded-for: 1.2.3.4') },
    { weight: 1, arbitrary: odd },
    { weight: 1, arbitrary: fc.tuple(some, some).map(([name, value]) => `${name}:${value}`) },
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
  const ending = fc.oneof({ weight: 8, arbitrary: fc.constant('\r\n\r\n') }, { weight: 1, arbitrary: some });
  const request = fc
    .tuple(line, fc.array(field, { maxLength: 4 }), ending)
    .map(([first, fields, last]) => Buffer.from([first, 'host: x', ...fields].join('\r\n') + last, 'latin1'));

  const lengthOf = fc.oneof(
    { weight: 6, arbitrary: fc.constant((n: number) => `${n}`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        ...[
          (n: number) => `${n + 1}`,
          (n: number) => `${n - 1}`,
          (n: number) => `0${n}`,
          (n: number) => `+${n}`,
        ],
        ...[
          (n: number) => `${n}, ${n}`,
          (n: number) => `${n}\r\ncontent-length: ${n}`,
          (n: number) => `${n} \t`,
        ],
        ...[(n: number) => `${n}\r\ntransfer-encoding: chunked`, () => '', (n: number) => `${n}\r\n\tx`],
      ),
    },
  );
  const proof = fc.constantFrom(
    ...['authorization: Fairlead-Pass a.1.b', 'Authorization:\ta b ', 'content-digest: sha-256=:x=:', 'a: b'],
    ...['content-type: application/json; charset=utf-8', 'Content-Digest:  y\t'],
  );
  const post = fc
    .tuple(
      fc.constantFrom('POST /a HTTP/1.1', 'POST /a/b HTTP/1.1', 'POST /a HTTP/1.0', 'GET /a HTTP/1.1'),
      fc.array(fc.oneof({ weight: 3, arbitrary: proof }, { weight: 1, arbitrary: field }), { maxLength: 4 }),
      lengthOf,
      fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 12 }),
    )
    .map(([first, fields, written, body]) => {
      const length = `content-length: ${written(body.length)}`;
      const lines = [first, 'host: x', 'content-type: application/json', length, ...fields];
      return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
    });

  it.each([
    ['without a body', request],
    ['with one', post],
  ])(
    'reads the same request in every one %s that is plain, and the next one behind it',
    async (_what, any) => {
      let plain = 0;
      await fc.assert(
        fc.asyncProperty(any, async (bytes) => {
          const found = parsePlainRequest(bytes);
          if (found === null) return;
          plain++;
          expect(await readByNode(bytes)).toEqual([said(found), 'GET /end  ']);
        }),
        { numRuns: 1_000 },
      );

      expect(plain).toBeGreaterThan(100);
    },
  );

  const said = (found: PlainRequest) =>
    found.method === 'GET'
      ? ['GET', found.path, found.ifNoneMatch, ''].join(' ')
      : [
          ...['POST', found.path, found.authorization, found.contentDigest],
          ...['application/json', found.body.toString('latin1')],
        ].join(' ');
});
