// An answer as it comes: in order, no faster than it is read, and nothing left behind on its connection.
import { getEventListeners, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, ask, readWhole } from '../../../../agent/adapters/server/ask.ts';
import { createDispatchers, type Dispatchers } from '../../../../agent/adapters/server/dispatchers.ts';
import { serveHttp } from '../../../support/http-server.ts';

let dispatchers: Dispatchers;
beforeEach(() => {
  dispatchers = createDispatchers();
});
afterEach(() => dispatchers.close());

/** To one server at a time. */
const CONNECTIONS = 8;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Asks a server, again and again where wanted; says how many connections it saw. */
async function served(handler: Handler) {
  const connections = new Set<unknown>();
  const origin = await serveHttp((request, response) => {
    connections.add(request.socket);
    handler(request, response);
  });
  const line = await dispatchers.direct(origin);
  return {
    get: (signal = new AbortController().signal, method: 'GET' | 'POST' = 'GET') =>
      ask(line, { origin, path: '/', method, headers: {}, signal }),
    connections: () => connections.size,
  };
}

async function textOf({ body }: Answer): Promise<string> {
  let text = '';
  for await (const piece of body) text += Buffer.from(piece).toString();
  return text;
}

it('a request has its headers and its body', async () => {
  const origin = await serveHttp(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    response.end(`${request.method} ${request.headers['x-name']} ${body}`);
  });
  const question = { origin, path: '/', headers: { 'x-name': 'value' }, body: 'sent' };
  const { signal } = new AbortController();

  const answer = await ask(await dispatchers.direct(origin), { ...question, method: 'POST', signal });

  expect(await textOf(answer)).toBe('POST value sent');
});

describe('an answer', () => {
  it('is read whole and in order, and its connection serves the next one', async () => {
    const { get, connections } = await served(async (_, response) => {
      response.writeHead(203, { 'x-name': 'value' });
      for (const part of ['a', 'b', 'c']) {
        response.write(part.repeat(1_000));
        await delay(2);
      }
      response.end();
    });

    const first = await get();
    const text = await textOf(first);

    expect([first.statusCode, first.headers['x-name']]).toEqual([203, 'value']);
    expect(text).toBe('a'.repeat(1_000) + 'b'.repeat(1_000) + 'c'.repeat(1_000));
    expect(await textOf(await get())).toBe(text);
    expect(connections()).toBe(1);
  });

  it('after informational ones is the last one', async () => {
    const { get } = await served((_, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' });
      response.end('last');
    });

    const answer = await get();

    expect([answer.statusCode, await textOf(answer)]).toEqual([200, 'last']);
  });

  it('comes no faster than it is read, and whole in the end', async () => {
    const size = 64 << 20;
    let sent = 0;
    const { get } = await served(async (_, response) => {
      for (const piece = Buffer.alloc(1 << 20, 1); sent < size; sent += piece.length)
        if (!response.write(piece)) await once(response, 'drain');
      response.end();
    });

    const { body } = await get();
    await delay(200);
    const held = sent;
    let read = 0;
    for await (const piece of body) read += piece.length;

    expect(held).toBeLessThan(size / 2);
    expect(read).toBe(size);
  });

  it('that breaks off is an error behind what came of it', async () => {
    const { get } = await served((_, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('half', () => response.destroy());
    });

    const { body } = await get();
    const pieces = body[Symbol.asyncIterator]();

    expect(Buffer.from((await pieces.next()).value).toString()).toBe('half');
    await expect(pieces.next()).rejects.toThrow();
  });
});

