// Every refusal leaves the server in one shape: a problem document (RFC 9457) with the code and hint of the catalogue.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  FairleadError,
  isDatabaseBusy,
  isDiskFull,
  isFairleadError,
  toDiskError,
} from '../../shared/errors/error.ts';
import type { Problem } from '../../shared/protocol/problem.ts';
import type { Limit } from './bodies.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/**
 * Who is let in nowhere, whether the route says so or its handler. Not what the provider has to do with: that it cannot be
 * asked is nobody's fault who asks.
 */
export const OF_ACCESS = [
  'auth/missing',
  'auth/refused',
  'auth/forbidden',
  'auth/not-for-customers',
  'auth/cross-site',
  // Not a pass that is over: an agent signs at once, and after a restore thousands do so at one address.
  'auth/session-over',
  'instance/isolated',
  'instance/retired',
] as const;

/** Refusals of access, and addresses that lead nowhere, count as failures of whoever asks. */
export function installFailures(app: FastifyInstance, limitFailures: Limit): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const failure = toFairleadError(error, request.id, request.routeOptions.bodyLimit ?? 0);
    if (failure.http >= 500) request.log.error({ err: error }, 'request failed');
    else request.log.info({ code: failure.code }, 'request refused');
    if (isFairleadError(failure, ...OF_ACCESS)) return refuse(request, reply, failure, limitFailures);
    return send(reply, failure);
  });
  app.setNotFoundHandler((request, reply) =>
    refuse(
      request,
      reply,
      new FairleadError('request/not-found', { what: `${request.method} on this address` }),
      limitFailures,
    ),
  );
}

/** For an address that no route could even be looked up for. */
export async function answerUnreadable(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  limitFailures: Limit,
): Promise<void> {
  await refuse(request, reply, toFairleadError(error, request.id, 0), limitFailures);
}

/** Of Node's parser, and of its watch over headers. */
const OF_HTTP = /^(?:HPE_|ERR_HTTP_)/;

/**
 * For bytes that are no HTTP, or headers that are too long or too slow: there is no request to answer. Whoever has not come as
 * far as HTTP is answered nothing: what is written before a TLS handshake has ended waits for that end, and the connection
 * with it.
 */
export function answerNoRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || !OF_HTTP.test(error.code ?? '')) {
    socket.destroy();
    return;
  }
  const failure = new FairleadError('request/invalid', { problem: error.code ?? 'it is not HTTP' });
  const body = JSON.stringify(problemOf(failure));
  const head = [
    `HTTP/1.1 ${failure.http} ${STATUS_CODES[failure.http]}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  // Destroyed, not ended: whoever does not read must not hold the connection.
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

async function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  failure: FairleadError,
  limitFailures: Limit,
): Promise<FastifyReply> {
  try {
    await limitFailures(request);
    return send(reply, failure);
  } catch (error) {
    return send(reply, isFairleadError(error) ? error : failure);
  }
}

function send(reply: FastifyReply, failure: FairleadError): FastifyReply {
  const wait = secondsToWait(failure);
  if (wait !== null) reply.header('retry-after', String(wait));
  if (isFairleadError(failure, 'request/no-such-range'))
    reply.header('content-range', failure.data.available);
  if (failure.http === 401) reply.header('www-authenticate', 'Bearer');
  // Agents ask for the next root before it exists: no cache may remember that it did not.
  reply.status(failure.http).headers({ 'cache-control': 'no-store', 'content-type': PROBLEM_TYPE });
  return reply.send(JSON.stringify(problemOf(failure)));
}

export function problemOf({ code, message: detail, hint, http: status }: FairleadError): Problem {
  const title = STATUS_CODES[status] ?? 'Refused';
  return {
    type: `urn:fairlead:error:${code}`,
    ...{ title, status, detail, code, hint },
    error: { code, message: detail, hint },
  };
}

function toFairleadError(error: FastifyError, request: string, limit: number): FairleadError {
  if (isFairleadError(error)) return error;
  if (error.statusCode === 413) return new FairleadError('request/too-large', { limit }, { cause: error });
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new FairleadError('request/invalid', { problem: error.message }, { cause: error });
  }
  if (isDatabaseBusy(error)) return new FairleadError('server/busy', { seconds: 5 }, { cause: error });
  if (isDiskFull(error)) return toDiskError('the database', error);
  return new FairleadError('server/failed', { request }, { cause: error });
}

/** How long the server may need to be able again, when it cannot say better. */
const UNABLE_SECONDS = 30;

const SAYS_WHEN = [
  'request/rate-limited',
  'server/busy',
  'server/database-away',
  'server/repository-away',
] as const;

function secondsToWait(failure: FairleadError): number | null {
  if (isFairleadError(failure, ...SAYS_WHEN)) return failure.data.seconds;
  return failure.http === 503 ? UNABLE_SECONDS : null;
}
