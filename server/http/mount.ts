// Mounts the routes: nobody reaches a handler without the access, the limits and the shapes that its route states.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isForThisMachine, isLoopback } from '../../shared/encoding/hosts.ts';
import { isFairleadError } from '../../shared/errors/error.ts';
import { CONTENT_DIGEST, PASS_HEADER, targetOf } from '../../shared/protocol/pass.ts';
import type { Context } from '../context.ts';
import { type Access, admit, type Caller, type Shown, verifyAccess } from './access.ts';
import { BYTES_TYPE, createLimit, installForms, installStreams, JSON_TYPE } from './bodies.ts';
import { OF_ACCESS } from './failures.ts';
import { passFor, refusalAtDoor } from './plain-posts.ts';
import type { Page } from './route.ts';
import { visitOf } from './visitor.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
  interface FastifyContextConfig {
    access?: Access;
    ofCustomers?: boolean;
    looksItself?: boolean;
    quota?: 'report' | 'heartbeat' | undefined;
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
  const { method, path: url, access, ofCustomers = false, looksItself = false, quota } = route;
  const { maxBytes, perMinute, quiet, raw } = route;
  // What is read as it comes is held against no digest.
  if (access === 'agent' && (raw === 'stream' || raw === 'form')) throw new Error(`${url} proves no body`);
  app.route({
    method,
    url,
    config: {
      access,
      ofCustomers,
      looksItself,
      quota,
      isRaw: raw !== undefined,
      ...(streams === undefined ? {} : { streams }),
    },
    bodyLimit: maxBytes ?? DEFAULT_BODY_BYTES,
    ...(quiet === true ? { logLevel: 'warn' } : {}),
    ...(perMinute === undefined ? {} : { onRequest: createLimit(app, perMinute) }),
    handler: (request, reply) => route.respond(context, request, reply),
  });
}

/** Goes before the routes. */
export function installAccess(app: FastifyInstance, context: Context): void {
  app.decorateRequest('caller');
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) throw new Error(`${method} ${url} does not say who may call it`);
  });
  app.addHook('onRequest', async (request, reply) => {
    const refused = refusalAtDoor(request.raw.socket);
    if (refused !== null) throw refused.error;
    const { access } = request.routeOptions.config;
    // Only the answer "there is no such address" has none.
    if (access === undefined) {
      request.caller = { kind: 'nobody' };
      return;
    }
    const { quota } = request.routeOptions.config;
    request.caller = await admit(context, { access, quota }, shownBy(request, context));
    // What was answered to one is nobody else's, and not theirs either once they have signed out.
    if (request.caller.kind !== 'nobody') reply.header('cache-control', 'no-store');
    const offer = await passFor(request.caller, context);
    if (offer !== null) reply.header(PASS_HEADER, offer);
  });
}

/**
 * The credential of a request that is being answered for long, looked at once more; waiting for what comes counts as no use of a
 * sign-in. Errors: server/*, auth/provider-unreachable, where nobody can say now.
 */
export async function isStillLetIn(context: Context, request: FastifyRequest): Promise<boolean> {
  const { access = 'public' } = request.routeOptions.config;
  const shown = shownBy(request, context);
  const visit = shown.visit === null ? null : { ...shown.visit, isWaiting: true };
  try {
    await verifyAccess(context, access, { ...shown, visit }, context.now());
    return true;
  } catch (error) {
    if (isFairleadError(error, ...OF_ACCESS)) return false;
    throw error;
  }
}

function shownBy(request: FastifyRequest, { config, signIn }: Context): Shown {
  const { authorization, forwarded, 'x-forwarded-for': forwardedFor } = request.headers;
  const { [CONTENT_DIGEST]: digest = null } = request.headers;
  const throughProxy = config.behindProxy || forwarded !== undefined || forwardedFor !== undefined;
  return {
    authorization,
    asked: {
      method: request.method,
      target: targetOf(request.url),
      digest: typeof digest === 'string' ? digest : null,
    },
    looksItself: request.routeOptions.config.looksItself ?? false,
    isLocal:
      !throughProxy &&
      isLoopback(request.socket.remoteAddress ?? '') &&
      isForThisMachine(request.headers.host),
    visit: visitOf(request, signIn),
    route: request.routeOptions.url ?? '',
    ofCustomers: request.routeOptions.config.ofCustomers ?? false,
  };
}
