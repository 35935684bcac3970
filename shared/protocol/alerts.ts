// Alerts: what somebody should hear of, out of all that happens; many events about one thing are one alert with a count.
import { z } from 'zod';
import { instant, line } from '../schema/common.ts';
import { instanceId } from './report.ts';

/** The least grave first. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const ALERT_KINDS = [
  'deployment-failed',
  'rollback',
  'policy-violation',
  'order-postponed',
  'install-blocked',
  'install-unhealthy',
  'install-silent',
  'identity-twinned',
  'ledger-forked',
  'critical-advisory',
  'rollout-halted',
  'expiry',
  'job-failing',
  'backup-failed',
  'disk-fills',
  'webhook-disabled',
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** A later server has other kinds, and says of each in `text` what happened. */
export const alertModel = z.object({
  id: z.uuid(),
  kind: z.string(),
  severity: z.enum(SEVERITIES),
  /** What it is about: a step of a deployment, an advisory, a job. */
  about: z.string(),
  /** One line for people. */
  text: z.string(),
  /** Of events so far. */
  count: z.int().min(1),
  /** Some of the installs that it is about. */
  instances: z.array(z.object({ id: instanceId, name: line })),
  first_at: instant,
  last_at: instant,
});
export type AlertModel = z.output<typeof alertModel>;

export const alertsList = z.object({ alerts: z.array(alertModel) });

export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}
