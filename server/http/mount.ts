// Mounts the routes: nobody reaches a handler without the access, the limits and the shapes that its route states.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isFairleadError } from '../../shared/errors/error.ts';
import type { Context } from '../context.ts';
import { type Access, type Shown, verifyAccess } from './access.ts';
import { type Caller, isLoopback } from './caller.ts';
import { createLimit, type Limit } from './limits.ts';
import type { Route } from './route.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
  interface FastifyContextConfig {
    access?: Access;
  }
}

export const DEFAULT_BODY_BYTES = 64 * 1024;

export function mountRoutes(app: FastifyInstance, context: Context, routes: readonly Route[]): void {
  for (const route of routes) {
    const { method, path: url, access, maxBytes, perMinute, quiet } = route;
    app.route({
      method,
      url,
      config: { access },
      bodyLimit: maxBytes ?? DEFAULT_BODY_BYTES,
      ...(quiet === true ? { logLevel: 'warn' } : {}),
      ...(perMinute === undefined ? {} : { onRequest: createLimit(app, perMinute) }),
      handler: (request, reply) => route.respond(context, request, reply),
    });
  }
}

/** Goes before the routes. Failures count against the address they come from. */
export function installAccess(app: FastifyInstance, context: Context, limitFailures: Limit): void {
  app.decorateRequest('caller');
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) throw new Error(`${method} ${url} does not say who may call it`);
  });
  app.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config;
    // Only the answer "there is no such address" has none.
    if (access === undefined) return;
    try {
      request.caller = await verifyAccess(context.db, access, shownBy(request, context), context.now());
    } catch (error) {
      if (isFairleadError(error, 'auth/missing', 'auth/refused', 'auth/forbidden'))
        await limitFailures(request);
      throw error;
    }
  });
}

function shownBy(request: FastifyRequest, { config }: Context): Shown {
  const { authorization, forwarded, 'x-forwarded-for': forwardedFor } = request.headers;
  const throughProxy = config.trustProxy.length > 0 || forwarded !== undefined || forwardedFor !== undefined;
  return {
    authorization,
    isLocal: !throughProxy && isLoopback(request.socket.remoteAddress ?? ''),
    route: request.routeOptions.url ?? '',
  };
}
