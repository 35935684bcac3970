// Numbers for Prometheus: requests as they end, and the state of repository and fleet when asked.
import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Context } from '../context.ts';
import { observeBackups } from './backup-metrics.ts';
import { createDurations, type Durations, type Series } from './durations.ts';
import { observeFleet, renderDeploymentDurations } from './fleet-metrics.ts';
import { METRICS_BY_NAME, type MetricName, type Say, together, type Watch } from './metric-table.ts';
import { REPORTS } from './routes/reports.ts';
import { observeServer } from './server-metrics.ts';

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

interface Page {
  readonly registry: Registry;
  readonly durations: Durations;
  render(): Promise<string>;
}

const pages = new WeakMap<Context, Page>();

/** The page as it is now, without the numbers that cannot be read. */
export function renderMetrics(context: Context): Promise<string> {
  return pageOf(context).render();
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
  const durations = createDurations();
  const render = together(async () => {
    const deployments = await orLeftOut(context, 'fairlead_deployment_duration_seconds', () =>
      renderDeploymentDurations(context.db),
    );
    return `${await registry.metrics()}\n${durations.render()}\n${deployments ?? ''}`;
  });
  const page = { registry, durations, render };
  pages.set(context, page);
  collectDefaultMetrics({ register: registry });
  const watch = watchIn(registry, context);
  observeServer(watch, context);
  observeFleet(watch, context);
  observeBackups(watch, context);
  return page;
}

/** Null where it cannot be read: the others are asked for because something is wrong. */
async function orLeftOut<Value>(
  { log }: Context,
  metric: MetricName,
  read: () => Promise<Value>,
): Promise<Value | null> {
  return read().catch((err) => {
    log.warn({ metric, err }, 'could not read a number; the page goes without it');
    return null;
  });
}

function watchIn(registry: Registry, context: Context): Watch {
  return (name, look) => {
    const { type, help, labels } = METRICS_BY_NAME[name];
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    const collectInto = async (metric: Gauge | Counter) => {
      const heard = await orLeftOut(context, name, () => listen(look));
      // Without labels a reset says 0, which somebody would believe.
      if (labels.length === 0) metric.remove();
      else metric.reset();
      for (const [value, values] of heard ?? []) {
        const said = Object.fromEntries(labels.map((label, i) => [label, values[i] ?? '']));
        if (metric instanceof Gauge) metric.set(said, value);
        else metric.inc(said, value);
      }
    };
    if (type === 'counter')
      new Counter({
        ...options,
        collect() {
          return collectInto(this);
        },
      });
    else
      new Gauge({
        ...options,
        collect() {
          return collectInto(this);
        },
      });
  };
}

/** All that it says, or nothing: half of it would look like the whole. */
async function listen(look: (say: Say) => Promise<void>) {
  const heard: (readonly [value: number, values: readonly string[]])[] = [];
  await look((value, ...values) => heard.push([value, values]));
  return heard;
}
