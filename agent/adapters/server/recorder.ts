// A line in memory in place of the network: what the agent's own code sends over it is written down byte by byte, and answered.
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { formatOffer, PASS_HEADER, PASS_LIFETIME_SECONDS } from '../../../shared/protocol/pass.ts';
import { loadUndici } from './dispatchers.ts';
import { createHttpClientOver, type HttpClient } from './http-client.ts';
import { EXCHANGE_LIMITS } from './watch.ts';

export interface Recorder {
  readonly http: HttpClient;
  /** A connection of its own, for what is no HTTP after the greeting. */
  connection(): Duplex;
  /** What was sent since the last call, as text. */
  taken(): string;
  close(): Promise<void>;
}

/** Nothing of it touches a socket. */
export async function createRecorder(): Promise<Recorder> {
  const server = createServer(answer);
  server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 503 \r\ncontent-length: 0\r\n\r\n'));
  let recorded: Buffer[] = [];
  const connection = () => {
    const [near, far] = duplexPair();
    far.on('data', (chunk: Buffer) => recorded.push(chunk));
    server.emit('connection', far);
    const nothing = () => near;
    const asSocket = { setTimeout: nothing, setNoDelay: nothing, setKeepAlive: nothing };
    return Object.assign(near, { ...asSocket, ref: nothing, unref: nothing });
  };
  const { Agent } = await loadUndici();
  const dispatcher = new Agent({
    allowH2: false,
    // In a later turn, as every connection is made.
    connect: (_, done) => void setImmediate(() => done(null, connection() as never)),
  });
  const direct = async () => dispatcher;
  return {
    http: createHttpClientOver(
      { direct, guarded: direct, close: () => dispatcher.destroy() },
      EXCHANGE_LIMITS,
    ),
    connection,
    taken: () => {
      const text = Buffer.concat(recorded).toString();
      recorded = [];
      return text;
    },
    close: async () => {
      await dispatcher.destroy();
      server.closeAllConnections();
    },
  };
}

/** As a release server would that takes everything: with a pass, so that what follows shows one. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const reply = REPLIES.find(([path]) => request.url?.includes(path) === true)?.[1];
  request.resume().on('end', () => {
    response.setHeader('content-type', 'application/json');
    if (reply !== undefined) response.setHeader(PASS_HEADER, offer());
    response.end(JSON.stringify(reply ?? {}));
  });
}

const REPLIES: readonly (readonly [path: string, reply: object])[] = [
  ['/api/v1/reports', { sequence: 1 }],
  ['/api/v1/heartbeats', { sequence: 1, whole: false }],
  ['/api/v1/proposals/mine', { proposals: [], next: null, mark: 0 }],
  ['/api/v1/proposals/answers', { answers: [] }],
  ['/api/v1/instances/leave', { movedTo: '' }],
];

/** As long as those that servers give, and worth nothing. */
function offer(): string {
  const { publicKey } = generateKeyPairSync('x25519');
  const point = String(publicKey.export({ format: 'jwk' }).x);
  return formatOffer({ pass: `look.${'A'.repeat(160)}`, point, seconds: PASS_LIFETIME_SECONDS });
}
