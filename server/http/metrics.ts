// Numbers for Prometheus: requests as they end, and the state of repository and fleet when asked.
import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Context } from '../context.ts';
import { observeBackups } from './backup-metrics.ts';
import { createDurations, type Durations, type Series } from './durations.ts';
import { observeFleet, renderDeploymentDurations } from './fleet-metrics.ts';
import { METRICS_BY_NAME, type Say, type Watch } from './metric-table.ts';
import { REPORTS } from './routes/reports.ts';
import { observeServer } from './server-metrics.ts';

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

interface Page {
  readonly registry: Registry;
  readonly durations: Durations;
}

const pages = new WeakMap<Context, Page>();

/** The page as it is now. */
export async function renderMetrics(context: Context): Promise<string> {
  const { registry, durations } = pageOf(context);
  const deployments = await renderDeploymentDurations(context.db);
  return `${await registry.metrics()}\n${durations.render()}\n${deployments}`;
}

/** How to note what is answered before there is a request of the framework. */
export interface Observe {
  file(status: number, ms: number): void;
  /** A success. */
  post(route: string, ms: number): void;
}

export function observeRequests(app: FastifyInstance, context: Context): Observe {
  const { registry, durations } = pageOf(context);
  const name = 'fairlead_reports_total' as const;
  const reports = new Counter({ name, help: METRICS_BY_NAME[name].help, registers: [registry] });
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
  const watch = watchIn(registry);
  observeServer(watch, context);
  observeFleet(watch, context);
  observeBackups(watch, context);
  return page;
}

function watchIn(registry: Registry): Watch {
  return (name, look) => {
    const { type, help, labels } = METRICS_BY_NAME[name];
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    const say = (of: Gauge | Counter): Say => {
      // Without labels a reset says 0, which somebody would believe.
      if (labels.length === 0) of.remove();
      else of.reset();
      return (value, ...values) =>
        of.inc(Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ''])), value);
    };
    if (type === 'counter')
      new Counter({
        ...options,
        async collect() {
          await look(say(this));
        },
      });
    else
      new Gauge({
        ...options,
        async collect() {
          await look(say(this));
        },
      });
  };
}
