// Analytics, read: how deployments end, and how the fleet stood over time.
import { z } from 'zod';
import { type EpochMs, formatInstantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import {
  DEPLOYMENT_DIMENSIONS,
  deploymentAnalytics,
  fleetAnalytics,
  SAMPLE_KINDS,
} from '../../../shared/protocol/analytics.ts';
import { summarizeDeployments } from '../../db/deployment-analytics.ts';
import { listSamples } from '../../db/fleet-samples.ts';
import { defineRoute, type Route } from '../route.ts';

const DAY_MS = 86_400_000;
const USUAL_DAYS = 30;
const MOST_GROUPS = 500;
const MOST_POINTS = 10_000;

const day = z.iso.date({ error: 'a day such as "2026-11-29"' }).optional();

const dayOf = (at: EpochMs) => formatInstantMs(at).slice(0, 10);

/** Went back once, by itself, after most of a minute. */
const GROUP = {
  ...{ component: 'core/auth', version: '1.2.1', deployments: 1, committed: 0, rolled_back: 1, failed: 0 },
  ...{ environment: 0, sent_back: 0, success_permille: 0, rollback_permille: 1_000 },
  duration_ms: { p50: null, p90: null, p99: null },
};

const deployments = defineRoute({
  method: 'GET',
  path: '/api/v1/analytics/deployments',
  access: ['viewer'],
  tag: 'fleet',
  summary:
    'How deployments ended and how long they took, from day to day (30 days unless given), grouped `by` any of day, component, version and reason; those with most deployments first, or the last days',
  query: z.strictObject({
    ...{ from: day, to: day },
    component: z.string().max(129).optional(),
    version: z.string().max(256).optional(),
    by: z
      .string()
      .max(60)
      .transform((text) => text.split(',').filter((name) => name !== ''))
      .pipe(z.array(z.enum(DEPLOYMENT_DIMENSIONS)).max(DEPLOYMENT_DIMENSIONS.length))
      .default(['component']),
    limit: z.coerce.number().int().min(1).max(MOST_GROUPS).default(100),
  }),
  reply: deploymentAnalytics,
  example: {
    query: { from: '2026-11-20', to: '2026-11-20', version: '1.2.1', by: 'component,version' },
    reply: { from: '2026-11-20', to: '2026-11-20', more: false, groups: [GROUP] },
  },
  answer: async ({ db, now }, { query }) => {
    const { from, to } = spanOf(query, now());
    const { groups, more } = await summarizeDeployments(db, {
      ...query,
      by: [...new Set(query.by)],
      from,
      to,
    });
    return { from, to, more, groups: [...groups] };
  },
});

const fleet = defineRoute({
  method: 'GET',
  path: '/api/v1/analytics/fleet',
  access: ['viewer'],
  tag: 'fleet',
  summary:
    'How many instances were `exposed` by severity, how they stood to their own policy (`standing`: complies, violates, unheard), hour by hour for a fortnight and then day by day, or what was `running` day by day',
  query: z.strictObject({
    kind: z.enum(SAMPLE_KINDS),
    ...{ from: day, to: day },
    name: z.string().max(400).optional(),
  }),
  reply: fleetAnalytics,
  example: {
    query: { kind: 'exposed', name: 'critical', from: '2026-11-20', to: '2026-11-20' },
    reply: {
      ...{ kind: 'exposed', from: '2026-11-20', to: '2026-11-20', more: false },
      series: [{ name: 'critical', points: [{ at: '2026-11-20T12:00:00.000Z', instances: 1 }] }],
    },
  },
  answer: async ({ db, now }, { query }) => {
    const { kind, name, ...days } = query;
    const { from, to } = spanOf(days, now());
    const { samples, more } = await listSamples(db, { kind, name, from, to, limit: MOST_POINTS });
    const told = Map.groupBy(samples, (row) => row.name);
    const series = [...told].map(([of, points]) => {
      return { name: of, points: points.map(({ at, instances }) => ({ at, instances: Number(instances) })) };
    });
    return { kind, from, to, more, series };
  },
});

interface Days {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Both days are in it. Error: request/invalid. */
function spanOf(days: Days, now: EpochMs): { readonly from: string; readonly to: string } {
  const to = days.to ?? dayOf(now);
  const from = days.from ?? dayOf(Date.parse(to) - USUAL_DAYS * DAY_MS);
  if (from <= to) return { from, to };
  throw new FairleadError('request/invalid', {
    problem: `from (${from}) is after to (${to}): the first day comes first`,
  });
}

export const ANALYTICS_ROUTES: readonly Route[] = [deployments, fleet];
