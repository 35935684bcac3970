// Connections at the door: what is plain and hot is answered there, everything else by Node's HTTP with no byte lost, and none is held for nothing.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { connect as connectSecurely } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Hot } from '../../../server/http/hot.ts';
import { answerHotConnections, type HotConnections } from '../../../server/http/hot-connections.ts';
import { type PlainPosts, refusalAtDoor } from '../../../server/http/plain-posts.ts';
import { watchSlowConnections } from '../../../server/http/slow-connections.ts';
import type { LargeFile, SmallFile } from '../../../server/repository/store.ts';

const read = (name: string) => readFileSync(new URL(`../../vectors/tls/${name}`, import.meta.url));
const ANY = 'HTTP/1.1\r\nhost: x\r\n';
const TIMESTAMP = `GET /repository/metadata/timestamp.json ${ANY}\r\n`;
const file = (text: string): SmallFile => ({ kind: 'small', bytes: Buffer.from(text), etag: '"one"' });

const SAID = `POST /said ${ANY}authorization: a\r\ncontent-digest: b\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"n":1}`;

type Find = Hot['files']['find'];

let server: Server;
let doors: HotConnections;
let look: () => void;
let clock: number;
let find: Find;
let take: PlainPosts['take'];
let memory: Map<string, SmallFile | null>;
let observed: number[];
let sockets: Socket[];

function start(kind: string, firstMs = 60_000): void {
  server =
    kind === 'TLS'
      ? createSecureServer({ cert: read('first.cert.pem'), key: read('first.key.pem') })
      : createServer();
  server.on('request', async (request, response) => {
    const body = await buffer(request);
    const refused = refusalAtDoor(request.socket);
    const why = refused === null ? '' : ` ${refused.error}`;
    response.end(`[${request.method} ${request.url} ${body.length}${why}]`);
  });
  const slow = watchSlowConnections(server, () => clock);
  look = slow.look;
  server.once('close', slow.stop);
  doors = answerHotConnections(server, {
    files: { peek: (path) => memory.get(path), find: (path) => find(path) },
    isPublic: (path) => !path.startsWith('targets/secret'),
    observe: (status) => observed.push(status),
    watch: slow.watch,
    event: kind === 'TLS' ? 'secureConnection' : 'connection',
    posts: { take: (request) => take(request) },
    firstMs,
  });
}

