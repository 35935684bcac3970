// The HTTP server: bodies, access, limits and failures once for all routes, then the table of routes.
import rateLimit from '@fastify/rate-limit';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import type { Context } from '../context.ts';
import { isRestricted } from '../core/downloads.ts';
import { takeBody } from './access.ts';
import { PAGES, ROUTES } from './all-routes.ts';
import { createLimit, installBodies } from './bodies.ts';
import { answerNoRequest, answerUnreadable, installFailures } from './failures.ts';
import { answerHotFirst, type Hot } from './hot.ts';
import { answerHotConnections } from './hot-connections.ts';
import { observeRequests } from './metrics.ts';
import { DEFAULT_BODY_BYTES, installAccess, mountRoutes } from './mount.ts';
import { createPlainPosts } from './plain-posts.ts';
import { limitAddresses, watchSlowConnections } from './slow-connections.ts';
import type { Tls } from './tls.ts';
import { installUpgrades, isUpgrade } from './upgrade.ts';

/** A connection on which nothing moves is closed. */
export const IDLE_MS = 60_000;
export const FAILURES_PER_MINUTE = 60;
/** From a connection, or the answer before, to the end of a request's headers. */
export const HEADERS_MS = 15_000;
/** How long requests may take to end once the server was told to. */
export const GRACE_MS = 10_000;
const LISTENING = {
  headersTimeout: HEADERS_MS,
  connectionsCheckingInterval: 5_000,
  shouldUpgradeCallback: isUpgrade,
};

const OF_ALL_SERVERS = {
  bodyLimit: DEFAULT_BODY_BYTES,
  connectionTimeout: IDLE_MS,
  clientErrorHandler: answerNoRequest,
  // An agent that reports while one process gives way to the next has done nothing to be refused for.
  return503OnClosing: false,
};

/** The caller listens and closes. Without `tls` it speaks plain HTTP. */
export async function createApp(context: Context, tls: Tls | null = null): Promise<FastifyInstance> {
  const log: FastifyBaseLogger = context.log.child({}, { serializers: { req: describeRequest } });
  const options = {
    ...OF_ALL_SERVERS,
    loggerInstance: log,
    trustProxy: [...context.config.trustProxy],
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
      void answerUnreadable(error, request, reply, limitFailures),
  };
  const app: FastifyInstance =
    tls === null ? Fastify({ ...options, http: LISTENING }) : createSecureApp(options, tls);
  const slow = watchSlowConnections(app.server, () => performance.now());
  app.addHook('onClose', async () => slow.stop());
  await app.register(rateLimit, { global: false });
  const limitFailures = createLimit(app, FAILURES_PER_MINUTE);
  installBodies(app, ({ caller }, body) => takeBody(context, caller, body));
  installFailures(app, limitFailures);
  installAccess(app, context);
  const observe = observeRequests(app, context);
  mountRoutes(app, context, [...ROUTES, ...PAGES]);
  const hot: Hot = {
    files: context.files,
    isPublic: (path) => !isRestricted(context.downloads, path),
    ...{ observe: observe.file, watch: slow.watch },
  };
  answerHotFirst(app.server, hot);
  const event = tls === null ? 'connection' : 'secureConnection';
  const posts = createPlainPosts(context, observe.post);
  const doors = answerHotConnections(app.server, { ...hot, posts, event, firstMs: HEADERS_MS });
  if (!context.config.behindProxy) limitAddresses(app.server);
  installUpgrades(app);
  // Before the server waits for its connections to end: these would stay.
  app.addHook('preClose', async () => {
    context.hub.stop();
    context.events.stop();
    doors.stop(GRACE_MS);
  });
  return app;
}

/** Without its query: whoever puts a secret there, as providers put their codes, has it in no log. */
function describeRequest({ method, url, host, ip }: FastifyRequest): object {
  return { method, url: url.split('?')[0], host, remoteAddress: ip };
}

/** Its types differ in the server alone, of which nothing is used that HTTP's has not. */
function createSecureApp(options: FastifyServerOptions, tls: Tls): FastifyInstance {
  const https = { ...LISTENING, ...tls.options, handshakeTimeout: HEADERS_MS };
  return Fastify({ ...options, https } as FastifyServerOptions);
}
