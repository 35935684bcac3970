// Every refusal leaves the server in one shape: code, message and hint, with the status the catalogue gives it.
import type { FastifyError, FastifyInstance } from 'fastify';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { isDatabaseBusy, isDiskFull, toDiskError } from '../../shared/errors/system-error.ts';

export function installFailures(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const failure = toFairleadError(error, request.id, request.routeOptions.bodyLimit ?? 0);
    if (failure.http >= 500) request.log.error({ err: error }, 'request failed');
    else request.log.info({ code: failure.code }, 'request refused');
    const wait = secondsToWait(failure);
    if (wait !== null) reply.header('retry-after', String(wait));
    if (isFairleadError(failure, 'request/no-such-range'))
      reply.header('content-range', failure.data.available);
    if (failure.http === 401) reply.header('www-authenticate', 'Bearer');
    return reply.status(failure.http).header('cache-control', 'no-store').send(replyOf(failure));
  });
  app.setNotFoundHandler((request, reply) => {
    const failure = new FairleadError('request/not-found', { what: `${request.method} on this address` });
    // Agents ask for the next root before it exists: no cache may remember that it did not.
    return reply.status(404).header('cache-control', 'no-store').send(replyOf(failure));
  });
}

function replyOf(failure: FairleadError) {
  return { error: { code: failure.code, message: failure.message, hint: failure.hint } };
}

function toFairleadError(error: FastifyError, request: string, limit: number): FairleadError {
  if (isFairleadError(error)) return error;
  if (error.statusCode === 413) return new FairleadError('request/too-large', { limit }, { cause: error });
  if (error.statusCode === 416) {
    return new FairleadError('request/no-such-range', { available: rangeIn(error) }, { cause: error });
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new FairleadError('request/invalid', { problem: error.message }, { cause: error });
  }
  if (isDatabaseBusy(error)) return new FairleadError('server/busy', { seconds: 5 }, { cause: error });
  if (isDiskFull(error)) return toDiskError('the database', error);
  return new FairleadError('server/failed', { request }, { cause: error });
}

// How long the file is: whoever has that many bytes has them all.
function rangeIn(error: FastifyError & { readonly headers?: Record<string, unknown> }): string {
  return String(error.headers?.['Content-Range'] ?? '');
}

/** How long the server may need to be able again, when it cannot say better. */
const UNABLE_SECONDS = 30;

function secondsToWait(failure: FairleadError): number | null {
  if (isFairleadError(failure, 'request/rate-limited', 'server/busy')) return failure.data.seconds;
  return failure.http === 503 ? UNABLE_SECONDS : null;
}