describe('an answer in pieces of a byte', () => {
  /** As the server writes it: a chunk for each byte of the body, `extension` in each head. */
  const chunked =
    (count: number, extension = ''): Handler =>
    (request) =>
      void request.socket.end(
        `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${`1${extension}\r\nx\r\n`.repeat(count)}0\r\n\r\n`,
      );

  async function piecesOf({ body }: Answer): Promise<readonly Uint8Array[]> {
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    return pieces;
  }

  it('comes in as many as the network brought', async () => {
    const { get } = await served(chunked(100_000));

    const pieces = await piecesOf(await get());

    expect(Buffer.concat(pieces).toString()).toBe('x'.repeat(100_000));
    expect(pieces.length).toBeLessThan(1_000);
  });

  it('does not hold on to what came between them', async () => {
    const { get } = await served(chunked(50, `;x=${'y'.repeat(60_000)}`));

    const pieces = await piecesOf(await get());

    const held = new Set(pieces.map(({ buffer }) => buffer));
    expect(Buffer.concat(pieces).toString()).toBe('x'.repeat(50));
    expect([...held].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(100_000);
  });

  it('is one of its own length in the end, whatever the lengths of its pieces', async () => {
    const lengths = [0, 1, 1, 5_000, 0, 3, 70_000, 1];
    const pieces = lengths.map((length, at) => Buffer.alloc(length, at));

    const whole = await readWhole(Readable.from(pieces));

    expect(Buffer.compare(whole, Buffer.concat(pieces))).toBe(0);
    expect(whole.buffer.byteLength).toBe(75_006);
    expect(await readWhole(Readable.from([]))).toHaveLength(0);
  });
});

describe('a connection that ends before an answer', () => {
  /** An idle connection ends at the moment when something is asked over it. */
  const endingBy =
    (end: (socket: Socket) => void): Handler =>
    ({ socket }, response) =>
      socket.bytesWritten > 0 ? end(socket) : void response.end('whole');

  it.each<[string, (socket: Socket) => void]>([
    ['closed', (socket) => socket.destroy()],
    ['reset', (socket) => socket.resetAndDestroy()],
  ])('is an idle one that the server has just %s: it is asked over another one', async (_how, end) => {
    const { get, connections } = await served(endingBy(end));

    const texts: string[] = [];
    for (let time = 0; time < 3; time++) texts.push(await textOf(await get()));

    expect(texts).toEqual(['whole', 'whole', 'whole']);
    expect(connections()).toBe(3);
  });

  it('does not have a change asked for twice', async () => {
    const { get, connections } = await served(endingBy((socket) => socket.destroy()));
    await textOf(await get());

    await expect(get(undefined, 'POST')).rejects.toThrow();

    expect(connections()).toBe(1);
  });

  it('is asked over one other, and no more', async () => {
    let asked = 0;
    const { get } = await served((request) => {
      asked++;
      request.socket.destroy();
    });

    await expect(get()).rejects.toThrow();

    expect(asked).toBe(2);
  });
});

describe('what nobody reads', () => {
  const big: Handler = (_, response) => void response.end(Buffer.alloc(1 << 20));

  it.each<[string, Handler, number]>([
    ['short is drained, and its connection used again', (_, response) => void response.end('short'), 1],
    ['announced as long is cut at once', big, 2],
    [
      'long without saying so is cut where it is too long',
      (_, response) => {
        const write = () => response.write(Buffer.alloc(1 << 20), () => response.destroyed || write());
        write();
      },
      2,
    ],
    [
      'as long as may be read is drained',
      async (_, response) => {
        response.write('x'.repeat(1_000));
        await delay(10);
        response.end();
      },
      1,
    ],
    [
      'dripping in time is drained',
      async (_, response) => {
        for (let drop = 0; drop < 3; drop++) {
          response.write('x');
          await delay(5);
        }
        response.end();
      },
      1,
    ],
  ])('%s', async (_what, handler, expected) => {
    const { get, connections } = await served(handler);

    for (let time = 0; time < 2; time++) await (await get()).body.dump(1_000);

    expect(connections()).toBe(expected);
  });

  it('is drained where more of it waits than is held, as long as that is allowed', async () => {
    const { get, connections } = await served((_, response) => {
      response.write(Buffer.alloc(1 << 19), () => response.end());
    });

    for (let time = 0; time < 2; time++) {
      const { body } = await get();
      await delay(20);
      await body.dump(1 << 20);
    }

    expect(connections()).toBe(1);
  });

  it('is not waited for where it is announced as too long', async () => {
    const { get } = await served((_, response) => {
      response.writeHead(200, { 'content-length': 1_001 }).flushHeaders();
    });

    await (await get()).body.dump(1_000);
  });

  it('goes with its connection where reading stops in the middle', async () => {
    const { get, connections } = await served(big);

    for (let time = 0; time < 2; time++) for await (const _ of (await get()).body) break;

    expect(connections()).toBe(2);
  });
});

describe('a signal', () => {
  const never: Handler = () => undefined;
  const endless: Handler = (_, response) => void response.write('begun');
  const reason = new Error('told to stop');

  it('that has come already asks nobody', async () => {
    const { get, connections } = await served(never);

    await expect(get(AbortSignal.abort(reason))).rejects.toBe(reason);

    expect(connections()).toBe(0);
  });

  it('ends the wait for an answer', async () => {
    const controller = new AbortController();
    const { get } = await served(() => controller.abort(reason));

    await expect(get(controller.signal)).rejects.toBe(reason);
  });

  it('ends the wait for a connection, and nothing is asked when one is free', async () => {
    let asked = 0;
    const { get } = await served((_, response) => {
      asked++;
      setTimeout(() => response.end('whole'), 20);
    });
    const controller = new AbortController();
    const others = Array.from({ length: CONNECTIONS }, async () => textOf(await get()));
    const waiting = get(controller.signal);
    controller.abort(reason);

    await expect(waiting).rejects.toBe(reason);
    await Promise.all(others);
    await textOf(await get());

    expect(asked).toBe(CONNECTIONS + 1);
  });

  it('is let go with the last of an answer', async () => {
    const { signal } = new AbortController();
    const { get } = await served((_, response) => void response.end('whole'));

    for (let time = 0; time < 3; time++) await textOf(await get(signal));

    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it.each<[string, (answer: Answer) => Promise<unknown>]>([
    ['whoever reads is told', ({ body }) => expect(textOf({ body } as Answer)).rejects.toBe(reason)],
    ['whoever drains is done', ({ body }) => body.dump(1_000)],
  ])('ends what goes on and on: %s', async (_what, use) => {
    const controller = new AbortController();
    const { get } = await served(endless);
    const answer = await get(controller.signal);
    setTimeout(() => controller.abort(reason), 20);

    await use(answer);
  });

  it('after the end changes nothing', async () => {
    const controller = new AbortController();
    const { get, connections } = await served((_, response) => void response.end('whole'));
    const answer = await get(controller.signal);
    await delay(20);
    controller.abort(reason);

    expect(await textOf(answer)).toBe('whole');
    await textOf(await get());
    expect(connections()).toBe(1);
  });
});
