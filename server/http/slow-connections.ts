// Connections that only hold a place are ended: what is sent and what is read has a minimum rate, on every route and on none.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isLoopback } from '../../shared/encoding/hosts.ts';
import { neighbourhoodOf } from '../core/transport.ts';

/** Before the rate counts: a connection may start slowly, and small requests need no more. */
export const SEND_GRACE_MS = 20_000;
export const READ_GRACE_MS = 60_000;
/** Slower than any line on which an update would make sense. */
export const MIN_BYTES_PER_SECOND = 1_024;
/** To whoever is still sending after the answer. */
export const AFTER_ANSWER_MS = 2_000;
const LOOK_MS = 1_000;

/** Of the whole server, and of one address that is no proxy of ours. */
export const MAX_CONNECTIONS = 16_384;
export const MAX_CONNECTIONS_OF_ONE = 512;

export type Asked = Pick<IncomingMessage, 'complete' | 'socket'>;
export type Answered = Pick<ServerResponse, 'writableFinished'>;

export interface SlowConnections {
  /** Once the request is there; those that come through the server are watched anyway. */
  watch(request: Asked, response: Answered): void;
  /** Ends those that are too slow by now. */
  look(): void;
  stop(): void;
}

interface Exchange {
  readonly request: Asked;
  readonly response: Answered;
  readonly socket: Socket;
  readonly began: number;
  readonly bytesRead: number;
  answered: number | null;
  /** Since when bytes wait for whoever asked, and what had been written then. */
  waiting: { readonly since: number; readonly bytesWritten: number } | null;
}

/** `now` is a clock that only goes forward, in milliseconds. */
export function watchSlowConnections(server: Server, now: () => number): SlowConnections {
  const exchanges = new Set<Exchange>();
  server.maxConnections = MAX_CONNECTIONS;
  function watch(request: Asked, response: Answered): void {
    const { socket } = request;
    const { bytesRead } = socket;
    exchanges.add({ request, response, socket, bytesRead, began: now(), answered: null, waiting: null });
  }
  server.prependListener('request', watch);

  function look(): void {
    const at = now();
    for (const exchange of exchanges) {
      const { request, response, socket } = exchange;
      if (socket.destroyed || (request.complete && response.writableFinished)) exchanges.delete(exchange);
      else if (isTooSlow(exchange, at)) socket.destroy();
    }
  }

  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return { watch, look, stop: () => clearInterval(timer) };
}

/** One address cannot take every place; behind a proxy, or on this machine, addresses tell nothing. */
export function limitAddresses(server: Server): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    if (isLoopback(socket.remoteAddress ?? '')) return;
    const address = neighbourhoodOf(socket.remoteAddress ?? '');
    const count = (open.get(address) ?? 0) + 1;
    if (count > MAX_CONNECTIONS_OF_ONE) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}

function isTooSlow(exchange: Exchange, at: number): boolean {
  const { request, response, socket } = exchange;
  if (!request.complete) {
    if (response.writableFinished) {
      exchange.answered ??= at;
      if (at - exchange.answered > AFTER_ANSWER_MS) return true;
    }
    return isBehind(at - exchange.began, SEND_GRACE_MS, socket.bytesRead - exchange.bytesRead);
  }
  // While nothing waits to be read it is the server that is slow.
  if (socket.writableLength === 0) exchange.waiting = null;
  else exchange.waiting ??= { since: at, bytesWritten: sent(socket) };
  if (exchange.waiting === null) return false;
  const { since, bytesWritten } = exchange.waiting;
  return isBehind(at - since, READ_GRACE_MS, sent(socket) - bytesWritten);
}

/** What has left this process: `bytesWritten` counts what still waits, too. */
function sent({ bytesWritten, writableLength }: Socket): number {
  return bytesWritten - writableLength;
}

function isBehind(elapsedMs: number, graceMs: number, bytes: number): boolean {
  return elapsedMs > graceMs + (bytes / MIN_BYTES_PER_SECOND) * 1_000;
}
