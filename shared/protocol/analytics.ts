// Analytics: how deployments end and how long they take, how the fleet stood over time, and how far a rollout may go next.
import { z } from 'zod';
import { instant } from '../schema/common.ts';

const count = z.int().min(0);
/** Of a thousand; null of none. */
const permille = count.nullable();
const milliseconds = count.nullable();

export const DEPLOYMENT_DIMENSIONS = ['day', 'component', 'version', 'reason'] as const;
export type DeploymentDimension = (typeof DEPLOYMENT_DIMENSIONS)[number];

const dimension = z.string().optional();

export const deploymentGroup = z.object({
  ...{ day: dimension, component: dimension, version: dimension, reason: dimension },
  /** Steps of deployments that ended, rollbacks apart: one that changed two components counts for each. */
  deployments: count,
  committed: count,
  rolled_back: count,
  failed: count,
  /** Ended by the machine, the network or a person, not by the release. */
  environment: count,
  /** Rollbacks that left it once it had committed. */
  sent_back: count,
  /** Committed, of those that say something of the release: all but `environment`. */
  success_permille: permille,
  /** Rolled back or sent back, of all that ended. */
  rollback_permille: permille,
  /** How long those took that committed, milliseconds, give or take a fifth. */
  duration_ms: z.object({ p50: milliseconds, p90: milliseconds, p99: milliseconds }),
});
export type DeploymentGroup = z.output<typeof deploymentGroup>;

export const deploymentAnalytics = z.object({
  from: z.string(),
  to: z.string(),
  groups: z.array(deploymentGroup),
  /** There are more: those with most deployments are told. */
  more: z.boolean(),
});

export const sampleSeries = z.object({
  name: z.string(),
  points: z.array(z.object({ at: instant, instances: count })),
});

/**
 * `exposed`: by severity, the instances that run something affected. `standing`: who `complies` with its own
 * policy, who `violates` it, who is `unheard` of. `running`: by `core/auth 1.0.1`.
 */
export const SAMPLE_KINDS = ['exposed', 'standing', 'running'] as const;
export type SampleKind = (typeof SAMPLE_KINDS)[number];

export const fleetAnalytics = z.object({
  kind: z.enum(SAMPLE_KINDS),
  from: z.string(),
  to: z.string(),
  series: z.array(sampleSeries),
  /** There are older points: ask for less time, or for one name. */
  more: z.boolean(),
});
