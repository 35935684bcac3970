// Mounts the routes: nobody reaches a handler without the access, the limits and the shapes that its route states.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isFairleadError } from '../../shared/errors/error.ts';
import type { Context } from '../context.ts';
import { isForThisMachine, isLoopback } from '../core/transport.ts';
import { type Access, type Caller, type Shown, takeQuota, verifyAccess } from './access.ts';
import { BYTES_TYPE, createLimit, installForms, installStreams, JSON_TYPE, type Limit } from './bodies.ts';
import type { Page } from './route.ts';
import { visitOf } from './visitor.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
  interface FastifyContextConfig {
    access?: Access;
    ofCustomers?: boolean;
    /** The handler parses the body. */
    isRaw?: boolean;
    /** Its body comes as a stream of this type. */
    streams?: string;
  }
}

export const DEFAULT_BODY_BYTES = 64 * 1024;

export function mountRoutes(app: FastifyInstance, context: Context, routes: readonly Page[]): void {
  for (const route of routes) {
    if (route.raw === 'form') {
      app.register(async (apart) => {
        installForms(apart);
        mount(apart, context, route);
      });
    } else if (route.raw !== 'stream') mount(app, context, route);
    else {
      app.register(async (apart) => {
        const streams = route.holds === undefined ? BYTES_TYPE : JSON_TYPE;
        installStreams(apart, streams);
        mount(apart, context, route, streams);
      });
    }
  }
}

function mount(app: FastifyInstance, context: Context, route: Page, streams?: string): void {
  const { method, path: url, access, ofCustomers = false, maxBytes, perMinute, quiet, raw } = route;
  app.route({
    method,
    url,
    config: { access, ofCustomers, isRaw: raw !== undefined, ...(streams === undefined ? {} : { streams }) },
    bodyLimit: maxBytes ?? DEFAULT_BODY_BYTES,
    ...(quiet === true ? { logLevel: 'warn' } : {}),
    ...(perMinute === undefined ? {} : { onRequest: createLimit(app, perMinute) }),
    handler: (request, reply) => route.respond(context, request, reply),
  });
}

/** Not of the provider's: that it cannot be asked is nobody's fault who asks. */
const REFUSALS = [
  'auth/missing',
  'auth/refused',
  'auth/forbidden',
  'auth/not-for-customers',
  'auth/cross-site',
  'auth/session-over',
  'instance/isolated',
  'instance/retired',
] as const;

/** Goes before the routes. Failures count against the address they come from. */
export function installAccess(app: FastifyInstance, context: Context, limitFailures: Limit): void {
  app.decorateRequest('caller');
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) throw new Error(`${method} ${url} does not say who may call it`);
  });
  app.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config;
    // Only the answer "there is no such address" has none.
    if (access === undefined) {
      request.caller = { kind: 'nobody' };
      return;
    }
    try {
      request.caller = await verifyAccess(context, access, shownBy(request, context), context.now());
    } catch (error) {
      if (isFairleadError(error, ...REFUSALS)) await limitFailures(request);
      throw error;
    }
    takeQuota(context, request.caller, { requests: 1 });
    // What was answered to one is nobody else's, and not theirs either once they have signed out.
    if (request.caller.kind !== 'nobody') reply.header('cache-control', 'no-store');
  });
}

function shownBy(request: FastifyRequest, { config, signIn }: Context): Shown {
  const { authorization, forwarded, 'x-forwarded-for': forwardedFor } = request.headers;
  const throughProxy = config.behindProxy || forwarded !== undefined || forwardedFor !== undefined;
  return {
    authorization,
    isLocal:
      !throughProxy &&
      isLoopback(request.socket.remoteAddress ?? '') &&
      isForThisMachine(request.headers.host),
    visit: visitOf(request, signIn),
    route: request.routeOptions.url ?? '',
    ofCustomers: request.routeOptions.config.ofCustomers ?? false,
  };
}