async function open(): Promise<Socket> {
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const isSecure = 'setSecureContext' in server;
  const socket = isSecure
    ? connectSecurely({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  sockets.push(socket);
  await once(socket, isSecure ? 'secureConnect' : 'connect');
  return socket;
}

/** Sends, and reads until what is waited for is there or the connection has ended. */
async function ask(socket: Socket, bytes: string | Buffer, until: string): Promise<string> {
  let text = '';
  const arrived = new Promise<void>((resolve) => {
    const take = (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(until)) done();
    };
    const done = () => {
      socket.off('data', take);
      resolve();
    };
    socket.on('data', take);
    socket.once('close', done);
  });
  socket.write(bytes);
  await arrived;
  return text;
}

beforeEach(() => {
  [clock, observed, sockets] = [0, [], []];
  memory = new Map([['metadata/timestamp.json', file('the timestamp')]]);
  find = async () => null;
  take = () => null;
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  doors.stop(0);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe.each(['plain', 'TLS'])('a %s connection', (kind) => {
  beforeEach(() => start(kind));

  it('has what is in memory, as often as it asks', async () => {
    const socket = await open();

    for (let i = 0; i < 3; i++)
      expect(await ask(socket, TIMESTAMP, 'the timestamp')).toMatch(/^HTTP\/1.1 200 OK/);
    expect(observed).toEqual([200, 200, 200]);
  });

  it('has what is not in memory from the store, and what there is not as missing', async () => {
    find = async (path) => (path === 'metadata/1.root.json' ? file('the root') : null);
    const socket = await open();

    await ask(socket, `GET /repository/metadata/1.root.json ${ANY}\r\n`, 'the root');
    await ask(socket, `GET /repository/metadata/2.root.json ${ANY}\r\n`, 'request/not-found');

    expect(observed).toEqual([200, 404]);
  });

  it('is read one question after the other while the store takes its time', async () => {
    let answer = (_file: SmallFile): void => undefined;
    const asked = new Promise<void>((resolve) => {
      find = () => {
        resolve();
        return new Promise((given) => {
          answer = given;
        });
      };
    });
    const socket = await open();
    socket.write(`GET /repository/metadata/1.root.json ${ANY}\r\n`);
    await asked;
    const both = ask(socket, `POST /elsewhere ${ANY}content-length: 3\r\n\r\nabc`, ' 3]');
    answer(file('the root'));

    expect(await both).toMatch(/the rootHTTP[\s\S]*\[POST \/elsewhere 3\]/);
  });

  it('is told what became of what it says, as often as it says something', async () => {
    const heard: string[] = [];
    take = async ({ path, authorization, contentDigest, body }) => {
      heard.push([path, authorization, contentDigest, body].join(' '));
      return { reply: { sequence: heard.length }, headers: [['fairlead-held', 'x']] };
    };
    const socket = await open();

    for (let i = 1; i <= 3; i++) {
      const answer = await ask(socket, SAID, `{"sequence":${i}}`);
      expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\ncache-control: no-store\r\nfairlead-held: x\r\n/);
      expect(answer).toContain('\r\ncontent-length: 14\r\n');
    }
    expect(heard).toEqual(Array(3).fill('/said a b {"n":1}'));
    expect(await ask(socket, TIMESTAMP, 'the timestamp')).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it('is told by Node’s HTTP, once, why what it says is refused', async () => {
    take = () => Promise.reject('refused');
    const socket = await open();

    expect(await ask(socket, SAID, ']')).toContain('[POST /said 7 refused]');
    expect(await ask(socket, SAID, ']')).toContain('[POST /said 7]');
  });

  it('is read one question after the other while what it says is written', async () => {
    let written = (): void => undefined;
    const heard = new Promise<void>((resolve) => {
      take = () => {
        resolve();
        return new Promise((given) => {
          written = () => given({ reply: {}, headers: [] });
        });
      };
    });
    const socket = await open();
    socket.write(SAID);
    await heard;
    const both = ask(socket, `POST /elsewhere ${ANY}content-length: 3\r\n\r\nabc`, ' 3]');
    written();

    expect(await both).toMatch(/\{\}HTTP[\s\S]*\[POST \/elsewhere 3\]/);
  });

  it('has its answer, and then ends, where the server ends while what it says is written', async () => {
    let written = (): void => undefined;
    const heard = new Promise<void>((resolve) => {
      take = () => {
        resolve();
        return new Promise((given) => {
          written = () => given({ reply: { sequence: 7 }, headers: [] });
        });
      };
    });
    const text = ask(await open(), SAID, 'nothing more');
    await heard;
    doors.stop(60_000);
    written();

    expect(await text).toContain('{"sequence":7}');
  });

  it.each([
    ['a request with a body', `POST /x ${ANY}content-length: 3\r\n\r\nabc`, '[POST /x 3]'],
    ['two at once', `${TIMESTAMP}GET /x ${ANY}\r\n`, '[GET /x 0]'],
    ['two reports at once', SAID + SAID, '[POST /said 7]'],
    [
      'what agents alone may have',
      `GET /repository/targets/secret ${ANY}\r\n`,
      '[GET /repository/targets/secret 0]',
    ],
    ['a pack', `GET /repository/packs/a ${ANY}\r\n`, '[GET /repository/packs/a 0]'],
    ['a part', TIMESTAMP.replace('host', 'range: bytes=0-1\r\nhost'), 'timestamp.json 0]'],
    ['no HTTP', 'hello\r\n\r\n', '400 Bad Request'],
  ])('goes to Node’s HTTP with %s', async (_what, bytes, answer) => {
    expect(await ask(await open(), bytes, answer)).toContain(answer);
    expect(observed).toEqual([]);
  });

  it('goes there in the middle, with its bytes in pieces and a body of many', async () => {
    const socket = await open();
    await ask(socket, TIMESTAMP, 'the timestamp');
    socket.write('POST /large HTTP/1.1\r\nho');
    await new Promise(setImmediate);
    const body = Buffer.alloc(3_000_000);
    const head = Buffer.from(`st: x\r\ncontent-length: ${body.length}\r\n\r\n`);

    expect(await ask(socket, Buffer.concat([head, body]), ']')).toContain('[POST /large 3000000]');
    expect(await ask(socket, TIMESTAMP, ']')).toContain('[GET /repository/metadata/timestamp.json 0]');
    expect(observed).toEqual([200]);
  });

  it('goes there where the store fails, or has something large, which is closed', async () => {
    let closed = 0;
    const close = async () => void closed++;
    const large: LargeFile = {
      kind: 'large',
      size: 9,
      etag: '"l"',
      close,
      read: async () => Readable.from([]),
    };
    for (const found of [async () => large, () => Promise.reject(new Error('away'))] satisfies Find[]) {
      find = found;
      expect(await ask(await open(), `GET /repository/targets/a ${ANY}\r\n`, ']')).toContain('targets/a 0]');
    }

    expect([closed, observed]).toEqual([1, []]);
  });

  it('has its answer and ends where it says that it asks no more', async () => {
    const socket = await open();
    const ended = once(socket, 'end');
    socket.end(TIMESTAMP);
    socket.resume();

    await ended;
    expect(observed).toEqual([200]);
  });

  it('ends with the server: at once, or with the answer that it waits for', async () => {
    let answer = (_file: SmallFile): void => undefined;
    const [idle, waiting] = [await open(), await open()];
    await ask(idle, TIMESTAMP, 'the timestamp');
    const asked = new Promise<void>((resolve) => {
      find = () => {
        resolve();
        return new Promise((given) => {
          answer = given;
        });
      };
    });
    const text = ask(waiting, `GET /repository/metadata/1.root.json ${ANY}\r\n`, 'nothing more');
    await asked;
    const closed = new Promise((resolve) => server.close(resolve));
    doors.stop(60_000);
    if (!idle.closed) await once(idle.resume(), 'close');
    answer(file('the root'));

    expect(await text).toContain('the root');
    await closed;
  });
});

describe('a connection that gives nothing', () => {
  it('ends after the time for a first request', async () => {
    start('plain', 50);

    await once((await open()).resume(), 'close');
  });

  it('ends after the time between two', async () => {
    start('plain');
    server.keepAliveTimeout = 50;
    doors.stop(0);
    doors = answerHotConnections(server, {
      ...{ files: { peek: () => file('it'), find }, isPublic: () => true, observe: () => undefined },
      ...{ watch: () => undefined, event: 'connection', posts: { take: () => null }, firstMs: 60_000 },
    });
    const socket = await open();
    await ask(socket, TIMESTAMP, 'it');

    await once(socket.resume(), 'close');
  });

  it('ends where it does not read what it asked for', async () => {
    start('plain');
    memory.set('targets/large', file('x'.repeat(16_000_000)));
    const socket = await open();
    const taken = new Promise<void>((resolve) => {
      const push = observed.push.bind(observed);
      observed.push = (...statuses) => {
        resolve();
        return push(...statuses);
      };
    });
    socket.pause();
    socket.write(`GET /repository/targets/large ${ANY}\r\n`);
    await taken;
    look();
    clock = 90_000;
    look();

    await new Promise((resolve) => {
      const count = () =>
        server.getConnections((_error, left) => (left === 0 ? resolve(left) : setImmediate(count)));
      count();
    });
  });
});
