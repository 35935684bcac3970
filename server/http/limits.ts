// Limits on how often one address may fail or try.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FairleadError } from '../../shared/errors/error.ts';

/** Counts the request against its address. Error: request/rate-limited beyond `perMinute`. */
export type Limit = (request: FastifyRequest) => Promise<void>;

export function createLimit(app: FastifyInstance, perMinute: number): Limit {
  const count = app.createRateLimit({ max: perMinute, timeWindow: '1 minute' });
  return async (request) => {
    const outcome = await count(request);
    if (!outcome.isAllowed && outcome.isExceeded) {
      throw new FairleadError('request/rate-limited', { seconds: outcome.ttlInSeconds });
    }
  };
}
