// Numbers for Prometheus: requests as they end, and the state of repository and fleet when asked.
import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Context } from '../context.ts';
import { countInstances, countTwins } from '../db/instances.ts';
import { countJobs } from '../db/job-lists.ts';
import { listTokenExpiries } from '../db/token-lists.ts';
import { observeBackups } from './backup-metrics.ts';
import { createDurations, type Durations, type Series } from './durations.ts';
import { REPORTS } from './routes/reports.ts';

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

interface Page {
  readonly registry: Registry;
  readonly durations: Durations;
}

const pages = new WeakMap<Context, Page>();

/** The page as it is now. */
export async function renderMetrics(context: Context): Promise<string> {
  const { registry, durations } = pageOf(context);
  return `${await registry.metrics()}\n${durations.render()}`;
}

/** How to note what is answered before there is a request of the framework. */
export interface Observe {
  file(status: number, ms: number): void;
  /** A success. */
  post(route: string, ms: number): void;
}

export function observeRequests(app: FastifyInstance, context: Context): Observe {
  const { registry, durations } = pageOf(context);
  const reports = new Counter({
    name: 'fairlead_reports_total',
    help: 'Reports of agents that were kept',
    registers: [registry],
  });
  const note = (method: string, route: string, status: number, ms: number) => {
    durations.of(method, route, status).note(ms);
    if (route === REPORTS && status === 200) reports.inc();
  };
  app.addHook('onResponse', async (request, reply) =>
    note(request.method, request.routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime),
  );
  const files = new Map<number, Series>();
  return {
    file: (status, ms) => {
      const series = files.get(status) ?? durations.of('GET', '/repository/*', status);
      files.set(status, series);
      series.note(ms);
    },
    post: (route, ms) => note('POST', route, 200, ms),
  };
}

function pageOf(context: Context): Page {
  const known = pages.get(context);
  if (known !== undefined) return known;
  const registry = new Registry();
  const page = { registry, durations: createDurations() };
  pages.set(context, page);
  collectDefaultMetrics({ register: registry });
  observeRepository(registry, context);
  observeJobs(registry, context);
  observeBackups(registry, context);
  return page;
}

function observeRepository(registry: Registry, context: Context): void {
  const expires = new Gauge({
    name: 'fairlead_metadata_expires_timestamp_seconds',
    help: 'When the metadata of a role expires',
    labelNames: ['role'],
    registers: [registry],
    collect() {
      for (const { name, at } of context.publisher.published().expiries) {
        expires.set({ role: name }, at / 1000);
      }
    },
  });
  const tokens = new Gauge({
    name: 'fairlead_token_expires_timestamp_seconds',
    help: 'When a token that is not revoked expires',
    labelNames: ['name'],
    registers: [registry],
    async collect() {
      // A token that was revoked is no longer there to be warned of.
      tokens.reset();
      for (const { name, at } of await listTokenExpiries(context.db)) tokens.set({ name }, at / 1000);
    },
  });
  const twins = new Gauge({
    name: 'fairlead_instances_twinned',
    help: 'Instances for which two agents spoke in turns within the last day',
    registers: [registry],
    async collect() {
      twins.set(await countTwins(context.db, context.now()));
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

function observeJobs(registry: Registry, { db, now }: Context): void {
  const registers = [registry];
  const failing = new Gauge({
    name: 'fairlead_jobs_failing',
    help: 'What the server does by itself and could not do: `failing` is tried again, `given-up` is not',
    labelNames: ['kind', 'state'],
    registers,
    async collect() {
      failing.reset();
      for (const { kind, failing: count, givenUp } of await countJobs(db, now())) {
        failing.set({ kind, state: 'failing' }, count);
        failing.set({ kind, state: 'given-up' }, givenUp);
      }
    },
  });
  const overdue = new Gauge({
    name: 'fairlead_job_overdue_seconds',
    help: 'For how long the oldest job of a kind is due',
    labelNames: ['kind'],
    registers,
    async collect() {
      overdue.reset();
      for (const { kind, overdueMs } of await countJobs(db, now())) overdue.set({ kind }, overdueMs / 1000);
    },
  });
}
