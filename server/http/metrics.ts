// Numbers for Prometheus: requests as they end, and the state of repository and fleet when asked.
import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Context } from '../context.ts';
import { countInstances } from '../db/instances.ts';

/** Counts only: the page is open to whoever reaches the server. */
export function installMetrics(app: FastifyInstance, context: Context): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  observeRequests(app, registry);
  observeRepository(registry, context);
  app.get('/metrics', async (_request, reply) => {
    const page = await registry.metrics();
    return reply.header('content-type', registry.contentType).send(page);
  });
}

function observeRequests(app: FastifyInstance, registry: Registry): void {
  const seconds = new Histogram({
    name: 'fairlead_http_request_duration_seconds',
    help: 'Time from request to answer, by route',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const reports = new Counter({
    name: 'fairlead_reports_total',
    help: 'Reports of agents that were kept',
    registers: [registry],
  });
  app.addHook('onResponse', async (request, reply) => {
    // The route's pattern, never the address: addresses are the caller's to choose, and each would make a series.
    const route = request.routeOptions.url ?? 'none';
    const { method } = request;
    seconds.observe({ method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    if (route === '/api/v1/reports' && reply.statusCode === 200) reports.inc();
  });
}

function observeRepository(registry: Registry, context: Context): void {
  const expires = new Gauge({
    name: 'fairlead_metadata_expires_timestamp_seconds',
    help: 'When the metadata of a role expires',
    labelNames: ['role'],
    registers: [registry],
    collect() {
      const state = context.publisher.state();
      if (state === null) return;
      const files = { root: state.root, snapshot: state.snapshot, timestamp: state.timestamp };
      for (const [role, file] of [...Object.entries(files), ...state.roles]) {
        expires.set({ role }, file.content.expires / 1000);
      }
    },
  });
  const instances = new Gauge({
    name: 'fairlead_instances',
    help: 'Instances that are enrolled',
    registers: [registry],
    async collect() {
      instances.set(await countInstances(context.db));
    },
  });
}
