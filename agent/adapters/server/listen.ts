// Listens to the server over a WebSocket (RFC 6455): whatever comes is small, seldom, and believed by nobody.
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { connectionProblem, isFairleadError } from '../../../shared/errors/error.ts';
import { proxyOf } from '../../../shared/node/proxies.ts';
import { hint, MAX_HINT_BYTES, PING_MS, SUBSCRIBE_PATH } from '../../../shared/protocol/hint.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { Listening, ListeningEnd } from '../../ports/server.ts';
import { verifyNetwork } from './dispatchers.ts';
import { type Network, networkOf } from './network.ts';

const HANDSHAKE_MS = 15_000;
/** Of a server that pings, two are lost at most. */
const SILENCE_MS = PING_MS * 2.5;
/** Between two pings; no vendor publishes so often. */
const MOST_HINTS = 60;
/** What comes back once the server, or who stands before it, is well again. */
const PASSING: readonly number[] = [408, 425, 429];

/** Never throws. `token` is the agent's own, as for its requests; `connection` takes the place of the network. */
export async function listenTo(
  server: string,
  token: () => Promise<string>,
  on: Listening,
  signal: AbortSignal,
  network: Network = networkOf(process.env),
  connection?: () => Duplex,
): Promise<ListeningEnd> {
  try {
    const websocket = await open(server, await token(), network, connection);
    return await untilItEnds(websocket, on, signal);
  } catch (error) {
    // A slip in the environment, an identity that was lost: somebody has to mend it first.
    const isRefusal = isFairleadError(error);
    return { problem: isRefusal ? error.message : connectionProblem(error), isRefusal, isSteady: false };
  }
}

async function open(
  server: string,
  token: string,
  network: Network,
  connection?: () => Duplex,
): Promise<WebSocket> {
  verifyNetwork(network, server);
  const proxy = proxyOf(network.proxies, server);
  const { ca, ...own } = network.tls;
  const tls = { ...(ca === undefined ? {} : { ca: [...ca] }), ...own };
  // Whether there is one for this server is decided already, and nobody decides it twice.
  const proxyEnv = proxy === null ? {} : { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
  // Where no program listens, nothing of it is loaded.
  const { WebSocket } = await import('ws');
  return new WebSocket(`${server.replace(/^http/, 'ws')}${SUBSCRIBE_PATH}`, {
    ...(connection === undefined
      ? {
          agent: server.startsWith('https:')
            ? new HttpsAgent({ ...tls, proxyEnv })
            : new HttpAgent({ proxyEnv }),
        }
      : { createConnection: connection as never }),
    headers: { authorization: `Bearer ${token}` },
    ...{ handshakeTimeout: HANDSHAKE_MS, perMessageDeflate: false, maxPayload: MAX_HINT_BYTES },
  });
}

function untilItEnds(websocket: WebSocket, on: Listening, signal: AbortSignal): Promise<ListeningEnd> {
  const { promise, resolve } = Promise.withResolvers<ListeningEnd>();
  let isSteady = false;
  let credit = MOST_HINTS;
  const end = (problem: string, isRefusal = false) => {
    resolve({ problem, isRefusal, isSteady });
    websocket.terminate();
  };
  const silence = setTimeout(() => end(`nothing was heard for ${SILENCE_MS / 1_000} seconds`), SILENCE_MS);
  const onAbort = () => end('the agent stops');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  websocket.on('open', on.onOpen);
  websocket.on('ping', () => {
    silence.refresh();
    isSteady = true;
    credit = MOST_HINTS;
  });
  websocket.on('message', (data: Buffer) => {
    credit -= 1;
    if (credit < 0) end('it sends hints without end');
    else take(data, on);
  });
  websocket.on('unexpected-response', (_request, { statusCode: status = 0 }) => {
    end(`the answer was ${status}, not a WebSocket`, status < 500 && !PASSING.includes(status));
  });
  websocket.on('error', (error) => end(connectionProblem(error)));
  websocket.on('close', (code) => end(`the connection was closed (${code})`));
  return promise.finally(() => {
    clearTimeout(silence);
    signal.removeEventListener('abort', onAbort);
  });
}

/** What cannot be read says nothing. */
function take(data: Buffer, { onHint }: Listening): void {
  try {
    onHint(parseDocumentBytes(hint, data, 'a hint', { maxBytes: MAX_HINT_BYTES, maxDepth: 4, maxNodes: 64 }));
  } catch (error) {
    if (!isFairleadError(error)) throw error;
  }
}
