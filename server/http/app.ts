// The HTTP server: bodies, access, limits and failures once for all routes, then the routes by area.
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { isFairleadError } from '../../shared/errors/error.ts';
import type { Context } from '../context.ts';
import { accessOf, type Caller, verifyAccess } from './access.ts';
import { installBodies } from './bodies.ts';
import { installDescription } from './description.ts';
import { installFailures } from './failures.ts';
import { createLimit } from './limits.ts';
import { installMetrics } from './metrics.ts';
import { addEnrolmentRoutes } from './routes/enrolments.ts';
import { addFleetRoutes } from './routes/fleet.ts';
import { addHistoryRoutes } from './routes/history.ts';
import { addOperationRoutes } from './routes/operations.ts';
import { addPublicationRoutes } from './routes/publications.ts';
import { addReportRoutes } from './routes/reports.ts';
import { addRepositoryFiles } from './routes/repository.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
}

const DEFAULT_BODY_BYTES = 64 * 1024;
/** A connection on which nothing moves is closed. */
const IDLE_MS = 60_000;
const FAILURES_PER_MINUTE = 60;

/** The caller listens and closes. */
export async function createApp(context: Context): Promise<FastifyInstance> {
  const log: FastifyBaseLogger = context.log;
  const app = Fastify({
    loggerInstance: log,
    bodyLimit: DEFAULT_BODY_BYTES,
    connectionTimeout: IDLE_MS,
    return503OnClosing: true,
    trustProxy: [...context.config.trustProxy],
  });
  await app.register(rateLimit, { global: false });
  installBodies(app);
  installFailures(app);
  installAccess(app, context);
  await installDescription(app);
  installMetrics(app, context);
  addOperationRoutes(app, context);
  addPublicationRoutes(app, context);
  addEnrolmentRoutes(app, context);
  addReportRoutes(app, context);
  addFleetRoutes(app, context);
  addHistoryRoutes(app, context);
  await addRepositoryFiles(app, context);
  return app;
}

function installAccess(app: FastifyInstance, context: Context): void {
  const limitFailures = createLimit(app, FAILURES_PER_MINUTE);
  app.decorateRequest('caller');
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) {
      if (accessOf(one, url) === undefined)
        throw new Error(`${one} ${url} is missing in the table of access`);
    }
  });
  app.addHook('onRequest', async (request) => {
    const route = request.routeOptions.url;
    if (route === undefined) return;
    const access = accessOf(request.method, route) ?? [];
    const { authorization } = request.headers;
    try {
      request.caller = await verifyAccess(context.db, access, authorization, route, context.now());
    } catch (error) {
      if (isFairleadError(error, 'auth/missing', 'auth/refused', 'auth/forbidden'))
        await limitFailures(request);
      throw error;
    }
  });
}
