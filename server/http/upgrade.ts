// A request to become a WebSocket goes through the routes like any other: the same access, limits, log and refusals.
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FairleadError } from '../../shared/errors/error.ts';
import { SUBSCRIBE_PATH } from '../../shared/protocol/hint.ts';

interface Upgrade {
  readonly socket: Duplex;
  /** What came behind the request already. */
  readonly head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** Offers of other protocols, such as `h2c`, are nothing to us: such a request is answered as it stands. */
export function isUpgrade({ method, url, headers }: IncomingMessage): boolean {
  const [path] = (url ?? '').split('?', 1);
  return method === 'GET' && path === SUBSCRIBE_PATH && headers.upgrade?.toLowerCase() === 'websocket';
}

export function installUpgrades(app: FastifyInstance): void {
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const response = new ServerResponse(request);
    // Nothing more is read from it as HTTP, whatever the answer is.
    response.shouldKeepAlive = false;
    socket.on('error', nothing);
    response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
    response.once('finish', () => socket.end());
    upgrades.set(request, { socket, head });
    app.routing(request, response);
  });
}

/** Stays with a connection for as long as it stands, and so holds on to nothing. */
function nothing(): void {}

/** Gives the connection away for good. Error: request/upgrade-required where there is nothing to take over. */
export function takeOver(request: FastifyRequest, reply: FastifyReply): Upgrade {
  const upgrade = upgrades.get(request.raw);
  if (upgrade === undefined) {
    // RFC 9110 §15.5.22
    reply.headers({ connection: 'upgrade', upgrade: 'websocket' });
    throw new FairleadError('request/upgrade-required', {});
  }
  reply.hijack();
  reply.raw.detachSocket(upgrade.socket as Parameters<ServerResponse['detachSocket']>[0]);
  return upgrade;
}
